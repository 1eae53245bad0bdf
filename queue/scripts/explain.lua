#!lua flags=no-writes
--@ include key now record pack token state ended shown
-- explain: all that tells why a job does not run, at one moment; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 ID   2 how many jobs in front of it are counted at most
-- Gives {what show gives, paused (0 | 1), {SERVER, its description, ...}, jobs in front of it in
--        its lane or that bound, 1 when there are more, 1 when something more urgent waits}; the
--        last three are 0 unless it is ready
local id, most = ARGV[1], tonumber(ARGV[2])
local answer = shown(id)
local state, record, ahead, more, urgent = answer[1], answer[3], 0, 0, 0

local function size_of(entry)
  local pack = is_pack(entry) and redis.call('HGET', key('jobs'), entry)
  if not pack then return 1 end
  local high, low = gone_from(entry)
  return pack_size(pack) - count_bits(high) - count_bits(low)
end

-- In its own pack.
local function place_in(name)
  local pack = name and redis.call('HGET', key('jobs'), name)
  for i, member in ipairs(pack and pack_jobs(name, pack) or {}) do
    if member == id then return i - 1 end
  end
  return 0
end

local function count_ahead()
  local lane, pack = lane_of(record), pack_with(id)
  local own = pack or rare_of(id, record).e or id
  local entries = redis.call('LRANGE', key('lane:' .. lane), 0, most)
  local ghosts = #entries > 0 and redis.call('HMGET', key('ghosts'), unpack(entries))
  for i, entry in ipairs(entries) do
    if entry == own then
      ahead = ahead + place_in(pack)
      break
    end
    ahead = ahead + (ghosts[i] and 0 or size_of(entry))
    if ahead > most or i > most then break end
  end
  if ahead > most then ahead, more = most, 1 end
  urgent = #redis.call('ZRANGEBYLEX', key('lanes'), '-', '(' .. lane:sub(1, 2), 'LIMIT', 0, 1)
end

if state == 'ready' then count_ahead() end
return {answer, redis.call('HEXISTS', key('meta'), 'paused'), redis.call('HGETALL', key('servers')),
        ahead, more, urgent}
