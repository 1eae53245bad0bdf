-- A queue's schedules were edited: servers load them anew when they hear another count.
local function count_edit()
  return redis.call('HINCRBY', key('meta'), 'schedules', 1)
end

local function tell_edit(edits)
  redis.call('PUBLISH', key('due'), 'schedules ' .. edits)
end
