#!lua flags=allow-oom
--@ include key now record pack note wake lane token limit unpark hold attempt tick
--@ include scheduled forget unique outbox batch bond finish die leased back
-- reap: ACTIVE -> READY (or DEAD, CANCELLED) for leases that lapsed, the latest first, so that the
-- earliest is in front. Refused when the clock is not where a caller that saw no step expects it.
--
-- KEYS  1 queue
-- ARGV  1 time in ms that the caller expects   2 longest lease in ms   3 limit
-- Gives {'ok' | 'jump', reaped, more}
local STEP_MS = 500
local now, limit = now_us(), tonumber(ARGV[3])
local lease_end_max = now + ARGV[2] * 1000

if math.abs(now / 1000 - ARGV[1]) > STEP_MS then return {'jump', 0, 0} end

local lapsed = redis.call('ZRANGE', key('active'), integer(now), '-inf', 'BYSCORE', 'REV',
                          'LIMIT', 0, limit, 'WITHSCORES')
local reaped = 0
for i = 1, #lapsed, 2 do
  if reaped >= limit then break end
  reaped = reaped + take_back_all(lapsed[i], lapsed[i + 1], math.floor(now / 1000))
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
return {'ok', reaped, (reaped >= limit or moved >= limit) and 1 or 0}
