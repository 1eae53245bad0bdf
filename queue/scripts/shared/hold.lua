-- What counts under a limit of concurrency is a member of the set `hold:SCOPE`, and the hash
-- `holds` says of an active job in which sets it is: `SCOPE SCOPE ...`. An attempt that ends leaves
-- them all, whatever became of the limits meanwhile.
local function free_scope(scope, ids)
  local gone = redis.call('SREM', key('hold:' .. scope), unpack(ids))
  local is_group = scope:sub(1, 6) == 'group:'
  if gone == 0 or is_group and not any_parked() then return end
  local limit = limit_of(scope)
  if not limit or limit.concurrency == 0 then return end
  local room = limit.concurrency - redis.call('SCARD', key('hold:' .. scope))
  if room > 0 and (room <= gone or is_group) then make_room(scope) end
end

local function free_holds(ids, from, to)
  local held = redis.call('HMGET', key('holds'), unpack(ids, from, to))
  local scopes, members, sets_of = {}, {}, {[''] = {}} -- sets_of: those that a text names
  for i, text in ipairs(held) do
    local sets = sets_of[text or '']
    if not sets then
      sets = {}
      for scope in text:gmatch('%S+') do
        if not members[scope] then members[scope], scopes[#scopes + 1] = {}, scope end
        sets[#sets + 1] = members[scope]
      end
      sets_of[text] = sets
    end
    for _, set in ipairs(sets) do set[#set + 1] = ids[from + i - 1] end
  end
  if #scopes == 0 then return end
  redis.call('HDEL', key('holds'), unpack(ids, from, to))
  for _, scope in ipairs(scopes) do free_scope(scope, members[scope]) end
end
