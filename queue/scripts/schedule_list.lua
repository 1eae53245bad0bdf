#!lua flags=no-writes
--@ include key now
-- schedule_list: a page of the queue's schedules, by name; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 name to go on behind, or ''   2 limit   3 '1': with the records of their jobs
--       4 bytes_max
-- Gives {now in us, edits so far, more, name, 'REVISION TIMING', tick, buffered or false, record or
--        false, ...}; more: 1 when bytes_max or the limit stopped it
local limit, bytes, bytes_max = tonumber(ARGV[2]), 0, tonumber(ARGV[4])
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local names = redis.call('ZRANGEBYLEX', key('schedule_names'), from, '+', 'LIMIT', 0, limit)
local edits = tonumber(redis.call('HGET', key('meta'), 'schedules') or 0)
local answer = {now_us(), edits, #names == limit and 1 or 0}
if #names == 0 then return answer end

local schedules = redis.call('HMGET', key('schedules'), unpack(names))
local ticks = redis.call('HMGET', key('ticks'), unpack(names))
local buffered = redis.call('HMGET', key('buffered'), unpack(names))
for i, name in ipairs(names) do
  local record = ARGV[3] == '1' and redis.call('HGET', key('schedule_jobs'), name)
  bytes = bytes + #(schedules[i] or '') + #(record or '')
  if bytes > bytes_max and i > 1 then
    answer[3] = 1
    break
  end
  local n = #answer
  answer[n + 1], answer[n + 2], answer[n + 3] = name, schedules[i], ticks[i]
  answer[n + 4], answer[n + 5] = buffered[i], record
end
return answer
