#!lua flags=allow-oom
--@ include key now record pack note wake lane tick scheduled forget unique finish
--@ include match lease take idle
-- claim: READY -> ACTIVE. Leases jobs that this server can start now, most urgent lanes first.
--
-- KEYS  1 queue
-- ARGV  1 server   2 seat   3 lease_ms   4 free slots in all (0: pass the wake-up on)
--       5 bytes_max   6 when it asks, by a clock of its own; '' unless its channel is subscribed
--       then PATTERN, SLOTS ...: see match
-- Gives {token, 'more' | 'idle' (to be told of what comes) | 'none', {id...}, {record...},
--        {index, token, rare json, ...}, 1 when it was idle until now else 0}, packs among them;
--       index from 0
local ENTRIES_MAX, slots, patterns = 2048, {}, {}
for i = 7, #ARGV, 2 do
  patterns[#patterns + 1], slots[ARGV[i]] = ARGV[i], tonumber(ARGV[i + 1])
end
local free, bytes_max = tonumber(ARGV[4]), tonumber(ARGV[5])
local batch = new_batch(tonumber(ARGV[2]), tonumber(ARGV[3]), bytes_max)

local was_idle = idle_leave(ARGV[1])
local open, groups = {}, {}
local paused = redis.call('HEXISTS', key('meta'), 'paused') == 1
if not paused then open, groups = runnable_lanes(patterns) end

-- Gives whether it left a pack to the next claim.
local function serve(lane, part)
  local pattern = open[lane]
  part = math.min(part, free, slots[pattern])
  while part > 0 and open[lane] and batch.bytes < bytes_max and batch.seen < ENTRIES_MAX do
    local had = batch.jobs
    local empty, left = take(batch, lane, part)
    if empty then open[lane] = nil end
    local got = batch.jobs - had
    part, free, slots[pattern] = part - got, free - got, slots[pattern] - got
    if left then return true end
  end
  return false
end

-- The slots which that pack did not fit in are its own: nothing less urgent takes them.
local kept = {}
local function keep_slots(pattern)
  local room = math.min(free, slots[pattern])
  free, slots[pattern], kept[pattern] = free - room, slots[pattern] - room, room
end

-- Lanes of one priority take turns: each gets its share of what is free, then what others left.
for _, lanes in ipairs(groups) do
  local peers = {}
  for _, lane in ipairs(lanes) do if slots[open[lane]] > 0 then peers[#peers + 1] = lane end end
  if #peers > 1 and free > 0 then in_turn(peers) end
  for i, lane in ipairs(peers) do serve(lane, math.ceil(free / (#peers - i + 1))) end
  for _, lane in ipairs(peers) do
    if open[lane] and serve(lane, free) then keep_slots(open[lane]) end
  end
end
for pattern, room in pairs(kept) do free, slots[pattern] = free + room, slots[pattern] + room end
if #batch.ids > 0 then note('active', batch.ids) end
packs_start(batch.jobs - #batch.ids)
local what = pass_on(open, slots, free) == 1 and 'more' or free > 0 and ARGV[6] ~= ''
    and idle_join(ARGV[1], ARGV[2], ARGV[3], ARGV[6], patterns, slots) and 'idle' or 'none'
return {batch.token, what, batch.ids, batch.records, batch.looks, was_idle}
