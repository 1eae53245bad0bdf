-- The time of the next job that becomes due, or that a rate lets start, in milliseconds; nil when
-- there is none.
local function next_due()
  local first
  for _, state in ipairs({'scheduled', 'retry', 'throttled'}) do
    local head = redis.call('ZRANGE', key(state), 0, 0, 'WITHSCORES')[2]
    if head and (not first or tonumber(head) < first) then first = tonumber(head) end
  end
  return first
end

-- Every server sleeps until the next due time that it knows: tells them of an earlier one.
-- Gives the earliest now.
local function hint(earliest, due)
  if earliest and earliest <= due then return earliest end
  redis.call('PUBLISH', key('due'), integer(due))
  return due
end
