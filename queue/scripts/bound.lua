#!lua flags=allow-oom
--@ include key
-- bound: how much the queue may hold before it refuses new jobs (see guard), and how much of what
-- ended badly it keeps (see retention).
--
-- KEYS  1 queue
-- ARGV  NAME, N ...: 'max_jobs' | 'max_bytes' | 'keep_jobs' | 'keep_ms'; N '0': none of its own
-- Gives {max_jobs or '', max_bytes or '', keep_jobs or '', keep_ms or ''}
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', key('meta'), ARGV[i])
  else redis.call('HSET', key('meta'), ARGV[i], ARGV[i + 1]) end
end
local now = redis.call('HMGET', key('meta'), 'max_jobs', 'max_bytes', 'keep_jobs', 'keep_ms')
return {now[1] or '', now[2] or '', now[3] or '', now[4] or ''}
