#!lua flags=no-writes
--@ include key record pack token pull
-- pulls: what is to be known of attempts at jobs that were pulled before they can fail; changes
-- nothing.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN ...
-- Gives per item {record without its payload, failures so far, STARTED_MS}, or {} when it is not
--       leased with that token
local answer = {}

for i = 1, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local record, since_ms = redis.call('HGET', key('jobs'), id), pulled_since(id)
  if record and since_ms and owns(id, token) then
    local head = record:match('^[^\n]*\n[^\n]*\n')
    answer[#answer + 1] = {head, rare_of(id, record).a or 0, since_ms}
  else answer[#answer + 1] = {} end
end
return answer
