-- The retry of many jobs that have ended, as `requeue` does it with one, but what is the same for
-- all of them is written together: requeue_later collects, requeue_now writes. One server is told
-- for each lane; what that leaves over, it passes on.
local RETRY_SLOW = 4 -- what one that is alone costs, in others
local later = {} -- {ID, RECORD, what is rare: its text or false}

local function requeue_later(id, record, rare)
  later[#later + 1] = {id, record, rare}
end

-- Gives their ids, and what else is to be written of them.
local function sort_later()
  local ids, lanes, of, rares, records, told = {}, {}, {}, {}, {}, {}
  for i, job in ipairs(later) do ids[i] = job[1] end
  local ghosts = redis.call('HMGET', key('ghosts'), unpack(ids))
  for i, job in ipairs(later) do
    local id, record, old = job[1], job[2], job[3] and cjson.decode(job[3]) or {}
    local rare, lane = {t = old.t, a = 0}, lane_of(record)
    rare.e = ghosts[i] and entry_for(id) or nil
    rares[2 * i - 1], rares[2 * i] = id, cjson.encode(rare)
    if record:byte() ~= 49 then
      records[#records + 1] = id
      records[#records + 1] = '1' .. record:sub(2)
    end
    if old.p then told[#told + 1] = id end
    if not of[lane] then of[lane], lanes[#lanes + 1] = {}, lane end
    table.insert(of[lane], rare.e or id)
  end
  return ids, lanes, of, rares, records, told
end

local function requeue_now(state)
  if #later == 0 then return end
  local ids, lanes, of, rares, records, told = sort_later()
  later = {}
  redis.call('ZREM', key(state), unpack(ids))
  redis.call('HSET', key('rare'), unpack(rares))
  if #records > 0 then redis.call('HSET', key('jobs'), unpack(records)) end
  if #told > 0 then redis.call('HDEL', key('progress'), unpack(told)) end
  redis.call('HDEL', key('errors'), unpack(ids))
  redis.call('HDEL', key('results'), unpack(ids))
  for _, lane in ipairs(lanes) do
    redis.call('RPUSH', key('lane:' .. lane), unpack(of[lane]))
    if lane_join(lane) then wake(kind_of(lane)) end
  end
  note('ready', ids)
end

-- One that has a unique key or a batch is asked and written by itself.
local function is_alone(record)
  local fields = ' ' .. record:match('^[^\n]*\n([^\n]*)')
  return record:byte() == 49 and (fields:find(' u=', 1, true) or fields:find(' B=', 1, true))
end
