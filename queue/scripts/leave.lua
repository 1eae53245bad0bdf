#!lua flags=allow-oom
--@ include key record wake token seat_held
-- leave: a server no longer serves this queue; a wake-up that it may have taken is passed on.
--
-- KEYS  1 queue
-- ARGV  1 server   2 '1' when it knows that it holds no lease, else they are looked through
-- Gives {'ok'}
local LANES_MAX, LEASES_MAX = 64, 1000

idle_leave(ARGV[1])
redis.call('HDEL', key('servers'), ARGV[1])

-- What it still had to settle when it left was settled before this, on the same connection.
local seat = redis.call('HGET', key('seats'), ARGV[1])
if ARGV[2] == '1' or (seat and not seat_is_held(seat, LEASES_MAX)) then
  redis.call('HDEL', key('seats'), ARGV[1]) -- it is free again
end

local lanes = redis.call('ZRANGE', key('lanes'), 0, LANES_MAX - 1)
for _, lane in ipairs(lanes) do wake(kind_of(lane)) end
return {'ok'}
