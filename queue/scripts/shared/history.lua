-- The last fires of a schedule, newest first, are a list of JSON. It is trimmed only when it has
-- HISTORY_SLACK too many, so that a fire mostly costs one command.
local HISTORY_MAX, HISTORY_SLACK = 100, 28

local function history_push(name, entry)
  local list = key('history:' .. name)
  local length = redis.call('LPUSH', list, entry)
  if length > HISTORY_MAX + HISTORY_SLACK then redis.call('LTRIM', list, 0, HISTORY_MAX - 1) end
end
