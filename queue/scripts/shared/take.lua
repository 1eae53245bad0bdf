-- Takes jobs off a lane and leases them. A `batch` collects what one claim takes.
-- Entries are popped in chunks, for what is too much for the answer is looked at in vain.
local byte, CHUNK = string.byte, 64

local function new_batch(seat, lease_ms, bytes_max)
  local batch = {ids = {}, records = {}, looks = {}, taken = {}, jobs = 0, bytes = 0, seen = 0,
                 now = now_us(),
                 seat = seat, lease_ms = lease_ms, bytes_max = bytes_max}
  batch.token = lease_token(batch.now, seat, lease_ms)
  return batch
end

-- Behind an attempt with a longer lease, the token is later than this lease ends: then it is kept
-- beside it, as if it had been renewed. Gives the token, and the end of the lease.
local BEHIND_US = 1000000
local function lease_again(batch, id, lease_ms, last)
  local token = lease_token(batch.now, batch.seat, lease_ms, last)
  local end_us = last and lease_token(batch.now, batch.seat, lease_ms)
  if not last or token - end_us < BEHIND_US then return token, token end
  redis.call('HSET', key('tokens'), id, token)
  return token, end_us
end

-- An entry that is not plain: a ghost is dropped, an expired job ends, others are told about.
-- Gives id, record, token, end of the lease and rare data; nothing when there is nothing to start.
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
  unique_free(id, record, true)
  local lease_ms = tonumber(header(record, 'l') or batch.lease_ms)
  local token, end_us = lease_again(batch, id, lease_ms, rare.t)
  return id, record, token, end_us, cjson.encode(rare)
end

-- Back to the front, from entries[from] on, in their order.
local function put_back(lane, entries, from)
  local rest = {}
  for i = #entries, from, -1 do rest[#rest + 1] = entries[i] end
  if #rest == 0 then return end
  redis.call('LPUSH', key('lane:' .. lane), unpack(rest))
end

-- A pack that is not whole, or too large for what is free, stands as single jobs from here on.
local function break_up(lane, name, record)
  put_back(lane, disband(name, record, 'ready'), 1)
end

-- How many jobs the pack at place i of what was popped brings; nil: it is not to be had as it is.
-- It is left for the next claim if only a few slots are left over, so that packs are not broken up
-- for them; unless this claim has nothing of its lane yet. Second answer: it was left.
local function fits(batch, lane, entries, i, record, room, taken)
  local name = entries[i]
  local size = pack_size(record)
  local apart = batch.limited or batch.singles
  local whole = not apart and redis.call('HEXISTS', key('gone'), name) == 0
  if size <= room and whole then return size end
  local left = not apart and taken > 0 and 2 * room < size
  put_back(lane, entries, left and i or i + 1)
  if not left then break_up(lane, name, record) end
  return nil, left
end

-- How many entries to pop for n jobs. Where packs are taken apart, they stand behind what is left
-- of the one before: they are not popped with that, for their records are large.
local function entries_for(batch, lane, n)
  local head = redis.call('LINDEX', key('lane:' .. lane), 0)
  if head and is_pack(head) then return math.max(1, math.floor(n / PACK_JOBS)) end
  n = math.min(n, CHUNK)
  if not (batch.singles or batch.limited) then return n end
  for i, entry in ipairs(redis.call('LRANGE', key('lane:' .. lane), 0, n - 1)) do
    if is_pack(entry) then return i - 1 end
  end
  return n
end

-- At most n jobs, and not more than bytes_max in all unless it is the first. Gives whether the lane
-- is empty now, and whether it has nothing more for this claim.
local function take(batch, lane, n)
  local want = entries_for(batch, lane, n)
  local entries = redis.call('LPOP', key('lane:' .. lane), want) or {}
  local records = #entries > 0 and redis.call('HMGET', key('jobs'), unpack(entries))
  local ids, bodies, lease, full, left = batch.ids, batch.records, {}, false, false
  local ended = false
  local count, at, bytes, bytes_max, room = #ids, 1, batch.bytes, batch.bytes_max, n
  for i = 1, #entries do
    if room == 0 then -- a pack among them brought many
      put_back(lane, entries, i)
      full = true
      break
    end
    local id, record, token, end_us, rare, jobs = entries[i], records[i], batch.token, nil, nil, 1
    local class = record and byte(record)
    if class == 50 then
      jobs, left = fits(batch, lane, entries, i, record, room, (batch.taken[lane] or 0) + n - room)
      full = not jobs
    elseif class ~= 48 then
      id, record, token, end_us, rare = look(batch, id, record)
      ended = ended or not id -- and what waited for its end may stand here now
    end
    if full then break end
    if id then
      bytes = bytes + #record
      if bytes > bytes_max and count > 0 then
        put_back(lane, entries, i)
        full = true
        break
      end
      count, room = count + 1, room - jobs
      ids[count], bodies[count] = id, record
      lease[at], lease[at + 1], at = end_us or token, id, at + 2
      if rare then
        local looks = batch.looks
        looks[#looks + 1], looks[#looks + 2], looks[#looks + 3] = count - 1, token, rare
      end
    end
  end
  batch.jobs, batch.bytes, batch.seen = batch.jobs + n - room, bytes, batch.seen + #entries
  batch.taken[lane] = (batch.taken[lane] or 0) + n - room
  if at > 1 then redis.call('ZADD', key('active'), unpack(lease)) end
  if full or (#entries == want or ended) and redis.call('EXISTS', key('lane:' .. lane)) == 1 then
    return false, left
  end
  redis.call('ZREM', key('lanes'), lane)
  return true
end
