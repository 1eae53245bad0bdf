-- What a member of `active` stands for: itself, or the jobs of a pack, each with its own lease now.
local function leased(name, score)
  local record = is_pack(name) and redis.call('HGET', key('jobs'), name)
  if not record then return {name} end
  local ids, leases = disband(name, record, 'active'), {}
  for i, id in ipairs(ids) do leases[2 * i - 1], leases[2 * i] = score, id end
  redis.call('ZREM', key('active'), name)
  redis.call('ZADD', key('active'), unpack(leases))
  return ids
end
