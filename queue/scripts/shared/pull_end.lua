-- Of an attempt whose token is right: `bare` is its lane, if its record has no header. Most are so,
-- and have lane and token in common.
local kinds, began = {}, {}

-- KIND and since when; false and its timeout: too late; nil: it is not pulled.
local function look_at(token, record, score, bare, now_ms)
  local since_ms = bare and began[token] or pulled_since(token, record)
  if not since_ms then return nil end
  if bare then began[token] = since_ms end
  local timeout_ms = overdue(record, since_ms, score, now_ms)
  if timeout_ms then return false, timeout_ms end
  local lane = bare or lane_of(record)
  kinds[lane] = kinds[lane] or kind_of(lane)
  return kinds[lane], since_ms
end
