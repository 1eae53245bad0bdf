-- The job that holds a unique key is asked itself whether it does, so no key is ever lost with a
-- job. Gives its id, record, state and score (no record: only its key is left of it); nil: none.
local function unique_holder(name, now_ms)
  local held = redis.call('HGET', key('uniques'), name)
  if not held then return end
  local id, span = held:match('^(%S+) (%S+)$')
  local until_ms = tonumber(span)
  if until_ms and until_ms <= now_ms then return end
  local record = redis.call('HGET', key('jobs'), id)
  local its = record and unique_of(record) == name
  local state, score
  if its then state, score = state_of(id) end
  if until_ms then return id, its and record, state, score end
  if not its or state == 'done' or state == 'dead' or state == 'cancelled' then return end
  if span == 'start' and state == 'active' then return end
  return id, record, state, score
end

-- Keys that are free at a time are swept by it: `uniques_until`.
local function unique_take(name, id, span, now_ms)
  local until_ms = tonumber(span) and integer(now_ms + span)
  redis.call('HSET', key('uniques'), name, id .. ' ' .. (until_ms or span))
  if until_ms then redis.call('ZADD', key('uniques_until'), until_ms, name)
  else redis.call('ZREM', key('uniques_until'), name) end
end
