-- A list from its front; cursor: the rank to go on from. What is taken off meanwhile makes it leap
-- over others, which the next audit sees.
local function look_at_list(kinds)
  local from = cursor == '' and 0 or tonumber(cursor)
  local page = redis.call('LRANGE', key(part), from, from + step.limit - 1)
  step.looked = #page
  for _, entry in ipairs(page) do
    for _, kind in ipairs(kinds) do
      if damaged[kind](entry) then suspect(kind, entry) end
    end
  end
  return #page < step.limit and '' or integer(from + #page)
end
