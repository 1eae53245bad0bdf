-- All lanes: those on the ring, and those that the limit of their group took off it.
local function lanes_from(first, n)
  local lanes = redis.call('ZRANGEBYLEX', key('lanes'), first, '+', 'LIMIT', 0, n)
  local parked = redis.call('ZRANGEBYLEX', key('parked'), first, '+', 'LIMIT', 0, n)
  if #parked == 0 then return lanes end
  for _, lane in ipairs(parked) do lanes[#lanes + 1] = lane end
  table.sort(lanes)
  return {unpack(lanes, 1, math.min(n, #lanes))}
end

local function is_parked(lane)
  return redis.call('ZSCORE', key('parked'), lane)
end

-- It is empty.
local function lane_leave(lane)
  redis.call('ZREM', key('lanes'), lane)
  if redis.call('ZREM', key('parked'), lane) == 1 then
    redis.call('SREM', key('parked:' .. 'group:' .. lane:match('#(.*)$')), lane)
  end
end
