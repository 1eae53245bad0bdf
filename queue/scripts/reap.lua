#!lua flags=allow-oom
--@ include key now record pack note wake lane token limit unpark hold attempt tick
--@ include scheduled forget unique outbox batch bond finish die leased back pull
-- reap: ACTIVE -> READY (or DEAD, CANCELLED) for leases that lapsed, the latest first, so that the
-- earliest is in front. Refused when the clock is not where a caller that saw no step expects it.
-- What was pulled and has had its time is left to the caller, to fail: that is charged.
--
-- KEYS  1 queue
-- ARGV  1 time in ms that the caller expects   2 longest lease in ms   3 limit
-- Gives {'ok' | 'jump', reaped, more, {ID, TOKEN, record without its payload, failures so far,
--        STARTED_MS, ...} of what is to fail}
local STEP_MS = 500
local now, limit = now_us(), tonumber(ARGV[3])
local lease_end_max = now + ARGV[2] * 1000

if math.abs(now / 1000 - ARGV[1]) > STEP_MS then return {'jump', 0, 0, {}} end

local lapsed = redis.call('ZRANGE', key('active'), integer(now), '-inf', 'BYSCORE', 'REV',
                          'LIMIT', 0, limit, 'WITHSCORES')
local reaped, late = 0, {}

-- Gives whether it is so.
local function is_late(id, score)
  local token = token_of(id, score)
  local record = tonumber(token) % 1000 >= PULL_SEAT and redis.call('HGET', key('jobs'), id)
  local since_ms = record and pulled_since(token, record)
  if not since_ms or now / 1000 < since_ms + timeout_of(record) then return false end
  if redis.call('HEXISTS', key('marks'), id) == 1 then return false end -- ends as cancelled
  local failures = rare_of(id, record).a or 0
  for _, value in ipairs({id, token, record:match('^[^\n]*\n[^\n]*\n'), failures,
                          since_ms}) do late[#late + 1] = value end
  return true
end

for i = 1, #lapsed, 2 do
  if reaped >= limit then break end
  if not is_late(lapsed[i], lapsed[i + 1]) then
    reaped = reaped + take_back_all(lapsed[i], lapsed[i + 1], math.floor(now / 1000))
  end
end
-- A lease far ahead was given before the clock stepped back: it must not outlive the longest one.
local ahead = redis.call('ZRANGE', key('active'), '(' .. integer(lease_end_max), '+inf', 'BYSCORE',
                         'LIMIT', 0, limit, 'WITHSCORES')
local moved = 0
for i = 1, #ahead, 2 do
  if moved >= limit then break end
  for _, id in ipairs(leased(ahead[i], ahead[i + 1])) do
    redis.call('HSETNX', key('tokens'), id, ahead[i + 1])
    redis.call('ZADD', key('active'), integer(lease_end_max), id)
    moved = moved + 1
  end
end
local more = reaped >= limit or #lapsed == 2 * limit or moved >= limit
return {'ok', reaped, more and 1 or 0, late}
