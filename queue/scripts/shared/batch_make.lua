-- A job joins a batch, which begins with its first member. Gives the batch; nil, 'closed': it takes
-- no more.
local function batch_for(name, now_ms)
  local b = batch_of(name) or {n = 0, opened = now_ms}
  if b.closed then return nil, 'closed' end
  return b
end

-- Gives what its header says of that.
local function batch_add(name, b, id)
  b.n = b.n + 1
  redis.call('SADD', key('batch:' .. name), id)
  batch_keep(name, b)
  return 'B=' .. name .. '=' .. integer(b.opened) .. ' '
end
