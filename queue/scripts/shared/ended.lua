-- The last jobs that were done without being kept: `TOTAL:TOKEN ID ID ... `, newest first. TOTAL is
-- the queue's count of done jobs after the entry, so the list trims itself by it.
local ENDED_MAX = 10000

local function remember(total, token, ids)
  redis.call('LPUSH', key('ended'), integer(total) .. ':' .. token .. ' ' .. ids .. ' ')
  for _ = 1, 2 do
    local oldest = redis.call('LINDEX', key('ended'), -1)
    if tonumber(oldest:match('^%d+')) > total - ENDED_MAX then break end
    redis.call('RPOP', key('ended'))
  end
end

-- The token that such a job was done with. Only on the rare path: the first call reads all of it.
local done_by

local function recall(id)
  if not done_by then
    done_by = {}
    for _, entry in ipairs(redis.call('LRANGE', key('ended'), 0, -1)) do
      local words = entry:gmatch('%S+')
      local token = words():match(':(.*)')
      for word in words do done_by[word] = done_by[word] or token end
    end
  end
  return done_by[id]
end
