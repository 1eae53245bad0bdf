#!lua flags=allow-oom
--@ include key now record pack note wake lane token state tick scheduled forget unique
--@ include outbox batch bond finish stop ended
-- cancel: SCHEDULED, READY, RETRY -> CANCELLED at once; ACTIVE: a mark, and its server is told.
--
-- KEYS  1 queue
-- ARGV  ID ...
-- Gives one status per item: 'cancelled' | 'marked' | 'not_found' | the end that it had already
local now_ms, answer = math.floor(now_us() / 1000), {}

local function cancel_one(id)
  local record, state, score = find_job(id)
  if not state then return recall(id) and 'done' or 'not_found' end
  if state == 'done' or state == 'dead' or state == 'cancelled' then return state end
  if state ~= 'active' then lift(id) end
  return stop_job(id, record, state, score, 'cancelled', now_ms)
end

for i, id in ipairs(ARGV) do answer[i] = cancel_one(id) end
return answer
