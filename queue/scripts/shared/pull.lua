-- A job that is pulled over HTTP is leased to one of the seats that no server has: nobody takes it
-- back, and it is only reaped. Which seat it is tells how long its first lease was; so its token
-- tells when its attempt began; see leases_ms in queue/pull.c. `pulled` has WORKER of those whose
-- worker has a name, until the attempt ends.
local TIMEOUT_MS, PULL_SEAT = 3600000, 964
local LEASES = {
  1000, 1500, 2000, 2500, 3000, 4000, 5000, 6000, 8000, 10000, 12000, 15000, 20000, 25000, 30000,
  40000, 45000, 60000, 75000, 90000, 120000, 150000, 180000, 240000, 300000, 360000, 480000, 600000,
  720000, 900000, 1200000, 1500000, 1800000, 2400000, 2700000, 3600000,
}

-- Nothing of it is kept when it is done: see job_is_rich in queue/job.h.
local function is_plain(record)
  if record:byte() ~= 48 then return false end
  return record:find('^[^\n]*\n\n') or not (header(record, 'k') or header(record, 'g'))
end

local function timeout_of(record)
  if record:find('^[^\n]*\n\n') then return TIMEOUT_MS end
  return tonumber(header(record, 't') or TIMEOUT_MS)
end

-- When its attempt began, in ms; nil: nobody has pulled it.
local function pulled_since(token, record)
  local seat = tonumber(token:sub(-3))
  if seat < PULL_SEAT then return nil end
  local own = not record:find('^[^\n]*\n\n') and header(record, 'l')
  return math.floor(tonumber(token) / 1000) - tonumber(own or LEASES[seat - PULL_SEAT + 1])
end

-- The timeout of an attempt that had all of it; false: it has not. No lease is longer than that, so
-- only a lapsed one is looked at.
local function overdue(record, since_ms, score, now_ms)
  if tonumber(score) > now_ms * 1000 then return false end
  local timeout_ms = timeout_of(record)
  return now_ms >= since_ms + timeout_ms and timeout_ms
end
