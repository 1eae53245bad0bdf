-- The last jobs that ended without being kept: `TOTAL:TOKEN:STATE ID ID ... `, newest first.
-- TOTAL is the queue's count of done jobs after the entry, so the list trims itself by it.
local ENDED_MAX = 10000

local function remember(total, token, ids)
  redis.call('LPUSH', key('ended'), integer(total) .. ':' .. token .. ':done ' .. ids .. ' ')
  local oldest = redis.call('LINDEX', key('ended'), -1)
  if tonumber(oldest:match('^%d+')) <= total - ENDED_MAX then redis.call('RPOP', key('ended'), 2) end
end

-- The entry of an ended job; only on the rare path.
local function recall(id)
  for _, entry in ipairs(redis.call('LRANGE', key('ended'), 0, -1)) do
    if entry:find(' ' .. id .. ' ', 1, true) then return entry:match('^%d+:(%d+):(%a+) ') end
  end
end
