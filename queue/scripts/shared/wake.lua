-- Idle servers: hash `idle` holds NAME -> the patterns it could run, and each `idle:PATTERN` is the
-- set of names that could. A name is on all of its sets or on none.
local function idle_leave(name)
  local patterns = redis.call('HGET', key('idle'), name)
  if not patterns then return end
  redis.call('HDEL', key('idle'), name)
  for pattern in patterns:gmatch('%S+') do
    redis.call('SREM', key('idle:' .. pattern), name)
  end
end

local function idle_join(name, patterns)
  redis.call('HSET', key('idle'), name, table.concat(patterns, ' '))
  for _, pattern in ipairs(patterns) do
    redis.call('SADD', key('idle:' .. pattern), name)
  end
end

-- Takes one name; a name whose channel has no subscriber is dropped and the next one taken.
local function wake_one_of(pattern)
  while true do
    local name = redis.call('SRANDMEMBER', key('idle:' .. pattern))
    if not name then return false end
    redis.call('SREM', key('idle:' .. pattern), name)
    idle_leave(name)
    if redis.call('PUBLISH', namespace .. ':server:' .. name, 'wake ' .. queue) > 0 then
      return true
    end
  end
end

-- Something of this kind became claimable: tell one idle server that can run it, and only one.
local function wake(kind)
  if redis.call('EXISTS', key('idle')) == 0 then return end
  if wake_one_of(kind) then return end
  for i = #kind, 1, -1 do
    if kind:find('^[.:/]', i) and wake_one_of(kind:sub(1, i) .. '*') then return end
  end
  wake_one_of('*')
end
