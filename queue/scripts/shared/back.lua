-- An attempt was lost with its server: back to the front of its lane, uncharged. A job that keeps
-- losing its servers ends as dead: REAPS_HEARD of attempts that had heartbeated, REAPS_ALL in all.
local REAPS_HEARD, REAPS_ALL = 5, 10

local function take_back(id, score, now_ms)
  local record = redis.call('HGET', key('jobs'), id)
  local heard = redis.call('HEXISTS', key('tokens'), id)
  local token = token_of(id, score)
  local mark = end_attempt(id)
  if not record then return end
  local rare = rare_of(id, record)
  rare.t, rare.o, rare.r, rare.h = token, nil, (rare.r or 0) + 1, (rare.h or 0) + heard
  redis.call('HINCRBY', key('meta'), 'reaped', 1)
  if mark then
    rare.w = mark
    finish(id, record, rare, 'cancelled', now_ms)
  elseif rare.h >= REAPS_HEARD or rare.r >= REAPS_ALL then
    rare.w = 'lost_worker'
    die(id, record, rare, now_ms)
  else
    lane_push('LPUSH', id, record, rare)
  end
end

-- The first of a pack is in front again. Gives how many jobs it were.
local function take_back_all(name, score, now_ms)
  local ids = leased(name, score)
  for i = #ids, 1, -1 do take_back(ids[i], score, now_ms) end
  return #ids
end
