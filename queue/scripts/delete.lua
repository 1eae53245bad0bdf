#!lua flags=allow-oom
--@ include key now record pack note wake lane state tick scheduled forget unique
--@ include outbox batch bond finish delete
-- delete: SCHEDULED, WAITING, READY, RETRY, DONE, DEAD, CANCELLED -> (nothing); what runs is not
-- touched. An id given by a person stays taken for a day, as after any other end.
--
-- KEYS  1 queue
-- ARGV  ID ...
-- Gives one status per item: 'deleted' | 'not_found' | 'active'
local now_ms, answer, deleted = math.floor(now_us() / 1000), {}, 0

for i, id in ipairs(ARGV) do
  local record, state = find_job(id)
  answer[i] = state and delete_job(id, record, state, now_ms) or 'not_found'
  if answer[i] == 'deleted' then deleted = deleted + 1 end
end
if deleted > 0 then redis.call('HINCRBY', key('meta'), 'deleted', deleted) end
return answer
