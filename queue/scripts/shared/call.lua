-- A call that adds work has an id, made by who calls. Its answer is kept for a minute, for whoever
-- lost it and calls again. Keys that end by themselves, for one command is all that this may cost.
local function remember(call, answer)
  return redis.call('SET', key('call:' .. call), answer, 'EX', 60, 'NX')
end

local function remembered(call)
  return redis.call('GET', key('call:' .. call))
end
