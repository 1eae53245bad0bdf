-- Patterns come most telling first: exact kinds, then prefixes from the longest on, '*' last. A
-- kind belongs to the first one that it fits.
local function pattern_for(kind, patterns)
  for _, pattern in ipairs(patterns) do
    if pattern_fits(pattern, kind) then return pattern end
  end
end

-- The lanes of a pattern in one priority, for ZRANGEBYLEX: from, to, and where others go on.
-- The '$' follows the '#' of groups, and stands before every letter that a kind may have.
local function range_of(priority, pattern)
  local text = priority .. ':' .. pattern
  if pattern:byte(-1) ~= 42 then return '[' .. text, '(' .. text .. '$', '[' .. text .. '$' end
  text = text:sub(1, -2)
  return '[' .. text, '(' .. text .. '\255', '[' .. text .. '\255'
end

-- Adds the lanes of one pattern in [from, to] until `lanes` has LANES_MAX; leaps over those that
-- belong to a pattern that tells more.
local LANES_MAX = 64

local function add_lanes(lanes, priority, pattern, patterns, from, to)
  repeat
    local page = redis.call('ZRANGEBYLEX', key('lanes'), from, to, 'LIMIT', 0, LANES_MAX)
    local leapt = false
    for _, lane in ipairs(page) do
      local owner = pattern_for(kind_of(lane), patterns)
      if owner == pattern then
        lanes[#lanes + 1], from = lane, '(' .. lane
      else
        leapt, from = true, select(3, range_of(priority, owner))
        break
      end
    end
  until #lanes >= LANES_MAX or not (leapt or #page == LANES_MAX)
end

-- Too many lanes to look at all: LANES_MAX of each priority and pattern, from the one whose turn it
-- is, so that kinds which nobody here runs never hide one that somebody does.
local function some_lanes(patterns, open, groups)
  for priority = 0, 9 do
    local turn, peers = redis.call('HGET', key('meta'), 'turn:' .. priority), {}
    for _, pattern in ipairs(patterns) do
      local lanes, from, to = {}, range_of(priority, pattern)
      local inside = turn and turn >= from:sub(2) and turn < to:sub(2)
      add_lanes(lanes, priority, pattern, patterns, inside and '(' .. turn or from, to)
      if inside then add_lanes(lanes, priority, pattern, patterns, from, '[' .. turn) end
      for _, lane in ipairs(lanes) do peers[#peers + 1], open[lane] = lane, pattern end
    end
    table.sort(peers)
    if #peers > 0 then groups[#groups + 1] = peers end
  end
end

-- Lanes that are not empty and that one of the patterns can run: as a map LANE -> PATTERN, and as
-- one sorted list a priority, most urgent first.
local function runnable_lanes(patterns)
  local open, groups = {}, {}
  local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
  if #lanes == LANES_MAX then
    some_lanes(patterns, open, groups)
    return open, groups
  end
  for _, lane in ipairs(lanes) do
    local pattern, peers = pattern_for(kind_of(lane), patterns), groups[#groups]
    if pattern then
      if not peers or peers[1]:byte() ~= lane:byte() then
        peers = {}
        groups[#groups + 1] = peers
      end
      peers[#peers + 1], open[lane] = lane, pattern
    end
  end
  return open, groups
end

-- The lane that was served first is the last of its peers the next time.
local function in_turn(peers)
  local turn = 'turn:' .. peers[1]:sub(1, 1)
  local last = redis.call('HGET', key('meta'), turn) or ''
  for _ = 1, #peers do
    if peers[1] > last then break end
    table.insert(peers, table.remove(peers, 1))
  end
  redis.call('HSET', key('meta'), turn, peers[1])
end
