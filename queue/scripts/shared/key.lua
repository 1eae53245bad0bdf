-- KEYS[1] is `NAMESPACE:{QUEUE}`; every key of the queue is derived from it and shares its slot.
local namespace, queue = KEYS[1]:match('^(.-):{(.-)}$')

local function key(name)
  return KEYS[1] .. ':' .. name
end

local function integer(n)
  return string.format('%.0f', n)
end
