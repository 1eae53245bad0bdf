#!lua flags=allow-oom
--@ include now key note record wake lane finish match take
-- claim: READY -> ACTIVE. Leases jobs that this server can start now, most urgent lanes first.
--
-- KEYS  1 queue
-- ARGV  1 server   2 seat   3 lease_ms   4 free slots in all (0: pass the wake-up on)
--       5 bytes_max   6 '1' when the server's channel is subscribed
--       then PATTERN, SLOTS ...: see match
-- Gives {token, more, {id...}, {record...}, {index, token, rare json, ...}}; index from 0
local CHUNK, ENTRIES_MAX = 32, 2048
local slots, patterns, open = {}, {}, {}
for i = 7, #ARGV, 2 do
  patterns[#patterns + 1] = ARGV[i]
  slots[ARGV[i]] = tonumber(ARGV[i + 1])
end
local free, bytes_max = tonumber(ARGV[4]), tonumber(ARGV[5])
local batch = new_batch(ARGV[2], tonumber(ARGV[3]))

local function stopped()
  return batch.bytes >= bytes_max or batch.seen >= ENTRIES_MAX
end

-- Takes up to `part` jobs, in chunks that keep a claim of large records within bytes_max.
local function serve(lane, part)
  local pattern = pattern_for(kind_of(lane), patterns)
  open[lane] = pattern
  part = math.min(part, free, pattern and slots[pattern] or 0)
  while part > 0 and open[lane] and not stopped() do
    local had, room = #batch.ids, CHUNK
    if had > 0 then room = math.max(1, math.floor((bytes_max / batch.bytes - 1) * had)) end
    if take(batch, lane, math.min(part, room)) then open[lane] = nil end
    local got = #batch.ids - had
    part, free, slots[pattern] = part - got, free - got, slots[pattern] - got
  end
end

idle_leave(ARGV[1])
local paused = redis.call('HGET', key('meta'), 'paused')
local lanes = paused and {} or lanes_for(patterns)
-- Lanes of one priority take turns: each gets its share of what is free, then what others left.
for _, peers in ipairs(by_priority(lanes)) do
  in_turn(peers)
  for i, lane in ipairs(peers) do serve(lane, math.ceil(free / (#peers - i + 1))) end
  for _, lane in ipairs(peers) do if open[lane] then serve(lane, free) end end
end
-- What is left over: by us, when a bound stopped us or a slot will be free soon; else by another.
local more, idle = 0, {}
for lane, pattern in pairs(open) do
  wake(kind_of(lane))
  if free == 0 or slots[pattern] > 0 then more = 1 end
end
for _, pattern in ipairs(patterns) do
  if free > 0 and slots[pattern] > 0 then idle[#idle + 1] = pattern end
end
if #idle > 0 and more == 0 and ARGV[6] == '1' then idle_join(ARGV[1], idle) end
return {batch.token, more, batch.ids, batch.records, batch.looks}
