-- How a claim shares its free slots among the lanes that are open to it.
-- Gives whether it left a pack to the next claim.
local function serve(lane, part)
  local pattern = open[lane]
  part = math.min(part, batch.free, slots[pattern])
  if rules then
    batch.limited = #rules.scopes(lane) > 0
    part = math.min(part, rules.room(lane))
  end
  while part > 0 and open[lane] and batch.bytes < batch.bytes_max and batch.seen < ENTRIES_MAX do
    local had, first = batch.jobs, #batch.ids + 1
    local empty, left = take(batch, lane, part)
    if empty then open[lane] = nil end
    local got = batch.jobs - had
    part, batch.free, slots[pattern] = part - got, batch.free - got, slots[pattern] - got
    if batch.limited and got > 0 then rules.started(lane, batch.ids, first) end
    if left then return true end
  end
  return false
end

-- The slots which that pack did not fit in are its own: nothing less urgent takes them.
local kept = {}
local function keep_slots(pattern)
  local room = math.min(batch.free, slots[pattern])
  batch.free, slots[pattern], kept[pattern] = batch.free - room, slots[pattern] - room, room
end

-- Lanes of one priority take turns: each gets its share of what is free, then what others left.
local function serve_peers(lanes)
  local peers, owners, served = {big = lanes.big}, {}, 0
  for _, lane in ipairs(lanes) do
    if slots[open[lane]] > 0 then peers[#peers + 1], owners[lane] = lane, open[lane] end
  end
  if #peers > 1 and batch.free > 0 then in_turn(peers) end
  for i, lane in ipairs(peers) do
    local had = batch.jobs
    serve(lane, math.ceil(batch.free / (#peers - i + 1)))
    if batch.jobs > had then served = i end
  end
  -- One tenant alone has its turn, too: who comes next is the next one.
  local turns = #peers > 1 or served > 0 and peers[1]:find('#', 1, true)
  if served > 0 and turns then keep_turn(peers, served, owners) end
  for _, lane in ipairs(peers) do
    if open[lane] and serve(lane, batch.free) then keep_slots(open[lane]) end
  end
end

-- What is left, but has no room, is not for others either.
local function close_full()
  for lane in pairs(open) do
    if rules.room(lane) == 0 then
      rules.refuse(lane)
      open[lane] = nil
    end
  end
end

-- There may be lanes that this claim has not looked at, and slots for them.
local function is_unseen()
  for pattern, room in pairs(slots) do
    if room > 0 and cut[pattern] then return true end
  end
  return stopped
end
