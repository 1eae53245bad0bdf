#!lua flags=no-writes
--@ include key now record pack token state ended
-- show: everything about one job; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 ID
-- Gives {state, score, record, rare json, result, token, mark, owner's name, now in us, owner's
--        description};
--       {'done', '', false, ...} when only its end is remembered; {'not_found'}
local id = ARGV[1]
local now = now_us()
local record, state, score = find_job(id)

if not state then
  local token = recall(id)
  if not token then return {'not_found'} end
  return {'done', '', false, false, false, token, false, false, now, false}
end

local token = state == 'active' and token_of(id, score)
local owner = false
local seats = token and redis.call('HGETALL', key('seats')) or {}
for i = 1, #seats, 2 do
  if tonumber(seats[i + 1]) == tonumber(token) % 1000 then owner = seats[i] end
end
local rare, result = redis.call('HGET', key('rare'), id), redis.call('HGET', key('results'), id)
local mark = redis.call('HGET', key('marks'), id)
return {state, score or '', record, rare, result, token, mark, owner, now,
        owner and redis.call('HGET', key('servers'), owner)}
