-- The token is the first lease deadline; once renewed, or later than the lease ends (see
-- lease_again), it is filed beside the lease.
local function token_of(id, score)
  return redis.call('HGET', key('tokens'), id) or score
end

local function owns(id, token)
  local score = redis.call('ZSCORE', key('active'), id)
  return score and token_of(id, score) == token
end
