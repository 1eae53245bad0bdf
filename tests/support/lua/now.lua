-- The clock of the tests, in microseconds: a key that they set. Stands in for queue/scripts/shared.
local function now_us()
  return tonumber(redis.call('GET', 'pinion-test:now_us'))
end
