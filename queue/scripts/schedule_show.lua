#!lua flags=no-writes
--@ include key history
-- schedule_show: everything about one schedule; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 NAME
-- Gives {name, 'REVISION TIMING', tick, buffered or false, record, {fire (JSON), ...}}, the newest
--       first; or nothing
local name = ARGV[1]
local schedule = redis.call('HGET', key('schedules'), name)
if not schedule then return {} end
return {name, schedule, redis.call('HGET', key('ticks'), name),
        redis.call('HGET', key('buffered'), name), redis.call('HGET', key('schedule_jobs'), name),
        redis.call('LRANGE', key('history:' .. name), 0, HISTORY_MAX - 1)}
