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
  local record = redis.call('HGET', key('jobs'), id)
  local since_ms = record and owns(id, token) and pulled_since(token, record)
  if since_ms then
    local head = record:match('^[^\n]*\n[^\n]*\n')
    answer[#answer + 1] = {head, rare_of(id, record).a or 0, since_ms}
  else answer[#answer + 1] = {} end
end
return answer
