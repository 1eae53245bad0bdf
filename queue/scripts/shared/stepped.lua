-- What waits for a rate waits until a time of Redis's clock; where that has stepped back, the time
-- may be hours away, though no rate lets anything wait for longer than one of its intervals. A
-- server notices: its last heartbeat was later than now, or the last time that is waited for cannot
-- have come from this clock. Then all of it is looked at anew, at once.
local STEP_SLACK_MS = 1000

local function heal_throttled(server, now_ms)
  local last = redis.call('ZRANGE', key('throttled'), -1, -1, 'WITHSCORES')
  if not last[1] then return end
  local limit, seen = limit_of(last[1]), redis.call('HGET', key('servers'), server)
  local seen_ms = tonumber((seen or ''):match('^%d+') or 0)
  local interval_ms = limit and limit.count > 0 and limit.per_us / limit.count / 1000 or 0
  if seen_ms > now_ms or tonumber(last[2]) > now_ms + interval_ms + STEP_SLACK_MS then
    redis.call('ZUNIONSTORE', key('throttled'), 1, key('throttled'), 'WEIGHTS', 0)
  end
end
