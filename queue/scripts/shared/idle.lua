-- Lanes that a claim left over are for an idle server, if there is one. Gives 1 when they are for
-- the claimer too: a bound stopped it, or all its slots are taken, of which one will soon be free.
local function pass_on(open, slots, free)
  local more, nobody = 0, {}
  for lane, pattern in pairs(open) do
    local kind = kind_of(lane)
    nobody[kind] = nobody[kind] or not wake(kind)
    if free == 0 or slots[pattern] > 0 then more = 1 end
  end
  return more
end

-- To be told when something comes that a free slot can run. Gives whether there is one.
local function idle_join(name, seat, lease_ms, asked, patterns, slots)
  local words, able = {seat, lease_ms, asked}, false
  for _, pattern in ipairs(patterns) do
    words[#words + 1] = (slots[pattern] > 0 and '+' or '!') .. pattern
    able = able or slots[pattern] > 0
  end
  if able then redis.call('HSET', key('idle'), name, table.concat(words, ' ')) end
  return able
end
