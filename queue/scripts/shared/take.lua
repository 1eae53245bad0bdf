-- Takes jobs off a lane and leases them. A `batch` collects what one claim takes.
local byte = string.byte

-- The first lease deadline, whose last three digits name the seat of the server that claimed.
local function lease_token(batch, lease_ms)
  return integer(math.floor(batch.now / 1000 + lease_ms) * 1000 + batch.seat)
end

local function new_batch(seat, lease_ms)
  local batch = {ids = {}, records = {}, looks = {}, bytes = 0, seen = 0, now = now_us(),
                 seat = tonumber(seat), lease_ms = lease_ms}
  batch.token = lease_token(batch, lease_ms)
  return batch
end

-- The lane that was served first goes to the end of its peers the next time.
local function in_turn(peers)
  if #peers == 1 then return end
  local last = redis.call('HGET', key('meta'), 'turn') or ''
  for _ = 1, #peers do
    if peers[1] > last then break end
    table.insert(peers, table.remove(peers, 1))
  end
  redis.call('HSET', key('meta'), 'turn', peers[1])
end

-- An entry that is not plain: a ghost is dropped, an expired job ends, the rest is told about itself.
-- Gives id, record, token and rare data; nothing when there is nothing to start.
local function look(batch, entry, record)
  local id = entry:match('^[^~]*')
  record = record or redis.call('HGET', key('jobs'), id)
  local rare = record and rare_of(id, record)
  if not record or (rare.e or id) ~= entry then
    redis.call('HDEL', key('ghosts'), entry)
    return
  end
  local now_ms = math.floor(batch.now / 1000)
  local expires = tonumber(header(record, 'e'))
  if expires and expires < now_ms and not rare.a and not rare.r then
    rare.w = 'expired'
    return finish(id, record, rare, 'cancelled', now_ms)
  end
  local token = lease_token(batch, tonumber(header(record, 'l') or batch.lease_ms))
  if rare.t and tonumber(rare.t) >= tonumber(token) then token = integer(rare.t + 1000) end
  return id, record, token, cjson.encode(rare)
end

-- At most n entries. Gives whether the lane is empty now.
local function take(batch, lane, n)
  local entries = redis.call('LPOP', key('lane:' .. lane), n)
  if not entries then
    redis.call('ZREM', key('lanes'), lane)
    return true
  end
  local records = redis.call('HMGET', key('jobs'), unpack(entries))
  local ids, bodies, lease = batch.ids, batch.records, {}
  for i = 1, #entries do
    local id, record, token, rare = entries[i], records[i], batch.token, nil
    if not record or byte(record) ~= 48 then
      id, record, token, rare = look(batch, id, record)
    end
    if id then
      ids[#ids + 1], bodies[#bodies + 1] = id, record
      lease[#lease + 1], lease[#lease + 2] = token, id
      batch.bytes = batch.bytes + #record
      if rare then
        local looks = batch.looks
        looks[#looks + 1], looks[#looks + 2], looks[#looks + 3] = #ids - 1, token, rare
      end
    end
  end
  if #lease > 0 then redis.call('ZADD', key('active'), unpack(lease)) end
  local empty = #entries < n or redis.call('EXISTS', key('lane:' .. lane)) == 0
  if empty then redis.call('ZREM', key('lanes'), lane) end
  batch.seen = batch.seen + #entries
  return empty
end
