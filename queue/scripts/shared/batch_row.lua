-- What is told of a batch; times in ms, 0: not yet. Flat, for reading.
local function batch_row(name, b)
  return {name, b.n, b.done or 0, b.dead or 0, b.cancelled or 0, b.deleted or 0,
          redis.call('SCARD', key('batch:' .. name)), b.opened, b.closed or 0, b.completed or 0,
          b.job or ''}
end
