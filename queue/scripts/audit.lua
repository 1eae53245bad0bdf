#!lua flags=no-writes
--@ include key now record pack token state tick unique unique_take keys limit lanes
--@ include seat_held damage audit_parts ended parent_end outbox_read damage_bonds
-- audit: looks at some entries of one part of a queue's keys for what contradicts the rest; changes
-- nothing. What it names may have moved meanwhile: audit_check tells.
--
-- KEYS  1 queue
-- ARGV  1 part: one of SETS, HASHES and LISTS, 'jobs', 'entries' (of lanes), 'moves', 'parts'
--       or the name of a set of SCOPED   2 cursor or ''   3 how many entries to look at
-- Gives {next cursor or '', jobs in packs beyond one for each, {KIND, SUBJECT, ...}, {NAME, ...},
--        entries that were looked at};
--       NAME: of 'entries' ` LANE` and what stands in it, of 'jobs' what must stand in a lane, of
--       'ghosts' all of them, of 'waiting' CHILD QUEUE:PARENT of parents elsewhere, of 'moves' what
--       changes when packs do, of 'parts' all such parts
local part, cursor = ARGV[1], ARGV[2]
local suspects, names, is_place = {}, {}, {}
local head, scope = part:match('^(%l+:)(.*)$')
local scoped = SCOPED[head or '']
local step = {packed = 0, looked = 0, limit = tonumber(ARGV[3])}
for _, place in ipairs(PLACES) do is_place[place] = true end

local function suspect(kind, subject)
  suspects[#suspects + 1], suspects[#suspects + 2] = kind, subject
end

--@ include audit_lanes audit_lists audit_jobs
local function look_at(member)
  for _, kind in ipairs(SETS[part] or HASHES[part]) do
    if damaged[kind](member) then suspect(kind, member) end
  end
  if is_place[part] and not has('jobs', member) then suspect('no_record', part .. ' ' .. member) end
  add_names(member)
  local pack = part == 'active' and is_pack(member) and good_record(member)
  step.packed = step.packed + (pack and packed_in(member, pack) or 0)
end

local function look_at_scoped(scope, members, kind)
  step.looked = #members
  for _, member in ipairs(members) do
    if damaged[kind](scope .. ' ' .. member) then suspect(kind, scope .. ' ' .. member) end
  end
end

local function scan(command)
  local page = redis.call(command, key(part), cursor == '' and 0 or cursor, 'COUNT', step.limit)
  step.looked = #page[2] / 2
  if scoped then look_at_scoped(scope, page[2], scoped)
  elseif part == 'jobs' then look_at_jobs(page[2])
  else for i = 1, #page[2], 2 do look_at(page[2][i]) end end
  return page[1] == '0' and '' or page[1]
end

local next_cursor = ''
if part == 'entries' then next_cursor = look_at_lanes()
elseif part == 'moves' then names = {moves_of_packs()}
elseif LISTS[part] then next_cursor = look_at_list(LISTS[part])
elseif part == 'parts' then names = part_names()
else next_cursor = scan(scoped and 'SSCAN' or SETS[part] and 'ZSCAN' or 'HSCAN') end
return {next_cursor, step.packed, suspects, names, step.looked}
