-- A limit has room again. The lanes of a group come back to the ring: as many as it has kinds and
-- priorities, so all of them, for the most urgent is to be served first.
local WAKE_LANES_MAX, some_parked = 64, nil

-- No script that parks lanes brings any back.
local function any_parked()
  if some_parked == nil then some_parked = redis.call('EXISTS', key('parked')) == 1 end
  return some_parked
end

local function unpark(scope)
  local lanes = redis.call('SMEMBERS', key('parked:' .. scope))
  for _, lane in ipairs(lanes) do
    redis.call('ZREM', key('parked'), lane)
    redis.call('ZADD', key('lanes'), 0, lane)
    wake(kind_of(lane))
  end
  if #lanes > 0 then redis.call('DEL', key('parked:' .. scope)) end
end

-- One server that can run something that waits; what it leaves over, it passes on.
local function wake_any()
  local tried = {}
  if redis.call('EXISTS', key('idle')) == 0 then return end
  for _, lane in ipairs(redis.call('ZRANGE', key('lanes'), 0, WAKE_LANES_MAX - 1)) do
    local kind = kind_of(lane)
    if not tried[kind] and wake(kind) then return end
    tried[kind] = true
  end
end

local function make_room(scope)
  if scope == 'queue' then wake_any()
  elseif scope:sub(1, 5) == 'kind:' then wake(scope:sub(6))
  else unpark(scope) end
end
