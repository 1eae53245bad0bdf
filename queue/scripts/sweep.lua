#!lua flags=allow-oom
--@ include key now record pack note forget retention
-- sweep: DONE, DEAD, CANCELLED -> (nothing) when their retention is over; ids given by people,
-- unique keys held for a time, and the names of complete batches are free again.
--
-- KEYS  1 queue
-- ARGV  1 limit
-- Gives {trimmed, more}
local now_ms, limit = math.floor(now_us() / 1000), tonumber(ARGV[1])
local trimmed, more = 0, 0

local function trim(state, ids)
  for _, id in ipairs(ids) do
    redis.call('ZREM', key(state), id)
    forget(id, redis.call('HGET', key('jobs'), id), now_ms)
  end
  trimmed, more = trimmed + #ids, #ids == limit and 1 or more
end

local function older_than(name, ms)
  return redis.call('ZRANGE', key(name), '-inf', integer(ms), 'BYSCORE', 'LIMIT', 0, limit)
end

local keep_ms, keep_jobs = retention()
trim('done', older_than('done', now_ms))
for _, state in ipairs({'dead', 'cancelled'}) do
  trim(state, older_than(state, now_ms - keep_ms))
  local surplus = redis.call('ZCARD', key(state)) - keep_jobs
  local oldest = surplus > 0 and redis.call('ZRANGE', key(state), 0, math.min(surplus, limit) - 1)
  if oldest then trim(state, oldest) end
end
if trimmed > 0 then redis.call('HINCRBY', key('meta'), 'trimmed', trimmed) end

local function free(times, hash)
  local names = older_than(times, now_ms)
  for _, name in ipairs(names) do
    redis.call('ZREM', key(times), name)
    redis.call('HDEL', key(hash), name)
  end
  more = #names == limit and 1 or more
end

free('given_until', 'given')
free('uniques_until', 'uniques')
free('batches_until', 'batches')
return {trimmed, more}
