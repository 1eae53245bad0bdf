#!lua flags=no-writes
--@ include key now record pack token state ended limit progress_of pull shown ahead
-- explain: all that tells why a job does not run, at one moment; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 ID   2 how many jobs in front of it are counted at most
-- Gives {what show gives, paused (0 | 1), {SERVER, its description, ...}, jobs in front of it in
--        its lane or that bound, 1 when there are more, 1 when something more urgent waits,
--        {SCOPE, its limit, time of the next start in ms or '', {ID, ...}: some that run} or {}};
--        all after the servers are 0 or empty unless it is ready
local answer = shown(ARGV[1])
local state, record, ahead, more, urgent, limited = answer[1], answer[3], 0, 0, 0, {}

-- The first limit that its lane stands under and that has no room.
local function limit_reached()
  for _, scope in ipairs(scopes_of(lane_of(record))) do
    local most_at_once, ids = limit_of(scope).concurrency, key('hold:' .. scope)
    if most_at_once > 0 and redis.call('SCARD', ids) >= most_at_once then
      return {scope, most_at_once, '', redis.call('SRANDMEMBER', ids, 3)}
    end
    local at_ms = redis.call('ZSCORE', key('throttled'), scope)
    if at_ms then return {scope, limit_of(scope).count, at_ms, {}} end
  end
  return {}
end

if state == 'ready' then
  ahead, more = count_ahead(ARGV[1], record, tonumber(ARGV[2]))
  local above = '(' .. record:sub(2, 3) -- its priority
  urgent = #redis.call('ZRANGEBYLEX', key('lanes'), '-', above, 'LIMIT', 0, 1)
  limited = limit_reached()
end
return {answer, redis.call('HEXISTS', key('meta'), 'paused'), redis.call('HGETALL', key('servers')),
        ahead, more, urgent, limited}
