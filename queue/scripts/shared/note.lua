-- Tells whoever watches the queue what became of some jobs: `STATE ID ID ...`. A pack is spelled
-- out, so it must still be there. Costs one EXISTS while nobody watches; gives whether one does.
local function note(state, ids, from, to)
  if redis.call('EXISTS', key('watched')) == 0 then return false end
  local words = {}
  for i = from or 1, to or #ids do
    local record = is_pack(ids[i]) and redis.call('HGET', key('jobs'), ids[i])
    words[#words + 1] = record and table.concat(pack_jobs(ids[i], record), ' ') or ids[i]
  end
  redis.call('PUBLISH', key('events'), state .. ' ' .. table.concat(words, ' '))
  return true
end
