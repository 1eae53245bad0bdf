#!lua flags=allow-oom
--@ include key now record pack note wake lane token tick scheduled forget unique outbox batch
--@ include bond finish stop delete end_pack filter read walk lanes walk_lanes
-- bulk: one step of cancelling or deleting all jobs of a state that pass a filter, as cancel and
-- delete do with one.
--
-- KEYS  1 queue
-- ARGV  1 verb: 'cancel' | 'delete'   2 state   3 cursor or ''   4 how many entries to look at
--       5 how many to change   6 bytes_max   7.. filter
-- Gives {next cursor or '', how many were looked at, how many were changed}
local now_ms = math.floor(now_us() / 1000)
local verbs = {}

function verbs.cancel(id, record, score)
  if walk.state == 'active' and redis.call('HEXISTS', key('marks'), id) == 1 then return false end
  if walk.state ~= 'active' then lift(id) end
  stop_job(id, record, walk.state, score, 'cancelled', now_ms)
  return true
end

function verbs.delete(id, record)
  return delete_job(id, record, walk.state, now_ms) == 'deleted'
end

walk_begin(now_ms, verbs[ARGV[1]])
walk.change_pack = function(...) end_pack[ARGV[1]](now_ms, ...) end
local ended
if walk.state == 'ready' then ended = walk_lanes() else ended = walk_set() end
if ARGV[1] == 'delete' and walk.changed > 0 then
  redis.call('HINCRBY', key('meta'), 'deleted', walk.changed)
end
return walk_answer(ended)
