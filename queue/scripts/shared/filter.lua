-- Which jobs a listing, or a change of many, is about, from ARGV[at] on: KIND, TAG, ERROR (a part
-- of the last error, or of why it ended), OLDER_MS and NEWER_MS (its age at now_ms, since it ended
-- or else since it was made); each '' for any.
local function filter_from(at, now_ms)
  local kind, tag, text, older, newer = unpack(ARGV, at, at + 4)
  return {kind = kind ~= '' and kind, tag = tag ~= '' and ',' .. tag .. ',',
          text = text ~= '' and text, aged = older ~= '' or newer ~= '',
          last = older ~= '' and now_ms - older or math.huge,
          first = newer ~= '' and now_ms - newer or 0}
end

-- A made id begins with its time.
local function made_ms(id, record)
  local created = header(record, 'c')
  if created or #id ~= 26 then return tonumber(created or 0) end
  local ms = 0
  for i = 1, 10 do ms = ms * 32 + (DIGITS:find(id:sub(i, i), 1, true) or 1) - 1 end
  return ms
end

-- `score`: of the job in the set of its state; '' in none. rare_text: false when nothing is rare.
local function passes(filter, id, record, rare_text, state, score)
  if filter.kind and kind_of(lane_of(record)) ~= filter.kind then return false end
  local tags = filter.tag and ',' .. (header(record, 'T') or '') .. ','
  if tags and not tags:find(filter.tag, 1, true) then return false end
  if not filter.text and not filter.aged then return true end
  local ended = (state == 'dead' or state == 'cancelled') and tonumber(score)
  local rare = not (ended and not filter.text) and rare_text and cjson.decode(rare_text) or {}
  local why = filter.text and (rare.x or '') .. '\n' .. (rare.w or '')
  if why and not why:find(filter.text, 1, true) then return false end
  if not filter.aged then return true end
  local since = ended or rare.f or made_ms(id, record)
  return since >= filter.first and since <= filter.last
end
