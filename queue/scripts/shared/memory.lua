-- A mark that Redis has more in memory than `percent` of what it may: no jobs are added while it is
-- fresh. It lapses by itself when no server renews it.
local MARK_MS = 3000

local function mark_memory(percent, now_ms)
  local marked = redis.call('HEXISTS', key('meta'), 'full_until') == 1
  local info = percent > 0 and redis.call('INFO', 'memory') or ''
  local used, most = info:match('used_memory:(%d+)'), info:match('\nmaxmemory:(%d+)')
  if used and tonumber(most) > 0 and used * 100 > most * percent then
    redis.call('HSET', key('meta'), 'full_until', integer(now_ms + MARK_MS))
  elseif marked and percent > 0 then
    redis.call('HDEL', key('meta'), 'full_until')
  end
end
