-- Content under an id that is taken: the same digest means the same job. nil: the id is free.
local function taken_status(id, digest)
  local record = redis.call('HGET', key('jobs'), id) or select(2, pack_with(id))
  local taken = record and (header(record, 'g') or '') or redis.call('HGET', key('given'), id)
  return taken and (taken == digest and 'existing' or 'conflict')
end
