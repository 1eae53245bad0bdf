#!lua flags=allow-oom
--@ include key now record pack note wake lane token
--@ include limit unpark hold attempt tick scheduled forget unique outbox batch bond
--@ include finish ended end_rich
-- ack_rich: ACTIVE -> DONE, for jobs that keep something: a result, their id, or a past failure.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, STARTED_MS, RESULT ...
-- Gives {index, 'stale', ...} for jobs that were not ours (index from 0); a repeated ack is ours
local now_ms, answer = math.floor(now_us() / 1000), {}

for i = 1, #ARGV, 4 do
  local id, token, started_ms, result = unpack(ARGV, i, i + 3)
  local record = redis.call('HGET', key('jobs'), id) or lift(id, token)
  local rare = record and rare_of(id, record) or {}
  if record and owns(id, token) then
    end_rich(id, record, token, started_ms, result, now_ms)
  elseif not (rare.t == token and rare.o == 'done') and recall(id) ~= token then
    answer[#answer + 1], answer[#answer + 2] = (i - 1) / 4, 'stale'
  end
end
return answer
