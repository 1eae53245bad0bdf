-- Does a lease name that seat? With more leases than that they are not looked through: perhaps.
local function seat_is_held(seat, leases_max)
  if redis.call('ZCARD', key('active')) > leases_max then return true end
  local leases = redis.call('ZRANGE', key('active'), 0, -1, 'WITHSCORES')
  for i = 1, #leases, 2 do
    if tonumber(token_of(leases[i], leases[i + 1])) % 1000 == tonumber(seat) then return true end
  end
  return false
end
