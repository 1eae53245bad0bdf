#!lua flags=allow-oom
--@ include key now record pack note wake lane state tick scheduled forget unique
-- delete: SCHEDULED, READY, RETRY, DONE, DEAD, CANCELLED -> (nothing); what runs is not touched. An
-- id given by a person stays taken for a day, as after any other end.
--
-- KEYS  1 queue
-- ARGV  ID ...
-- Gives one status per item: 'deleted' | 'not_found' | 'active'
local now_ms, answer, deleted = math.floor(now_us() / 1000), {}, 0

local function delete_one(id)
  local record, state = find_job(id)
  if not state then return 'not_found' end
  if state == 'active' then return state end
  lift(id)
  if state == 'ready' then leave_ghost(id, record, rare_of(id, record))
  else redis.call('ZREM', key(state), id) end
  unique_free(id, record)
  forget(id, record, now_ms)
  note('deleted', {id})
  scheduled_ended(id, record)
  deleted = deleted + 1
  return 'deleted'
end

for i, id in ipairs(ARGV) do answer[i] = delete_one(id) end
if deleted > 0 then redis.call('HINCRBY', key('meta'), 'deleted', deleted) end
return answer
