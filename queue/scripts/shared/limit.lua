-- Limits: the hash `limits` holds SCOPE -> `CONCURRENCY COUNT PER_US BURST`, 0 for none: so many
-- attempts at once; so many starts in that time, BURST of them at once when there were none. SCOPE
-- is `queue`, `kind:K`, `group:G` or `groups`: each group that has none of its own. `meta.limits`
-- is there while any is.
local limits, FEW_LIMITS, few = {}, 32, nil

local function read_limit(text)
  local concurrency, count, per_us, burst = text:match('^(%d+) (%d+) (%d+) (%d+)$')
  return {concurrency = tonumber(concurrency), count = tonumber(count), per_us = tonumber(per_us),
          burst = tonumber(burst)}
end

-- A few are read at once, for a call may meet many groups that have none of their own.
local function own_limit(scope)
  if few == nil then
    few = redis.call('HLEN', key('limits')) <= FEW_LIMITS
    local all = few and redis.call('HGETALL', key('limits')) or {}
    for i = 1, #all, 2 do limits[all[i]] = read_limit(all[i + 1]) end
  end
  if limits[scope] == nil and not few then
    local text = redis.call('HGET', key('limits'), scope)
    limits[scope] = text and read_limit(text)
  end
  return limits[scope]
end

-- nil: none.
local function limit_of(scope)
  if limits[scope] == nil then
    limits[scope] = own_limit(scope) or scope:sub(1, 6) == 'group:' and limit_of('groups') or false
  end
  return limits[scope] or nil
end

-- Those under which the jobs of a lane stand.
local lane_scopes = {}

local function scopes_of(lane)
  local scopes, group = lane_scopes[lane], lane:match('#(.*)$')
  if scopes then return scopes end
  scopes = {}
  for _, scope in ipairs({'queue', 'kind:' .. kind_of(lane), group and 'group:' .. group}) do
    if limit_of(scope) then scopes[#scopes + 1] = scope end
  end
  lane_scopes[lane] = scopes
  return scopes
end
