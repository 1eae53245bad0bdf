-- A record is `CLASS LANE \n HEADER \n PAYLOAD`. CLASS is one byte: '0' plain, '1' look: the header
-- or the hash `rare` says something that a script must know. LANE is `PRIORITY:KIND` or
-- `PRIORITY:KIND#GROUP`. HEADER is `k=v k=v ...`. The payload is never read here.
local function lane_of(record)
  return record:match('^.([^\n]*)')
end

local function kind_of(lane)
  return lane:match('^%d:([^#]*)')
end

-- One field of the header, as text; nil when absent.
local function header(record, name)
  return (' ' .. record:match('^[^\n]*\n([^\n]*)')):match(' ' .. name .. '=(%S*)')
end

-- What is rare: a failures charged, r reaps, h reaps of attempts that were renewed, t last token,
-- o what became of the attempt with that token (absent: reaped), e live entry in a lane ('' none,
-- absent: the id itself), x last error, s last start, f finished at, w why it ended, p it has told
-- its progress.
local function rare_of(id, record)
  local text = record:byte() == 49 and redis.call('HGET', key('rare'), id)
  return text and cjson.decode(text) or {}
end

local function keep_rare(id, record, rare)
  if not next(rare) then return redis.call('HDEL', key('rare'), id) end
  if record:byte() ~= 49 then
    redis.call('HSET', key('jobs'), id, '1' .. record:sub(2))
  end
  redis.call('HSET', key('rare'), id, cjson.encode(rare))
end
