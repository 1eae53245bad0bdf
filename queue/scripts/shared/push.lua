-- A job that is due now can be leased to an idle server and sent to it, so that it starts after one
-- hop: `push QUEUE ID TOKEN ASKED RECORD`. Only small ones, for a slow subscriber is sent them too.
local PUSH_BYTES_MAX, PUSH_LANES_MAX = 65536, 64

-- Work that waits, and that this server could run, comes first: order within a lane holds.
local function is_behind(about, lanes)
  for _, lane in ipairs(lanes) do
    if can_run(about, kind_of(lane)) then return true end
  end
  return false
end

-- For one job with a plain record, which stands nowhere yet. Gives whether a server has it. Each
-- command counts here: what it finds cold in memory is most of the time until the job starts.
local function push(lane, id, record)
  local kind = kind_of(lane)
  if #record > PUSH_BYTES_MAX then return false end
  local idle = draw_idle()
  if #idle == 0 then return false end
  if meta[1] or meta[2] then return false end -- a claim looks at the limits
  local busy, lanes, token = redis.call('EXISTS', key('lanes'), key('watched')) > 0, {}, nil
  if busy then lanes = redis.call('ZRANGE', key('lanes'), 0, PUSH_LANES_MAX - 1) end
  if #lanes == PUSH_LANES_MAX then return false end
  local function offer(about)
    local seat, lease_ms, asked = about:match('^(%d+) (%d+) (%d+)')
    if tonumber(seat) >= 964 or is_behind(about, lanes) then return nil end -- 964: it pulls
    token = lease_token(now_us(), seat, lease_ms)
    return 'push ' .. queue .. ' ' .. id .. ' ' .. token .. ' ' .. asked .. ' ' .. record
  end
  if not tell_one_of(idle, kind, offer) and not tell_one_of(all_idle(), kind, offer) then
    return false
  end
  redis.call('ZADD', key('active'), token, id)
  if busy and note_one('ready', id, lane) then note_one('active', id, lane) end
  return true
end
