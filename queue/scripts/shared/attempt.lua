-- The attempt is over: no lease, no token, no mark, and it counts under no limit. Gives the cancel
-- mark, if there was one.
local holding, pulling

local function end_attempt(id)
  local mark = redis.call('HGET', key('marks'), id)
  redis.call('ZREM', key('active'), id)
  redis.call('HDEL', key('tokens'), id)
  if mark then redis.call('HDEL', key('marks'), id) end
  if holding == nil then holding = redis.call('EXISTS', key('holds')) == 1 end
  if holding then free_holds({id}, 1, 1) end
  if pulling == nil then pulling = redis.call('EXISTS', key('pulled')) == 1 end
  if pulling then redis.call('HDEL', key('pulled'), id) end
  return mark or nil
end
