-- Takes jobs off a lane and leases them. A `batch` collects what one claim takes.
local byte = string.byte

-- The first lease deadline, whose last three digits name the seat of the server that claimed. It
-- grows with each attempt at a job, whatever the clock does; `last` is the token of the one before.
local function lease_token(batch, lease_ms, last)
  local deadline_ms = math.floor(batch.now / 1000 + lease_ms)
  if last then deadline_ms = math.max(deadline_ms, math.floor(last / 1000) + 1) end
  return integer(deadline_ms * 1000 + batch.seat)
end

local function new_batch(seat, lease_ms, bytes_max)
  local batch = {ids = {}, records = {}, looks = {}, bytes = 0, seen = 0, now = now_us(),
                 seat = seat, lease_ms = lease_ms, bytes_max = bytes_max}
  batch.token = lease_token(batch, lease_ms)
  return batch
end

-- An entry that is not plain: a ghost is dropped, an expired job ends, others are told about.
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
  if expires and expires < now_ms and not rare.t and not rare.a then
    rare.w = 'expired'
    finish(id, record, rare, 'cancelled', now_ms)
    return
  end
  local lease_ms = tonumber(header(record, 'l') or batch.lease_ms)
  return id, record, lease_token(batch, lease_ms, rare.t), cjson.encode(rare)
end

-- Back to the front, from entries[from] on, in their order.
local function put_back(lane, entries, from)
  local rest = {}
  for i = #entries, from, -1 do rest[#rest + 1] = entries[i] end
  redis.call('LPUSH', key('lane:' .. lane), unpack(rest))
end

-- At most n entries, and not more than bytes_max in all unless it is the first. Gives whether the
-- lane is empty now.
local function take(batch, lane, n)
  local entries = redis.call('LPOP', key('lane:' .. lane), n) or {}
  local records = #entries > 0 and redis.call('HMGET', key('jobs'), unpack(entries))
  local ids, bodies, lease, full = batch.ids, batch.records, {}, nil
  local count, at, bytes, bytes_max = #ids, 1, batch.bytes, batch.bytes_max
  for i = 1, #entries do
    local id, record, token, rare = entries[i], records[i], batch.token, nil
    if not record or byte(record) ~= 48 then
      id, record, token, rare = look(batch, id, record)
    end
    if id then
      bytes = bytes + #record
      if bytes > bytes_max and count > 0 then
        full = i
        break
      end
      count = count + 1
      ids[count], bodies[count] = id, record
      lease[at], lease[at + 1], at = token, id, at + 2
      if rare then
        local looks = batch.looks
        looks[#looks + 1], looks[#looks + 2], looks[#looks + 3] = count - 1, token, rare
      end
    end
  end
  batch.bytes, batch.seen = bytes, batch.seen + #entries
  if at > 1 then redis.call('ZADD', key('active'), unpack(lease)) end
  if full then put_back(lane, entries, full) end
  if full or #entries == n and redis.call('EXISTS', key('lane:' .. lane)) == 1 then return false end
  redis.call('ZREM', key('lanes'), lane)
  return true
end
