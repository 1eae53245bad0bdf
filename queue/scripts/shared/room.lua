-- How many jobs the limits let a claim start. A lane whose group has no room leaves the ring.
local PARKED_MAX = 512 -- by one call: the rest is for the next
local rooms, parked, now = {}, 0, now_us()
local held = {} -- what is to be written into `holds`, at the end

local function room_in(scope)
  local limit, room = limit_of(scope), math.huge
  if limit.concurrency > 0 then
    rooms[scope] = rooms[scope] or limit.concurrency - redis.call('SCARD', key('hold:' .. scope))
    room = rooms[scope]
  end
  if limit.count > 0 then room = math.min(room, starts_left(scope, limit, now)) end
  return math.max(0, room)
end

local function room_for(lane)
  local room = math.huge
  for _, scope in ipairs(scopes_of(lane)) do room = math.min(room, room_in(scope)) end
  return room
end

-- A lane has jobs that must wait: who brings it back is the end of an attempt, or a time.
local function refuse(lane)
  for _, scope in ipairs(scopes_of(lane)) do
    local limit = limit_of(scope)
    if limit.count > 0 and starts_left(scope, limit, now) == 0 then throttle(scope, limit, now) end
    if scope:sub(1, 6) == 'group:' and room_in(scope) == 0 then
      redis.call('ZREM', key('lanes'), lane)
      redis.call('ZADD', key('parked'), 0, lane)
      redis.call('SADD', key('parked:' .. scope), lane)
      parked = parked + 1
    end
  end
end

-- For runnable_lanes. Gives 'kind' for all lanes of a full kind, 'lane' for one, 'stop'.
local function shut(lane)
  if room_for(lane) > 0 then return end
  refuse(lane)
  if parked >= PARKED_MAX then return 'stop' end
  local scope = 'kind:' .. kind_of(lane)
  return limit_of(scope) and room_in(scope) == 0 and 'kind' or 'lane'
end

local function queue_full()
  if not limit_of('queue') or room_in('queue') > 0 then return false end
  local head = redis.call('ZRANGE', key('lanes'), 0, 0)[1]
  if head then refuse(head) end
  return true
end

-- These jobs of a lane were leased.
local function count_started(lane, ids, from)
  local names, n = {}, #ids - from + 1
  for _, scope in ipairs(scopes_of(lane)) do
    local limit = limit_of(scope)
    if limit.count > 0 then spend(scope, limit, n, now) end
    if limit.concurrency > 0 then
      names[#names + 1], rooms[scope] = scope, rooms[scope] - n
      redis.call('SADD', key('hold:' .. scope), unpack(ids, from))
    end
  end
  if #names == 0 then return end
  local text = table.concat(names, ' ')
  for i = from, #ids do held[#held + 1], held[#held + 2] = ids[i], text end
end

-- One command for all lanes of the claim.
local function keep_holds()
  if #held > 0 then redis.call('HSET', key('holds'), unpack(held)) end
end
