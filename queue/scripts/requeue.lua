#!lua
--@ include key now record pack note wake lane state ended unique unique_take outbox
--@ include batch bond requeue
-- requeue: DEAD, CANCELLED, DONE -> READY with counters at zero (verb 'retry');
--          SCHEDULED, WAITING, RETRY -> READY now (verb 'run'). What is retried takes its unique
--          key again. Refused by a full Redis, for it adds work.
--
-- KEYS  1 queue
-- ARGV  1 verb   2.. ID ...
-- Gives one status per item: 'ready' | 'not_found' | 'held', for another job has its unique key |
--       the state that does not allow it
local now_ms, answer = math.ceil(now_us() / 1000), {}

for i = 2, #ARGV do
  local record, state = find_job(ARGV[i])
  answer[i - 1] = state and requeue_job(ARGV[1], ARGV[i], record, state, now_ms)
      or recall(ARGV[i]) and 'done' or 'not_found'
end
return answer
