#!lua flags=allow-oom
--@ include key edited
-- schedule_remove: a schedule and all that is known of it is gone, also a fire that waits. The jobs
-- that it made stay.
--
-- KEYS  1 queue
-- ARGV  1 NAME
-- Gives 1 when there was one, else 0
local name = ARGV[1]
local there = redis.call('HDEL', key('schedules'), name)
for _, hash in ipairs({'schedule_jobs', 'ticks', 'buffered'}) do
  redis.call('HDEL', key(hash), name)
end
redis.call('ZREM', key('schedule_names'), name)
redis.call('DEL', key('history:' .. name))
if there == 1 then tell_edit(count_edit()) end
return there
