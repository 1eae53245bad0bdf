#!lua flags=allow-oom
--@ include key edited
-- schedule_remove: a schedule and all that is known of it is gone, also a fire that waits. The jobs
-- that it made stay.
--
-- KEYS  1 queue
-- ARGV  1 NAME   2 the one revision that may go (-1: any)
-- Gives {'removed' | 'conflict' | 'none', revision that it has, or had}
local name, wanted = unpack(ARGV)
local old = redis.call('HGET', key('schedules'), name)
local revision = (old or '0 '):match('^%d+') or '0'

if old and wanted ~= '-1' and wanted ~= revision then return {'conflict', revision} end
redis.call('HDEL', key('schedules'), name)
for _, hash in ipairs({'schedule_jobs', 'ticks', 'buffered'}) do
  redis.call('HDEL', key(hash), name)
end
redis.call('ZREM', key('schedule_names'), name)
redis.call('DEL', key('history:' .. name))
if old then tell_edit(count_edit()) end
return {old and 'removed' or 'none', revision}
