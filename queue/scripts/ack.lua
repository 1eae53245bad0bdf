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
if redis.call('EXISTS', key('holds')) > 0 then -- one command for all that a job may have beside
--@ include wake limit unpark hold
  at_end[1] = free_holds
end

local function settle_pack(name, token, size, bits, text)
  local high, low = bits_of(bits)
  if redis.call('ZSCORE', key('active'), name) == token then
    local done, not_high, not_low = leave_pack(name, '', size, 'active', high, low)
    if done > 0 then
      local some, ids = not_high ~= 0 or not_low ~= 0, nil
      if some or redis.call('EXISTS', key('marks'), key('watched')) > 0 then
        ids = members(name, size, band(high, bnot(not_high)), band(low, bnot(not_low)))
        unmark(ids, 1, #ids)
      end
      text = some and table.concat(ids, ' ') or text
      remember(redis.call('HINCRBY', key('meta'), 'done', done), token, text)
    end
    high, low = not_high, not_low
  end
  if high ~= 0 or low ~= 0 then settle_members(name, token, size, high, low) end
end

local function settle_claim(token, n, text, from)
  local scores = redis.call('ZMSCORE', key('active'), unpack(ARGV, from, from + n - 1))
  local renewed, ids = redis.call('EXISTS', key('tokens')) == 1, nil
  renewed = renewed and redis.call('HMGET', key('tokens'), unpack(ARGV, from, from + n - 1))
  for i = 1, n do
    local id = ARGV[from + i - 1]
    if scores[i] ~= token or renewed and renewed[i] then
      ids = ids or {unpack(ARGV, from, from + i - 2)}
      if still_ours(id, token) then ids[#ids + 1] = id end
    elseif ids then
      ids[#ids + 1] = id
    end
  end
  if ids then settle(token, table.concat(ids, ' '), ids, 1, #ids, renewed)
  else settle(token, text, ARGV, from, from + n - 1, renewed) end
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
return stale
