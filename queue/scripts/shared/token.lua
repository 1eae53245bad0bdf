-- The token is the attempt's first lease deadline; once renewed, it is filed beside the lease.
local function token_of(id, score)
  return redis.call('HGET', key('tokens'), id) or score
end

local function owns(id, token)
  local score = redis.call('ZSCORE', key('active'), id)
  return score and token_of(id, score) == token
end

-- The attempt is over: no lease, no token, no mark. Gives the cancel mark, if there was one.
local function end_attempt(id)
  local mark = redis.call('HGET', key('marks'), id)
  redis.call('ZREM', key('active'), id)
  redis.call('HDEL', key('tokens'), id)
  if mark then redis.call('HDEL', key('marks'), id) end
  return mark or nil
end
