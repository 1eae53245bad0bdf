#!lua flags=allow-oom
--@ include key now record pack token pull
-- extend: ACTIVE stays ACTIVE. Moves on the leases of jobs that were pulled, never past the end of
-- their attempts.
--
-- KEYS  1 queue
-- ARGV  ID, TOKEN, LEASE_MS ...
-- Gives per item STATUS, N: 'ok' | 'cancel', and when the lease ends in ms; 'late', and its timeout
--       in ms: the attempt's time is over; 'stale', ''
local now_ms, answer = math.floor(now_us() / 1000), {}

local function extend_one(id, token, lease_ms)
  local record = redis.call('HGET', key('jobs'), id)
  local since_ms = record and owns(id, token) and pulled_since(token, record)
  if not since_ms then return 'stale', '' end
  local timeout_ms = timeout_of(record)
  if now_ms >= since_ms + timeout_ms then return 'late', timeout_ms end
  local end_ms = math.min(now_ms + lease_ms, since_ms + timeout_ms)
  redis.call('HSET', key('tokens'), id, token)
  redis.call('ZADD', key('active'), integer(end_ms * 1000), id)
  return redis.call('HEXISTS', key('marks'), id) == 1 and 'cancel' or 'ok', integer(end_ms)
end

for i = 1, #ARGV, 3 do
  answer[#answer + 1], answer[#answer + 2] = extend_one(ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]))
end
return answer
