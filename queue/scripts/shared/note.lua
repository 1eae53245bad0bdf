-- Tells whoever watches the queue what became of some jobs: `STATE ID ID ...`. A pack is spelled
-- out, so it must still be there. Costs a script one EXISTS while nobody watches; gives whether one
-- does.
local watched

local function note(state, ids, from, to)
  watched = watched or redis.call('EXISTS', key('watched'))
  if watched == 0 then return false end
  local words = {}
  for i = from or 1, to or #ids do
    local record = is_pack(ids[i]) and redis.call('HGET', key('jobs'), ids[i])
    words[#words + 1] = record and table.concat(pack_jobs(ids[i], record), ' ') or ids[i]
  end
  redis.call('PUBLISH', key('events'), state .. ' ' .. table.concat(words, ' '))
  return true
end
