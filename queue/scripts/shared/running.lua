-- A limit of concurrency begins: those that run count in the sets of their scopes.
local function hold(id, scopes)
  local text = redis.call('HGET', key('holds'), id) or ''
  for _, scope in ipairs(scopes) do
    redis.call('SADD', key('hold:' .. scope), id)
    if not (' ' .. text .. ' '):find(' ' .. scope .. ' ', 1, true) then
      text = text == '' and scope or text .. ' ' .. scope
    end
  end
  redis.call('HSET', key('holds'), id, text)
end

local function count_running()
  local active = redis.call('ZRANGE', key('active'), 0, -1, 'WITHSCORES')
  for i = 1, #active, 2 do
    local record, scopes = redis.call('HGET', key('jobs'), active[i]), {}
    for _, scope in ipairs(record and scopes_of(lane_of(record)) or {}) do
      if limit_of(scope).concurrency > 0 then scopes[#scopes + 1] = scope end
    end
    if #scopes > 0 then
      for _, id in ipairs(leased(active[i], active[i + 1])) do hold(id, scopes) end
    end
  end
end

-- All that waits may be looked at: every lane is on the ring, and a server for each kind is told.
local function unpark_all()
  local CHUNK, lanes = 1000, redis.call('ZRANGE', key('parked'), 0, -1)
  for from = 1, #lanes, CHUNK do
    local members, scopes = {}, {}
    for i = from, math.min(from + CHUNK - 1, #lanes) do
      members[#members + 1], members[#members + 2] = 0, lanes[i]
      scopes[#scopes + 1] = key('parked:' .. 'group:' .. lanes[i]:match('#(.*)$'))
    end
    redis.call('ZADD', key('lanes'), unpack(members))
    redis.call('DEL', unpack(scopes))
  end
  redis.call('DEL', key('parked'))
  local told = {}
  for _, lane in ipairs(redis.call('ZRANGE', key('lanes'), 0, WAKE_LANES_MAX - 1)) do
    if not told[kind_of(lane)] then wake(kind_of(lane)) end
    told[kind_of(lane)] = true
  end
end
