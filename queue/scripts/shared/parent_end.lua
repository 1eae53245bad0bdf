-- How a parent in this queue ended; '': it has not. nil: it is not there, nor the memory of it.
local function end_of(id)
  local _, state = find_job(id)
  if not state then return recall(id) and 'done' end
  return (state == 'done' or state == 'dead' or state == 'cancelled') and state or ''
end
