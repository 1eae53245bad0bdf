#!lua
--@ include key now record pack note wake lane state unique unique_take outbox batch bond
--@ include requeue filter walk
-- bulk_retry: one step of making all DEAD, CANCELLED or DONE jobs that pass a filter READY, with
-- counters at zero; one whose unique key another job has stays. Refused by a full Redis, for it
-- adds work.
--
-- KEYS  1 queue
-- ARGV  1 verb: 'retry'   2 state   3 cursor or ''   4 how many entries to look at
--       5 how many to change   6 bytes_max   7.. filter
-- Gives {next cursor or '', how many were looked at, how many were changed}
local now_ms = math.ceil(now_us() / 1000)

walk_begin(now_ms, function(id, record)
  return requeue_job('retry', id, record, walk.state, now_ms) == 'ready'
end)
return walk_answer(walk_set())
