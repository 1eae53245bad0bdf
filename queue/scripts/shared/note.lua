-- Tells whoever watches the queue what became of some jobs. The key `watched` says who does, as
-- watch.lua writes it. Who waits for jobs (w) is told of each on `events`, `STATE ID ID ...`; a
-- pack is spelled out, so it must still be there. Who follows the queue (f) is told on `feed` how
-- many they were, `STATE COUNT ID ID ...`, and of FEED_NAMED of them which; each is ID=KIND, if
-- somebody asks for kinds (k). Costs a script one GET while nobody watches.
local FEED_NAMED = 32
local watchers, kinds -- kinds: ID or PACK -> kind, where the record is gone when it is told

local function watched(mode)
  if watchers == nil then watchers = redis.call('GET', key('watched')) end
  return watchers and (watchers:find(mode, 1, true) or watchers == '1' and mode == 'w')
end

-- Before their records go: of what kind are they?
local function note_kinds(ids, from, to)
  if not watched('k') then return end
  kinds = kinds or {}
  for i = from, math.min(to, from + FEED_NAMED - 1) do
    local record = redis.call('HGET', key('jobs'), ids[i])
    kinds[ids[i]] = record and kind_of(lane_of(record)) or nil
  end
end

-- `count`: how many they are, where the caller knows it: then no more of them are looked at than
-- are named. Gives whether somebody watches.
local function note(state, ids, from, to, count)
  from, to = from or 1, to or #ids
  if watched('w') then
    local words = {}
    for i = from, to do
      local record = is_pack(ids[i]) and redis.call('HGET', key('jobs'), ids[i])
      words[#words + 1] = record and table.concat(pack_jobs(ids[i], record), ' ') or ids[i]
    end
    redis.call('PUBLISH', key('events'), state .. ' ' .. table.concat(words, ' '))
  end
  if not watched('f') then return watchers ~= false end
  local words, total = {}, 0
  for i = from, to do
    local room = FEED_NAMED - #words
    if count and room <= 0 then break end
    local record = is_pack(ids[i]) and redis.call('HGET', key('jobs'), ids[i])
    local size = record and pack_size(record)
    if record then
      local high, low = gone_from(ids[i])
      total = total + size - count_bits(high) - count_bits(low)
      for _, id in ipairs(members(ids[i], math.min(size, room), bnot(high), bnot(low))) do
        words[#words + 1] = id
      end
    else
      total = total + 1
      if room > 0 then words[#words + 1] = ids[i] end
    end
  end
  for i, id in ipairs(watched('k') and words or {}) do
    local kind = kinds and (kinds[id] or kinds[pack_name(id)])
    local record = not kind and (redis.call('HGET', key('jobs'), id) or find_pack(pack_name(id)))
    kind = kind or record and kind_of(lane_of(record))
    words[i] = kind and id .. '=' .. kind or id
  end
  local text = state .. ' ' .. (count or total) .. ' ' .. table.concat(words, ' ')
  redis.call('PUBLISH', key('feed'), text)
  return true
end
