#!lua flags=no-writes
--@ include key now
-- stats: counts of a queue, each derived from what holds the jobs; changes nothing.
--
-- KEYS  1 queue
-- Gives {now in us, paused (0 | 1), 8 counts: scheduled waiting ready active retry done dead cancelled,
--        {total, n, ...}, {oldest entry of a lane, record, ...}, {server, description, ...}}
local LANES_MAX = 64
local counts, held = {}, 0
for _, state in ipairs({'scheduled', 'waiting', 'ready', 'active', 'retry', 'done', 'dead', 'cancelled'}) do
  local n = state == 'ready' and 0 or redis.call('ZCARD', key(state))
  counts[#counts + 1], held = n, held + n
end
counts[3] = redis.call('HLEN', key('jobs')) - held

local oldest = {}
for _, lane in ipairs(redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)) do
  local id = (redis.call('LINDEX', key('lane:' .. lane), 0) or ''):match('^[^~]*')
  local record = redis.call('HGET', key('jobs'), id)
  if record then oldest[#oldest + 1], oldest[#oldest + 2] = id, record:match('^[^\n]*\n[^\n]*\n') end
end
local totals = redis.call('HGETALL', key('meta'))
return {now_us(), redis.call('HEXISTS', key('meta'), 'paused'), counts, totals, oldest,
        redis.call('HGETALL', key('servers'))}
