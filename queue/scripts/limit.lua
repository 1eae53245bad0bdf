#!lua flags=allow-oom
--@ include key record pack note wake limit unpark leased running
-- limit: sets what limits the attempts of this queue; no job is touched, and those that run count.
--
-- KEYS  1 queue
-- ARGV  1 'set' | 'replace' (what is not named is cleared)
--       then per limit: SCOPE, CONCURRENCY, COUNT, PER_US, BURST   0: none, '': as it was
-- Gives {'ok' | 'busy' (more runs, or is parked, than a call may look at) | 'full'}
local RUNNING_MAX, PARKED_MAX, LIMITS_MAX = 10000, 50000, 1000
local old, new, fields = {}, {}, {'concurrency', 'count', 'per_us', 'burst'}
local flat = redis.call('HGETALL', key('limits'))
for i = 1, #flat, 2 do old[flat[i]] = flat[i + 1] end
if ARGV[1] == 'set' then for scope, text in pairs(old) do new[scope] = text end end

local none = '0 0 0 0'
for i = 2, #ARGV, 5 do
  local words, was = {}, read_limit(old[ARGV[i]] or none)
  for at, field in ipairs(fields) do
    words[at] = ARGV[i + at] ~= '' and ARGV[i + at] or integer(was[field])
  end
  new[ARGV[i]] = (words[1] ~= '0' or words[2] ~= '0') and table.concat(words, ' ') or nil
end

local changed, total, counts = {}, 0, false
for scope in pairs(old) do if not new[scope] then changed[#changed + 1] = scope end end
for scope, text in pairs(new) do
  total = total + 1
  if old[scope] ~= text then changed[#changed + 1] = scope end
  local begins = read_limit(text).concurrency > 0
      and read_limit(old[scope] or none).concurrency == 0
  counts = counts or begins
end
local running = redis.call('ZCARD', key('active'))
    + (redis.call('HGET', key('meta'), 'packed_active') or 0)
if total > LIMITS_MAX then return {'full'} end
if counts and running > RUNNING_MAX or redis.call('ZCARD', key('parked')) > PARKED_MAX then
  return {'busy'}
end

for _, scope in ipairs(changed) do
  if new[scope] then redis.call('HSET', key('limits'), scope, new[scope])
  else redis.call('HDEL', key('limits'), scope) end
end
if total > 0 then redis.call('HSET', key('meta'), 'limits', total)
else redis.call('HDEL', key('meta'), 'limits') end
if counts then count_running() end
-- What was shut may be open now; what is not will be shut by the next claim.
if #changed > 0 then
  redis.call('DEL', key('throttled'))
  unpark_all()
  note('limits', {})
end
return {'ok'}
