-- A job that runs, or waits to, is to end as cancelled.
local function tell_owner(id, score)
  local seat = tonumber(token_of(id, score)) % 1000
  local seats = redis.call('HGETALL', key('seats'))
  for i = 1, #seats, 2 do
    if tonumber(seats[i + 1]) == seat then
      redis.call('PUBLISH', namespace .. ':server:' .. seats[i], 'cancel ' .. queue .. ' ' .. id)
    end
  end
end

-- From active: a mark with the reason, and its server is told. From ready, scheduled, retry: at
-- once. Gives 'marked' or 'cancelled'.
local function stop_job(id, record, state, score, why, now_ms)
  if state == 'active' then
    redis.call('HSETNX', key('marks'), id, why)
    tell_owner(id, score)
    return 'marked'
  end
  local rare = rare_of(id, record)
  if state == 'ready' then leave_ghost(id, record, rare) else redis.call('ZREM', key(state), id) end
  rare.w = why
  finish(id, record, rare, 'cancelled', now_ms)
  return 'cancelled'
end
