-- Everything about one job, as show gives it.
local function owner_of(token)
  local seats = token and redis.call('HGETALL', key('seats')) or {}
  for i = 1, #seats, 2 do
    if tonumber(seats[i + 1]) == tonumber(token) % 1000 then return seats[i] end
  end
  return false
end

-- `STARTED_MS` or `STARTED_MS WORKER` of who pulled it; false: a server of ours runs it.
local function puller_of(id, token, record)
  local since_ms = token and pulled_since(token, record)
  local worker = since_ms and redis.call('HGET', key('pulled'), id)
  return since_ms and integer(since_ms) .. (worker and ' ' .. worker or '') or false
end

local function shown(id)
  local now = now_us()
  local record, state, score = find_job(id)
  if not state then
    local token = recall(id)
    if not token then return {'not_found'} end
    return {'done', '', false, false, false, token, false, false, now, false, false, false, 0,
            false, false}
  end
  local token = state == 'active' and token_of(id, score)
  local owner = owner_of(token)
  local rare, result = redis.call('HGET', key('rare'), id), redis.call('HGET', key('results'), id)
  return {state, score or '', record, rare, result, token, redis.call('HGET', key('marks'), id),
          owner, now, owner and redis.call('HGET', key('servers'), owner),
          redis.call('HGET', key('errors'), id),
          redis.call('HGET', key('parents'), id),
          redis.call('ZLEXCOUNT', key('bonds'), '[' .. id .. ' ', '(' .. id .. '!'),
          progress_of(id, rare), puller_of(id, token, record)}
end
