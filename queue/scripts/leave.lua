#!lua flags=allow-oom
--@ include key wake
-- leave: a server no longer serves this queue; a wake-up that it may have taken is passed on.
--
-- KEYS  1 queue
-- ARGV  1 server   2 '1' when it holds no lease: its seat is free again
-- Gives {'ok'}
idle_leave(ARGV[1])
redis.call('HDEL', key('servers'), ARGV[1])
if ARGV[2] == '1' then redis.call('HDEL', key('seats'), ARGV[1]) end
return {'ok'}
