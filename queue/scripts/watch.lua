#!lua flags=allow-oom
--@ include key
-- watch: somebody follows the events of this queue; to be repeated before the time is over.
--
-- KEYS  1 queue
-- ARGV  1 seconds
-- Gives {'ok'}
redis.call('SET', key('watched'), 1, 'EX', ARGV[1])
return {'ok'}
