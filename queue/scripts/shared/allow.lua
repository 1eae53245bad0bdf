-- What waited for its rate may start.
local function allow(now_ms, limit)
  local scopes = redis.call('ZRANGE', key('throttled'), '-inf', integer(now_ms), 'BYSCORE',
                            'LIMIT', 0, limit)
  if #scopes > 0 then redis.call('ZREM', key('throttled'), unpack(scopes)) end
  for _, scope in ipairs(scopes) do make_room(scope) end
end
