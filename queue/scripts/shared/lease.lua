-- The token of an attempt: its first lease deadline, whose last three digits name the seat of the
-- server that claimed. It grows with each attempt at a job, whatever the clock does; `last` is the
-- token of the one before.
local function lease_token(now, seat, lease_ms, last)
  local deadline_ms = math.floor(now / 1000 + lease_ms)
  if last then deadline_ms = math.max(deadline_ms, math.floor(last / 1000) + 1) end
  return integer(deadline_ms * 1000 + seat)
end
