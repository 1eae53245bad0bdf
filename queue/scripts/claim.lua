#!lua flags=allow-oom
--@ include key now record pack note wake lane tick scheduled forget unique
-- claim: READY -> ACTIVE. Leases jobs that this server can start now, most urgent lanes first, and
-- as many as the queue's limits have room for.
--
-- KEYS  1 queue
-- ARGV  1 server   2 seat   3 lease_ms   4 free slots in all (0: pass the wake-up on)
--       5 bytes_max   6 when it asks, by a clock of its own; '' unless its channel is subscribed
--       7 for those who pull: 'WORKER N ...', who gets the first N jobs, the next ...; '' for a
--       server, which may get packs   then PATTERN, SLOTS ...: see match
-- Gives {token, 'more' | 'idle' (to be told of what comes) | 'none', {id...}, {record...},
--        {index, token, rare json, ...}, 1 when it was idle until now else 0}, packs among them;
--       index from 0
local some_ended = false -- what waited for them may stand in a lane that was not open
local function job_ended(...) -- here, for few jobs end in a claim, and functions take time
  some_ended = true
--@ include outbox batch bond
  return job_ended(...)
end
--@ include finish match lease take idle
local ENTRIES_MAX, slots, patterns = 2048, {}, {}
for i = 8, #ARGV, 2 do
  patterns[#patterns + 1], slots[ARGV[i]] = ARGV[i], tonumber(ARGV[i + 1])
end
local batch = new_batch(tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5]))
batch.free, batch.singles = tonumber(ARGV[4]), ARGV[7] ~= ''

local was_idle = idle_leave(ARGV[1])
local meta, rules = redis.call('HMGET', key('meta'), 'paused', 'limits'), nil
if meta[2] then
--@ include hint limit rate room
  rules = {shut = shut, full = queue_full, room = room_for, refuse = refuse,
           scopes = scopes_of, started = count_started, keep = keep_holds}
end
local open, groups = {}, {}
if not meta[1] and not (rules and rules.full()) then
  open, groups = runnable_lanes(patterns, rules and rules.shut)
end

--@ include serve
for _, lanes in ipairs(groups) do serve_peers(lanes) end
for pattern, room in pairs(kept) do
  batch.free, slots[pattern] = batch.free + room, slots[pattern] + room
end
if #batch.ids > 0 then note('active', batch.ids, nil, nil, batch.jobs) end
packs_start(batch.jobs - #batch.ids)
if rules then
  rules.keep()
  close_full()
end
if batch.singles and #batch.ids > 0 then
--@ include pull pulled
end
local more = pass_on(open, slots, batch.free) == 1 or batch.free > 0
    and (some_ended or is_unseen())
local what = more and 'more' or batch.free > 0 and ARGV[6] ~= ''
    and idle_join(ARGV[1], ARGV[2], ARGV[3], ARGV[6], patterns, slots) and 'idle' or 'none'
return {batch.token, what, batch.ids, batch.records, batch.looks, was_idle}
