-- The same as note, for scripts that meet no pack: of one job in that lane, which stands for
-- itself.
local function note_one(state, id, lane)
  local watchers = redis.call('GET', key('watched'))
  if not watchers then return false end
  if watchers:find('w', 1, true) or watchers == '1' then
    redis.call('PUBLISH', key('events'), state .. ' ' .. id)
  end
  if watchers:find('f', 1, true) then
    local kind = watchers:find('k', 1, true) and '=' .. kind_of(lane) or ''
    redis.call('PUBLISH', key('feed'), state .. ' 1 ' .. id .. kind)
  end
  return true
end
