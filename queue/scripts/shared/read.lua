-- Records of names[first ..] by one command: as many as promise to stay under `bytes`, going by the
-- largest so far. Gives how many, and the records.
local READ_FIRST, READ_MAX = 4, 32
local largest

local function read_records(names, first, bytes)
  local n = largest and math.floor(bytes / largest) or READ_FIRST
  n = math.min(math.max(1, math.min(n, READ_MAX)), #names - first + 1)
  local records = redis.call('HMGET', key('jobs'), unpack(names, first, first + n - 1))
  for _, record in ipairs(records) do largest = math.max(largest or 1, record and #record or 0) end
  return n, records
end
