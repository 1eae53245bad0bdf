#!lua flags=allow-oom
--@ include key record wake token
-- leave: a server no longer serves this queue; a wake-up that it may have taken is passed on.
--
-- KEYS  1 queue
-- ARGV  1 server   2 '1' when it knows that it holds no lease, else they are looked through
-- Gives {'ok'}
local LANES_MAX, LEASES_MAX = 64, 1000

-- What it still had to settle when it left was settled before this, on the same connection.
local function holds_none(seat)
  if ARGV[2] == '1' then return true end
  if not seat or redis.call('ZCARD', key('active')) > LEASES_MAX then return false end
  local leases = redis.call('ZRANGE', key('active'), 0, -1, 'WITHSCORES')
  for i = 1, #leases, 2 do
    if tonumber(token_of(leases[i], leases[i + 1])) % 1000 == tonumber(seat) then return false end
  end
  return true
end

idle_leave(ARGV[1])
redis.call('HDEL', key('servers'), ARGV[1])
if holds_none(redis.call('HGET', key('seats'), ARGV[1])) then
  redis.call('HDEL', key('seats'), ARGV[1]) -- it is free again
end
local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
for _, lane in ipairs(lanes) do wake(kind_of(lane)) end
return {'ok'}
