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
-- Gives the queue's total of jobs that ended so, and whether it is kept.
local function finish(id, record, rare, state, now_ms)
  local retain_ms = tonumber(header(record, 'k') or 0)
  local total = redis.call('HINCRBY', key('meta'), state, 1)
  local kept = state ~= 'done' or retain_ms > 0
  if kept then
    rare.f = now_ms
    keep_rare(id, record, rare)
    redis.call('ZADD', key(state), integer(state == 'done' and now_ms + retain_ms or now_ms), id)
  else
    forget(id, record, now_ms)
  end
  note(state, {id})
  return total, kept
end
