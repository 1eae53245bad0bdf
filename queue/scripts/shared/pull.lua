-- A job that is pulled over HTTP is leased to seat 999, which no server has: nobody takes it back,
-- and it is only reaped. Until its attempt ends, the hash `pulled` has `STARTED_MS WORKER` of it.
local TIMEOUT_MS = 3600000

-- Nothing of it is kept when it is done: see job_is_rich in queue/job.h.
local function is_plain(record)
  if record:byte() ~= 48 then return false end
  return record:find('^[^\n]*\n\n') or not (header(record, 'k') or header(record, 'g'))
end

local function timeout_of(record)
  return tonumber(header(record, 't') or TIMEOUT_MS)
end

-- When its attempt began, in ms; nil: nobody has pulled it.
local function pulled_since(id)
  return tonumber((redis.call('HGET', key('pulled'), id) or ''):match('^%d+'))
end

-- The timeout of an attempt that had all of it; false: it has not. No lease is longer than that, so
-- only a lapsed one is looked at.
local function overdue(record, since_ms, score, now_ms)
  if tonumber(score) > now_ms * 1000 then return false end
  local timeout_ms = timeout_of(record)
  return now_ms >= since_ms + timeout_ms and timeout_ms
end
