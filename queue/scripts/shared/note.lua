-- Tells whoever watches the queue what became of some jobs: `STATE ID ID ...`.
-- Costs one EXISTS while nobody does.
local function note(state, ids, from, to)
  if redis.call('EXISTS', key('watched')) == 1 then
    local text = table.concat(ids, ' ', from or 1, to or #ids)
    redis.call('PUBLISH', key('events'), state .. ' ' .. text)
  end
end
