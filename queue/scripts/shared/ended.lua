-- The last jobs that were done without being kept: `TOTAL:TOKEN ID ID ... `, newest first; or for
-- the ids of a whole pack its name and size. TOTAL is
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
      for word in words do
        local name, size = word:match('^(.*%*)(%d+)$')
        done_by[name or word] = done_by[name or word] or {token, tonumber(size)}
      end
    end
  end
  local pack = done_by[pack_name(id)]
  local one = done_by[id] or pack and (pack_place(id) or pack[2]) < pack[2] and pack
  return one and one[1]
end
