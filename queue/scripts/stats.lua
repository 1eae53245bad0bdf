#!lua flags=no-writes
--@ include key now record pack
-- stats: counts of a queue, each derived from what holds the jobs; changes nothing.
--
-- KEYS  1 queue
-- ARGV  none
-- Gives {now in us, paused (0 | 1), 8 counts in the order below, {total, n, ...},
--        {oldest id of a lane, its record without payload, ...}, {server, description, ...},
--        {scope of a limit, the limit, how many run under it, ...},
--        {scope, kind of what carries its dead jobs, ...}, totals of the last minute (see past)}
local LANES_MAX, GHOSTS_MAX = 64, 16
local counts, held = {}, 0
local states = {'scheduled', 'waiting', 'ready', 'active', 'retry', 'done', 'dead', 'cancelled'}
for _, state in ipairs(states) do
  local n = state == 'ready' and 0 or redis.call('ZCARD', key(state))
  counts[#counts + 1], held = n, held + n
end
local function packed(state)
  return tonumber(redis.call('HGET', key('meta'), 'packed_' .. state) or 0)
end
counts[3] = redis.call('HLEN', key('jobs')) - held + packed('ready')
counts[4] = counts[4] + packed('active')

local oldest, lanes = {}, redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
for _, lane in ipairs(redis.call('ZRANGE', key('parked'), 0, LANES_MAX - 1)) do
  lanes[#lanes + 1] = lane
end
for _, lane in ipairs(lanes) do
  for _, entry in ipairs(redis.call('LRANGE', key('lane:' .. lane), 0, GHOSTS_MAX)) do
    if redis.call('HEXISTS', key('ghosts'), entry) == 0 then
      local id = entry:match('^[^~]*')
      local record = redis.call('HGET', key('jobs'), id) or ''
      if is_pack(entry) then
        local ids, records = pack_jobs(entry, record)
        id, record = ids[1], records[1]
      end
      oldest[#oldest + 1], oldest[#oldest + 2] = id, record:match('^[^\n]*\n[^\n]*\n') or ''
      break
    end
  end
end
-- SCOPE, what it allows, how many run: of `groups`, each group has its own number.
local limits, rules = {}, redis.call('HGETALL', key('limits'))
for i = 1, #rules, 2 do
  local running = redis.call('SCARD', key('hold:' .. rules[i]))
  limits[#limits + 1], limits[#limits + 2], limits[#limits + 3] = rules[i], rules[i + 1], running
end
local totals = redis.call('HGETALL', key('meta'))
return {now_us(), redis.call('HEXISTS', key('meta'), 'paused'), counts, totals, oldest,
        redis.call('HGETALL', key('servers')), limits,
        redis.call('HGETALL', key('on_dead')), redis.call('LRANGE', key('past'), 0, -1)}
