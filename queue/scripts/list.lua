#!lua flags=no-writes
--@ include key now record pack filter progress_of page lanes
-- list: a page of the jobs in one state; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 state   2 cursor or ''   3 how many entries to look at   4 bytes_max   5.. filter
-- Gives {next cursor or '', ID, score or '', record, rare json or false, `PERCENT AT_MS NOTE` or
--       false, ...}; a page may be short or even empty while there is a next one
local state, after = ARGV[1], ARGV[2]
page.state, page.limit, page.bytes_max = state, tonumber(ARGV[3]), tonumber(ARGV[4])
page.filter = filter_from(5, math.floor(now_us() / 1000))

-- Cursor `SCORE NAME`: goes on behind that job or pack, also when it has left meanwhile; or
-- `SCORE.PLACE NAME`: inside of a pack, behind that place.
local function list_set()
  local score, place, name = after:match('^(%d+)%.?(%d*) (%S+)$')
  local rank = name and redis.call('ZRANK', key(state), name)
  local below = name and not rank and redis.call('ZCOUNT', key(state), '-inf', '(' .. score)
  local from, asked = rank and (place == '' and rank + 1 or rank) or below or 0, page.limit
  local entries = redis.call('ZRANGE', key(state), from, from + page.limit - 1, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local behind = entries[i] == name and tonumber(place) or -1
    local stopped = page_add_entry(entries[i], entries[i + 1], behind)
    if stopped then return entries[i + 1] .. '.' .. stopped .. ' ' .. entries[i] end
    if page_full() or (#entries == 2 * asked and i == #entries - 1) then
      return entries[i + 1] .. ' ' .. entries[i]
    end
  end
  return ''
end

-- Cursor `INDEX LANE` or `INDEX.PLACE LANE`: lane after lane, in the order in which claims look at
-- them.
local function list_lanes()
  local index, place, from = after:match('^(%d+)%.?(%d*) (.+)$')
  local first = from and '[' .. from or '-'
  for _, lane in ipairs(lanes_from(first, page.limit + 1)) do
    local start, asked = lane == from and tonumber(index) or 0, page.limit
    local entries = redis.call('LRANGE', key('lane:' .. lane), start, start + asked - 1)
    for i, name in ipairs(entries) do
      local behind, stopped = i == 1 and lane == from and tonumber(place) or -1, nil
      local ghost = redis.call('HEXISTS', key('ghosts'), name) == 1
      if ghost then page.limit = page.limit - 1
      else stopped = page_add_entry(name, '', behind) end
      if stopped then return start + i - 1 .. '.' .. stopped .. ' ' .. lane end
      if page_full() or i == asked then return start + i .. ' ' .. lane end
    end
  end
  return ''
end

if state == 'ready' then page.answer[1] = list_lanes() else page.answer[1] = list_set() end
return page.answer
