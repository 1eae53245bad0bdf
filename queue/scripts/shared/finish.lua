-- An id given by a person outlives its job by a day, with the digest of its content.
local GIVEN_MS = 86400000

local function forget(id, record, now_ms)
  local digest = record and header(record, 'g')
  if digest then
    redis.call('HSET', key('given'), id, digest)
    redis.call('ZADD', key('given_until'), integer(now_ms + GIVEN_MS), id)
  end
  redis.call('HDEL', key('jobs'), id)
  redis.call('HDEL', key('rare'), id)
  redis.call('HDEL', key('results'), id)
end

-- A job that stands nowhere else any more ends: kept for its retention, or forgotten.
-- Gives the queue's total of jobs that ended so.
local function finish(id, record, rare, state, now_ms)
  local retain_ms = tonumber(header(record, 'k') or 0)
  local total = redis.call('HINCRBY', key('meta'), state, 1)
  if state == 'done' and retain_ms == 0 then
    forget(id, record, now_ms)
  else
    rare.f, rare.e = now_ms, rare.e or ''
    keep_rare(id, record, rare)
    redis.call('ZADD', key(state), integer(state == 'done' and now_ms + retain_ms or now_ms), id)
  end
  note(state, {id})
  return total
end
