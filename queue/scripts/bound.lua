#!lua flags=allow-oom
--@ include key
-- bound: how much the queue may hold before it refuses new jobs; see guard.
--
-- KEYS  1 queue
-- ARGV  NAME, N ...: 'max_jobs' | 'max_bytes'; N '0': no bound
-- Gives {max_jobs or '', max_bytes or ''}
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', key('meta'), ARGV[i])
  else redis.call('HSET', key('meta'), ARGV[i], ARGV[i + 1]) end
end
local now = redis.call('HMGET', key('meta'), 'max_jobs', 'max_bytes')
return {now[1] or '', now[2] or ''}
