-- The same as note, for scripts that meet no pack: of one job that stands for itself.
local function note_one(state, id)
  if redis.call('EXISTS', key('watched')) == 0 then return false end
  redis.call('PUBLISH', key('events'), state .. ' ' .. id)
  return true
end
