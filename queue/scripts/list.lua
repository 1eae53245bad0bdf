#!lua flags=no-writes
--@ include key record
-- list: a page of the jobs in one state; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 state   2 kind or ''   3 cursor or ''   4 how many entries to look at   5 bytes_max
-- Gives {next cursor or '', ID, score or '', record, rare json or false, ...}; a page may be short
--       or even empty while there is a next one
local state, kind, after, limit, bytes_max = unpack(ARGV)
local answer, bytes = {''}, 0
limit, bytes_max = tonumber(limit), tonumber(bytes_max)

local function add(id, score)
  local record = redis.call('HGET', key('jobs'), id)
  if not record or (kind ~= '' and kind_of(lane_of(record)) ~= kind) then return end
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = id, score, record
  answer[n + 4] = redis.call('HGET', key('rare'), id)
  bytes = bytes + #record
end

-- Cursor `SCORE ID`: goes on behind that job, also when it has left meanwhile.
local function list_set()
  local score, id = after:match('^(%S+) (%S+)$')
  local rank = id and redis.call('ZRANK', key(state), id)
  local below = id and not rank and redis.call('ZCOUNT', key(state), '-inf', '(' .. score)
  local from = rank and rank + 1 or below or 0
  local page = redis.call('ZRANGE', key(state), from, from + limit - 1, 'WITHSCORES')
  local full = #page == 2 * limit
  for i = 1, #page, 2 do
    local cursor = page[i + 1] .. ' ' .. page[i]
    add(page[i], page[i + 1])
    if bytes >= bytes_max or (full and i == #page - 1) then return cursor end
  end
  return ''
end

-- Cursor `INDEX LANE`: lane after lane, in the order in which claims look at them.
local function list_lanes()
  local index, from = after:match('^(%d+) (.+)$')
  local first = from and '[' .. from or '-'
  local lanes = redis.call('ZRANGEBYLEX', key('lanes'), first, '+', 'LIMIT', 0, limit + 1)
  for _, lane in ipairs(lanes) do
    local start = lane == from and tonumber(index) or 0
    for i, entry in ipairs(redis.call('LRANGE', key('lane:' .. lane), start, start + limit - 1)) do
      local id = entry:match('^[^~]*')
      if redis.call('HEXISTS', key('ghosts'), entry) == 0 then add(id, '') end
      limit = limit - 1
      if bytes >= bytes_max or limit == 0 then return start + i .. ' ' .. lane end
    end
  end
  return ''
end

if state == 'ready' then answer[1] = list_lanes() else answer[1] = list_set() end
return answer
