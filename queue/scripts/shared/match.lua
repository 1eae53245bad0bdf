-- Patterns come most telling first: exact kinds, then prefixes from the longest on, '*' last.
local function pattern_for(kind, patterns)
  for _, pattern in ipairs(patterns) do
    if pattern == kind then return pattern end
    if pattern:byte(-1) == 42 and kind:sub(1, #pattern - 1) == pattern:sub(1, -2) then
      return pattern
    end
  end
end

-- Lanes that are not empty, most urgent first: all of them while they are few; beyond LANES_MAX only
-- those that a pattern can match, so that kinds nobody here runs never hide one that somebody does.
local LANES_MAX = 64

local function lanes_for(patterns)
  local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
  if #lanes < LANES_MAX then return lanes end
  lanes = {}
  for priority = 0, 9 do
    for _, pattern in ipairs(patterns) do
      local prefix = pattern:byte(-1) == 42 and pattern:sub(1, -2)
      local from = '[' .. priority .. ':' .. (prefix or pattern)
      local to = prefix and from .. '\255' or '(' .. from:sub(2) .. '$' -- '$' follows the '#' of groups
      local found = redis.call('ZRANGEBYLEX', key('lanes'), from, to, 'LIMIT', 0, LANES_MAX)
      for _, lane in ipairs(found) do
        if pattern_for(kind_of(lane), patterns) == pattern then lanes[#lanes + 1] = lane end
      end
    end
  end
  return lanes
end

-- The same lanes, one list per priority.
local function by_priority(lanes)
  local groups = {}
  for _, lane in ipairs(lanes) do
    local group = groups[#groups]
    if not group or group[1]:byte() ~= lane:byte() then
      group = {}
      groups[#groups + 1] = group
    end
    group[#group + 1] = lane
  end
  return groups
end
