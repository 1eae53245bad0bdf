-- A rate lets one job start each PER_US / COUNT, on a grid of times (GCRA): `rate:SCOPE` holds
-- `US REST WAITED`, the time of the next one, REST in 1/COUNT us, so that nothing is ever rounded
-- away. It begins anew when nothing wanted to start; but who WAITED is late by the time that a
-- wake-up takes, or a stall of up to LATE_US_MAX, and the grid goes on, or the rate would never be
-- reached. It does not go on from one second into the next (or from one PER_US, if that is longer),
-- so that none has more than COUNT starts and one. The key ends by itself when it says nothing any
-- more.
local LATE_US_MAX, SECOND_US, RATE_KEPT_MS = 50000, 1000000, 60000
local rates = {}

local function rate_of(scope, limit, now)
  local rate = rates[scope]
  if rate then return rate end
  local text = redis.call('GET', key('rate:' .. scope)) or '0 0 0'
  local us, rest, waited = text:match('^(%d+) (%d+) (%d)$')
  local late, interval = 0, limit.per_us / limit.count
  if waited == '1' then
    late = math.max(interval, math.min(LATE_US_MAX, now % math.max(SECOND_US, limit.per_us)))
  end
  rate = {us = tonumber(us), rest = math.min(tonumber(rest), limit.count - 1),
          waited = waited == '1'}
  local first, last = math.ceil(now - late), now + math.ceil(limit.burst * limit.per_us
                                                             / limit.count)
  if rate.us < first then rate.us, rate.rest = first, 0 end
  if rate.us > last then -- the clock stepped, or the limit did
    rate.us, rate.rest, rate.moved = last, 0, true
  end
  rates[scope] = rate
  return rate
end

local function keep_rate(scope, rate, now)
  local kept_ms = math.max(0, math.ceil((rate.us - now) / 1000)) + RATE_KEPT_MS
  redis.call('SET', key('rate:' .. scope), integer(rate.us) .. ' ' .. integer(rate.rest)
             .. (rate.waited and ' 1' or ' 0'), 'PX', integer(kept_ms))
end

-- How many may start now.
local function starts_left(scope, limit, now)
  local rate = rate_of(scope, limit, now)
  local ahead = (rate.us - now) * limit.count + rate.rest
  return math.max(0, limit.burst - math.ceil(ahead / limit.per_us))
end

local function spend(scope, limit, n, now)
  local rate = rate_of(scope, limit, now)
  rate.rest = rate.rest + n * limit.per_us
  rate.us, rate.rest = rate.us + math.floor(rate.rest / limit.count), rate.rest % limit.count
  rate.waited = false
  keep_rate(scope, rate, now)
end

-- Something waits for the next start: in `throttled` is when it may, and servers are told.
local function throttle(scope, limit, now)
  local rate = rate_of(scope, limit, now)
  local at = rate.us + (rate.rest - (limit.burst - 1) * limit.per_us) / limit.count
  local at_ms = integer(math.ceil(at / 1000))
  if redis.call('ZSCORE', key('throttled'), scope) == at_ms then return end
  local earliest = next_due()
  redis.call('ZADD', key('throttled'), at_ms, scope)
  hint(earliest, tonumber(at_ms))
  if not rate.waited or rate.moved then -- else it would be moved again, and never come
    rate.waited = true
    keep_rate(scope, rate, now)
  end
end
