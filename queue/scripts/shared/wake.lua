-- A pattern is a kind; or a prefix that ends in a dot, colon or slash, and a star; or a star.
local function pattern_fits(pattern, kind)
  if pattern:byte(-1) ~= 42 then return pattern == kind end
  return kind:sub(1, #pattern - 1) == pattern:sub(1, -2)
end

-- Idle servers: the hash `idle` holds NAME -> `SEAT LEASE_MS ASKED ` and the patterns that it could
-- run, the most telling first, with a '+' before them, or a '!' when their slots are all taken.
-- ASKED tells the server which claim of its own put it there. Those who pull through a server and
-- ask for the same wait in lines of their own, `NAME#LINE`; they are told on the server's channel.
local function idle_leave(name)
  return redis.call('HDEL', key('idle'), name)
end

-- Any will do in a fleet of equals; else all are looked at, which are as many as there are seats,
-- and the lines of those who pull.
local function draw_idle()
  return redis.call('HRANDFIELD', key('idle'), -1, 'WITHVALUES')
end

local function all_idle()
  return redis.call('HGETALL', key('idle'))
end

-- A kind belongs to the first pattern that fits it.
local function can_run(about, kind)
  for mark, pattern in about:gmatch('([+!])(%S+)') do
    if pattern_fits(pattern, kind) then return mark == '+' end
  end
  return false
end

-- `wake QUEUE`, or `wake QUEUE LINE` for those who pull.
local function wake_up(_, name)
  local line = name:match('#(%d+)$')
  return 'wake ' .. queue .. (line and ' ' .. line or '')
end

-- Takes the first of {NAME, ABOUT, ...} that can run the kind off the hash, and tells it what
-- `text_for` gives (nil: not this one); one whose channel has no subscriber is dropped, and the
-- next one taken.
local function tell_one_of(idle, kind, text_for)
  for i = 1, #idle, 2 do
    local text = can_run(idle[i + 1], kind) and text_for(idle[i + 1], idle[i])
    if text then
      local channel = namespace .. ':server:' .. idle[i]:match('^[^#]*')
      idle_leave(idle[i])
      if redis.call('PUBLISH', channel, text) > 0 then return true end
    end
  end
  return false
end

-- Something of this kind became claimable: tell one idle server that can run it, and only one.
-- Gives whether there was one.
local function wake(kind)
  local any = draw_idle()
  if #any == 0 then return false end
  return tell_one_of(any, kind, wake_up) or tell_one_of(all_idle(), kind, wake_up)
end
