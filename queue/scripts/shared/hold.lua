-- What counts under a limit of concurrency is a member of the set `hold:SCOPE`, and the hash
-- `holds` says of an active job in which sets it is: `SCOPE SCOPE ...`. An attempt that ends leaves
-- them all, whatever became of the limits meanwhile.
local function free_scope(scope, ids)
  local gone, limit = redis.call('SREM', key('hold:' .. scope), unpack(ids)), limit_of(scope)
  if gone == 0 or not limit or limit.concurrency == 0 then return end
  local room = limit.concurrency - redis.call('SCARD', key('hold:' .. scope))
  if room > 0 and (room <= gone or scope:sub(1, 6) == 'group:') then make_room(scope) end
end

local function free_holds(ids, from, to)
  local held = redis.call('HMGET', key('holds'), unpack(ids, from, to))
  local scopes, members = {}, {}
  for i, text in ipairs(held) do
    for scope in (text or ''):gmatch('%S+') do
      if not members[scope] then members[scope], scopes[#scopes + 1] = {}, scope end
      table.insert(members[scope], ids[from + i - 1])
    end
  end
  if #scopes == 0 then return end
  redis.call('HDEL', key('holds'), unpack(ids, from, to))
  for _, scope in ipairs(scopes) do free_scope(scope, members[scope]) end
end
