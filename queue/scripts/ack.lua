#!lua flags=allow-oom
--@ include key record pack note token ended settle
-- ack: ACTIVE -> DONE, for plain jobs: nothing is kept but the memory of the last ended ones.
--
-- KEYS  1 queue
-- ARGV  1 number of packs
--       per pack: 'PREFIX*', TOKEN, size, bits of what was done, what to remember
--       then per claim: TOKEN, n, 'ID ID ...' (to remember), ID ...
-- Gives {ID, 'stale', ...} for jobs that were not ours; a repeated ack is ours
local at = 2
-- One command for all that a job may have beside it; which of them it is, only then.
if redis.call('EXISTS', key('holds'), key('bonds')) > 0 then
--@ include now wake limit unpark hold lane outbox batch bond
  local now_ms = math.floor(now_us() / 1000)
  local function tell_ended(ids, from, to)
    for i = from, to do tell_children(nil, ids[i], 'done', now_ms) end
  end
  if redis.call('EXISTS', key('holds')) == 1 then at_end[1] = free_holds end
  if redis.call('EXISTS', key('bonds')) == 1 then at_end[#at_end + 1] = tell_ended end
end

local function settle_pack(name, token, size, bits, text)
  local high, low = bits_of(bits)
  if redis.call('ZSCORE', key('active'), name) == token then
    if #done_named < FEED_NAMED then note_kinds({name}, 1, 1) end
    local done, not_high, not_low = leave_pack(name, '', size, 'active', high, low)
    if done > 0 then
      local some, ids = not_high ~= 0 or not_low ~= 0, nil
      local function left(n)
        return members(name, n, band(high, bnot(not_high)), band(low, bnot(not_low)))
      end
      if some or #at_end > 0 or watched('w') or redis.call('EXISTS', key('marks')) == 1 then
        ids = left(size)
        unmark(ids, 1, #ids)
      elseif watched('f') then
        note_done(left(#done_named < FEED_NAMED and size or 0), 1, done)
      end
      text = some and table.concat(ids, ' ') or text
      remember(redis.call('HINCRBY', key('meta'), 'done', done), token, text)
    end
    high, low = not_high, not_low
  end
  if high ~= 0 or low ~= 0 then settle_members(name, token, size, high, low) end
end

for _ = 1, tonumber(ARGV[1]) do
  local name, token, size, bits, text = unpack(ARGV, at, at + 4)
  settle_pack(name, token, tonumber(size), bits, text)
  at = at + 5
end
while at < #ARGV do
  local token, n = ARGV[at], tonumber(ARGV[at + 1])
  settle_claim(token, n, ARGV[at + 2], at + 3)
  at = at + 3 + n
end
tell_done()
return stale
