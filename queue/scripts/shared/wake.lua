-- A pattern is a kind; or a prefix that ends in a dot, colon or slash, and a star; or a star.
local function pattern_fits(pattern, kind)
  if pattern:byte(-1) ~= 42 then return pattern == kind end
  return kind:sub(1, #pattern - 1) == pattern:sub(1, -2)
end

-- Idle servers: the hash `idle` holds NAME -> the patterns that it could run, the most telling
-- first, those whose slots are all taken with a '!' before them.
local function idle_leave(name)
  redis.call('HDEL', key('idle'), name)
end

-- A kind belongs to the first pattern that fits it.
local function can_run(patterns, kind)
  for full, pattern in patterns:gmatch('(!?)(%S+)') do
    if pattern_fits(pattern, kind) then return full == '' end
  end
  return false
end

-- Takes the first of {NAME, PATTERNS, ...} that can run the kind off the hash, and tells it; one
-- whose channel has no subscriber is dropped, and the next one taken.
local function wake_one_of(idle, kind)
  for i = 1, #idle, 2 do
    if can_run(idle[i + 1], kind) then
      idle_leave(idle[i])
      if redis.call('PUBLISH', namespace .. ':server:' .. idle[i], 'wake ' .. queue) > 0 then
        return true
      end
    end
  end
  return false
end

-- Something of this kind became claimable: tell one idle server that can run it, and only one. Any
-- will do in a fleet of equals; else all are looked at, which are as many as there are seats.
local function wake(kind)
  local any = redis.call('HRANDFIELD', key('idle'), -1, 'WITHVALUES')
  if #any == 0 or wake_one_of(any, kind) then return end
  wake_one_of(redis.call('HGETALL', key('idle')), kind)
end
