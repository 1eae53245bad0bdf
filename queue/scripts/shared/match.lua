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
-- belong to a pattern that tells more, and over a kind that is shut.
local LANES_MAX = 64
local cut = {} -- patterns of which more lanes may be there than were looked at
local stopped = false -- too many lanes were shut: the rest was not looked at

-- What `shut` says of a lane that this pattern may have: nil, 'kind', 'lane' or 'stop'; or 'owner'.
local function why_not(lane, pattern, patterns, shut)
  local owner = pattern_for(kind_of(lane), patterns)
  if owner ~= pattern then return 'owner', owner end
  return shut and shut(lane), kind_of(lane)
end

local function add_lanes(lanes, priority, pattern, asked, from, to)
  repeat
    local page = redis.call('ZRANGEBYLEX', key('lanes'), from, to, 'LIMIT', 0, LANES_MAX)
    local leapt = false
    for _, lane in ipairs(page) do
      local why, over = why_not(lane, pattern, asked.patterns, asked.shut)
      if why == 'stop' then
        stopped = true
        return
      elseif why == 'owner' or why == 'kind' then
        leapt, from = true, select(3, range_of(priority, over))
        break
      end
      if not why then lanes[#lanes + 1] = lane end
      from = '(' .. lane
    end
  until #lanes >= LANES_MAX or not (leapt or #page == LANES_MAX)
end

-- Where each pattern goes on: behind the lane of it that was served last.
local function turns_of(priority, patterns)
  local names = {}
  for i, pattern in ipairs(patterns) do names[i] = 'turn:' .. priority .. ':' .. pattern end
  return redis.call('HMGET', key('meta'), unpack(names))
end

-- Too many lanes to look at all: LANES_MAX of each priority and pattern, from the one whose turn it
-- is, so that kinds which nobody here runs never hide one that somebody does.
local function some_lanes(asked, open, groups)
  for priority = 0, 9 do
    local turns, peers = turns_of(priority, asked.patterns), {big = true}
    for i, pattern in ipairs(asked.patterns) do
      local lanes, from, to = {}, range_of(priority, pattern)
      local turn = turns[i]
      local inside = turn and turn >= from:sub(2) and turn < to:sub(2)
      add_lanes(lanes, priority, pattern, asked, inside and '(' .. turn or from, to)
      if inside and not stopped and #lanes < LANES_MAX then
        add_lanes(lanes, priority, pattern, asked, from, '[' .. turn)
      end
      for _, lane in ipairs(lanes) do peers[#peers + 1], open[lane] = lane, pattern end
      cut[pattern] = cut[pattern] or #lanes >= LANES_MAX
      if stopped then break end
    end
    table.sort(peers)
    if #peers > 0 then groups[#groups + 1] = peers end
    if stopped then break end
  end
end

-- Lanes that are not empty and that one of the patterns can run: as a map LANE -> PATTERN, and as
-- one sorted list a priority, most urgent first. `shut` (nil is fine) says which have no room.
local function runnable_lanes(patterns, shut)
  local open, groups = {}, {}
  local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
  if #lanes == LANES_MAX then
    some_lanes({patterns = patterns, shut = shut}, open, groups)
    return open, groups
  end
  for _, lane in ipairs(lanes) do
    local pattern, peers = pattern_for(kind_of(lane), patterns), groups[#groups]
    if pattern and not (shut and shut(lane)) then
      if not peers or peers[1]:byte() ~= lane:byte() then
        peers = {}
        groups[#groups + 1] = peers
      end
      peers[#peers + 1], open[lane] = lane, pattern
    end
  end
  return open, groups
end

-- Peers in their order, from the one behind the lane that was served last.
local function in_turn(peers)
  local last = redis.call('HGET', key('meta'), 'turn:' .. peers[1]:sub(1, 1)) or ''
  local n, over, sorted = #peers, 0, {unpack(peers)}
  while over < n and sorted[over + 1] <= last do over = over + 1 end
  for i = 1, n do peers[i] = sorted[(i + over - 1) % n + 1] end
end

-- The first `served` of them got something. When that is all, the next one begins all the same.
local function keep_turn(peers, served, open_before)
  local turn = 'turn:' .. peers[1]:sub(1, 1)
  local fields, last = {turn, peers[served < #peers and served or 1]}, {}
  if peers.big then
    for i = 1, served do last[open_before[peers[i]]] = peers[i] end
    for pattern, lane in pairs(last) do
      fields[#fields + 1], fields[#fields + 2] = turn .. ':' .. pattern, lane
    end
  end
  redis.call('HSET', key('meta'), unpack(fields))
end
