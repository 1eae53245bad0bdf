#!lua flags=allow-oom
--@ include key now record pack note forget forget_many read retention
-- sweep: DONE, DEAD, CANCELLED -> (nothing) when their retention is over; ids given by people,
-- unique keys held for a time, and the names of complete batches are free again.
--
-- KEYS  1 queue
-- ARGV  1 limit of jobs, and of what else it frees   2 bytes_max of records
-- Gives {trimmed, more}
local now_ms, limit, bytes = math.floor(now_us() / 1000), tonumber(ARGV[1]), tonumber(ARGV[2])
local trimmed, more = 0, 0

-- What is cut by a bound is left for the next call.
local function trim(state, ids)
  local first = 1
  while first <= #ids and bytes > 0 do
    local n, records = read_records(ids, first, bytes)
    local some = {unpack(ids, first, first + n - 1)}
    for _, record in ipairs(records) do bytes = bytes - (record and #record or 0) end
    redis.call('ZREM', key(state), unpack(some))
    forget_many(some, records, now_ms)
    first = first + n
  end
  trimmed = trimmed + first - 1
  if first <= #ids or trimmed >= limit then more = 1 end
end

local function older_than(name, ms, most)
  return redis.call('ZRANGE', key(name), '-inf', integer(ms), 'BYSCORE', 'LIMIT', 0, most)
end

local keep_ms, keep_jobs = retention()
trim('done', older_than('done', now_ms, limit))
for _, state in ipairs({'dead', 'cancelled'}) do
  trim(state, older_than(state, now_ms - keep_ms, limit - trimmed))
  local most = math.min(redis.call('ZCARD', key(state)) - keep_jobs, limit - trimmed)
  local oldest = most > 0 and redis.call('ZRANGE', key(state), 0, most - 1)
  if oldest then trim(state, oldest) end
end
if trimmed > 0 then redis.call('HINCRBY', key('meta'), 'trimmed', trimmed) end

local function free(times, hash)
  local names = older_than(times, now_ms, limit)
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
