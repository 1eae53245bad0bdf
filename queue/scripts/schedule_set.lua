#!lua
--@ include key now tick edited
-- schedule_set: makes a schedule, or replaces it; what it has fired and what is buffered stays. Its
-- revision is the count of edits, so none is ever used again. Refused by a full Redis, like a fire.
--
-- KEYS  1 queue
-- ARGV  1 NAME   2 TIMING (JSON)   3 record of its jobs   4 revision that it replaces (0: none is
--       there, -1: any or none)   5 '1': its times begin now   6 NEXT in ms or '-'
-- Gives {'set' | 'same' | 'conflict' | 'none', revision that is there now}
-- Of the timing only this counts here: what was resumed has the times of before, and those that a
-- clock ahead has fired are fired; other times have never been.
local function without_pause(text) return (text:gsub(',"paused":true', '')) end

local name, timing, record, wanted, from_now, next_ms = unpack(ARGV)
local now_ms = math.floor(now_us() / 1000)
local old = redis.call('HGET', key('schedules'), name)
local revision, old_timing = (old or '0 '):match('^(%d+) (.*)$')

if old and old_timing == timing and redis.call('HGET', key('schedule_jobs'), name) == record then
  return {'same', revision}
elseif wanted ~= '-1' and wanted ~= revision then
  return {old and 'conflict' or 'none', revision}
end
local tick, fresh = old and tick_of(name), new_tick(now_ms)
tick = tick or fresh
local resumed = old and without_pause(timing) == without_pause(old_timing)
if from_now == '1' and not (resumed and tonumber(tick.watermark) > now_ms) then
  tick.watermark, tick.run_from, tick.before = fresh.watermark, '-', '-'
  if not resumed then tick.done_from, tick.done_to = '-', '-' end
end
tick.next = next_ms
local edits = count_edit()
redis.call('HSET', key('schedules'), name, edits .. ' ' .. timing)
redis.call('HSET', key('schedule_jobs'), name, record)
redis.call('HSET', key('ticks'), name, tick_text(tick))
redis.call('ZADD', key('schedule_names'), 0, name)
tell_edit(edits)
return {'set', edits}
