-- Those from 964 to 999 are of all who pull over HTTP, through whichever server: see pull.lua.
local SEATS_MAX, SEAT_KEPT_MS = 964, 86400000

-- A seat outlives its server for longer than any lease that names it.
local function take_seat(server, now_ms)
  local taken, seats = {}, redis.call('HGETALL', key('seats'))
  for i = 1, #seats, 2 do
    local seen_ms = (redis.call('HGET', key('servers'), seats[i]) or ''):match('^%d+')
    if seen_ms and now_ms - seen_ms > SEAT_KEPT_MS then
      redis.call('HDEL', key('seats'), seats[i])
      redis.call('HDEL', key('servers'), seats[i])
    else
      taken[tonumber(seats[i + 1])] = true
    end
  end
  for n = 0, SEATS_MAX - 1 do
    if not taken[n] then
      redis.call('HSET', key('seats'), server, n)
      return n
    end
  end
  return -1
end
