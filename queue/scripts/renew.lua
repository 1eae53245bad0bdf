#!lua flags=allow-oom
--@ include key now record pack token
-- renew: ACTIVE stays ACTIVE. Moves lease deadlines on; the heartbeat of attempts. A job that runs
-- for so long stands for itself from then on.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, LEASE_MS ...
-- Gives {index, status, ...} for attempts that must stop (index from 0): 'stale' | 'cancel'
local now, answer = now_us(), {}

for i = 1, #ARGV, 3 do
  local id, token, lease_ms = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2])
  local status
  if owns(id, token) or lift(id, token) and owns(id, token) then
    redis.call('HSET', key('tokens'), id, token)
    redis.call('ZADD', key('active'), integer(now + lease_ms * 1000), id)
    if redis.call('HEXISTS', key('marks'), id) == 1 then status = 'cancel' end
  else
    status = 'stale'
  end
  if status then answer[#answer + 1], answer[#answer + 2] = (i - 1) / 3, status end
end
return answer
