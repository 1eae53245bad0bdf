-- A pattern is a kind; or a prefix that ends in a dot, colon or slash, and a star; or a star.
local function pattern_fits(pattern, kind)
  if pattern:byte(-1) ~= 42 then return pattern == kind end
  return kind:sub(1, #pattern - 1) == pattern:sub(1, -2)
end

-- Idle servers: hash `idle` holds NAME -> the patterns it could run, and those, each with a '!',
-- whose slots are all taken; each `idle:PATTERN` is the set of names that could run it. A name is
-- on all of its sets or on none.
local function idle_leave(name)
  local patterns = redis.call('HGET', key('idle'), name)
  if not patterns then return end
  redis.call('HDEL', key('idle'), name)
  for pattern in patterns:gmatch('%S+') do
    redis.call('SREM', key('idle:' .. pattern), name)
  end
end

-- The pattern of this server that the kind belongs to, the first one that fits, has no slot.
local function is_full(name, kind)
  local patterns = redis.call('HGET', key('idle'), name) or ''
  for full, pattern in patterns:gmatch('(!?)(%S+)') do
    if pattern_fits(pattern, kind) then return full == '!' end
  end
  return false
end

-- Takes one name; a name whose channel has no subscriber is dropped and the next one taken.
local function wake_one_of(pattern, kind)
  local NAMES = 16
  repeat
    local dropped = false
    for _, name in ipairs(redis.call('SRANDMEMBER', key('idle:' .. pattern), NAMES)) do
      if not is_full(name, kind) then
        idle_leave(name)
        redis.call('SREM', key('idle:' .. pattern), name)
        dropped = true
        if redis.call('PUBLISH', namespace .. ':server:' .. name, 'wake ' .. queue) > 0 then
          return true
        end
      end
    end
  until not dropped
  return false
end

-- Something of this kind became claimable: tell one idle server that can run it, and only one.
local function wake(kind)
  if redis.call('EXISTS', key('idle')) == 0 then return end
  if wake_one_of(kind, kind) then return end
  for i = #kind, 1, -1 do
    if kind:find('^[.:/]', i) and wake_one_of(kind:sub(1, i) .. '*', kind) then return end
  end
  wake_one_of('*', kind)
end
