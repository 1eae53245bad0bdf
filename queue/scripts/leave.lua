#!lua flags=allow-oom
--@ include key record wake
-- leave: a server no longer serves this queue; a wake-up that it may have taken is passed on.
--
-- KEYS  1 queue
-- ARGV  1 server   2 '1' when it holds no lease: its seat is free again
-- Gives {'ok'}
local LANES_MAX = 64
idle_leave(ARGV[1])
redis.call('HDEL', key('servers'), ARGV[1])
if ARGV[2] == '1' then redis.call('HDEL', key('seats'), ARGV[1]) end
local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
for _, lane in ipairs(lanes) do wake(kind_of(lane)) end
return {'ok'}
