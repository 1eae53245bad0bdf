-- What the queue's totals were in the last minute: `past` is a list of `MS ENQUEUED DONE FAILED`,
-- the newest first. Rates are what was added since; see RATES_* in queue/look.h.
local function remember_totals(now_ms)
  local newest = redis.call('LINDEX', key('past'), 0)
  local age = newest and now_ms - tonumber(newest:match('^%d+') or 0)
  if age and age >= 0 and age < 10000 then return end
  local t = redis.call('HMGET', key('meta'), 'enqueued', 'done', 'failed')
  local past = table.concat({integer(now_ms), t[1] or 0, t[2] or 0, t[3] or 0}, ' ')
  redis.call('LPUSH', key('past'), past)
  redis.call('LTRIM', key('past'), 0, 6)
end
