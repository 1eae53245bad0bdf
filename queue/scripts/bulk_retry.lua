#!lua
--@ include key now record pack note wake lane state unique unique_take outbox batch bond
--@ include requeue requeue_many filter read walk
-- bulk_retry: one step of making all DEAD, CANCELLED or DONE jobs that pass a filter READY, with
-- counters at zero; one whose unique key another job has stays. Refused by a full Redis, for it
-- adds work.
--
-- KEYS  1 queue
-- ARGV  1 verb: 'retry'   2 state   3 cursor or ''   4 how many entries to look at
--       5 how many to change   6 bytes_max   7.. filter
-- Gives {next cursor or '', how many were looked at, how many were changed}
local now_ms = math.ceil(now_us() / 1000)

walk_begin(now_ms, function(id, record, _, rare)
  if not is_alone(record) then
    requeue_later(id, record, rare)
    return true
  end
  requeue_now(walk.state) -- so that they stand in their lane as they ended
  walk.changes = walk.changes - RETRY_SLOW + 1
  return requeue_job('retry', id, record, walk.state, now_ms) == 'ready'
end)
local ended = walk_set()
requeue_now(walk.state)
return walk_answer(ended)
