-- Each lane from its back: what is taken or given back meanwhile is at its front, so no place of
-- what stays is leapt over. Cursor `HOW MANY WERE SEEN LANE`.
local function look_at_entry(lane, entry)
  local record = ready_by(lane, entry)
  local ghost = has('ghosts', entry)
  if record and ghost then suspect('live_ghost', lane .. ' ' .. entry)
  elseif not record and not ghost then suspect('stray_entry', lane .. ' ' .. entry) end
  if record and is_pack(entry) then
    step.packed = step.packed + packed_in(entry, record)
  end
  names[#names + 1] = entry
end

local function look_at_lanes()
  local seen, from = cursor:match('^(%d+) (.+)$')
  for _, lane in ipairs(lanes_from(from and '[' .. from or '-', step.limit)) do
    local done = lane == from and tonumber(seen) or 0
    local page = redis.call('LRANGE', key('lane:' .. lane), -(done + step.limit), -(done + 1))
    names[#names + 1] = ' ' .. lane
    for _, entry in ipairs(page) do look_at_entry(lane, entry) end
    step.limit, step.looked = step.limit - #page - 1, step.looked + #page
    if step.limit <= 0 then return integer(done + #page) .. ' ' .. lane end
  end
  return ''
end
