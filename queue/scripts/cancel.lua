#!lua flags=allow-oom
--@ include key now record pack note wake lane token state finish ended
-- cancel: SCHEDULED, READY, RETRY -> CANCELLED at once; ACTIVE: a mark, and its server is told.
--
-- KEYS  1 queue
-- ARGV  ID ...
-- Gives one status per item: 'cancelled' | 'marked' | 'not_found' | the end that it had already
local now_ms, answer = math.floor(now_us() / 1000), {}

local function tell_owner(id, score)
  local seat = tonumber(token_of(id, score)) % 1000
  local seats = redis.call('HGETALL', key('seats'))
  for i = 1, #seats, 2 do
    if tonumber(seats[i + 1]) == seat then
      redis.call('PUBLISH', namespace .. ':server:' .. seats[i], 'cancel ' .. queue .. ' ' .. id)
    end
  end
end

local function cancel_one(id)
  local record, state, score = find_job(id)
  if not state then return recall(id) and 'done' or 'not_found' end
  if state == 'active' then
    redis.call('HSET', key('marks'), id, 'cancelled')
    tell_owner(id, score)
    return 'marked'
  end
  if state ~= 'ready' and state ~= 'scheduled' and state ~= 'retry' then return state end
  lift(id)
  local rare = rare_of(id, record)
  if state == 'ready' then leave_ghost(id, record, rare) else redis.call('ZREM', key(state), id) end
  rare.w = 'cancelled'
  finish(id, record, rare, 'cancelled', now_ms)
  return 'cancelled'
end

for i, id in ipairs(ARGV) do answer[i] = cancel_one(id) end
return answer
