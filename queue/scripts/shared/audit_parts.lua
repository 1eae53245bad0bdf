-- Sets and hashes that are looked at member by member, and what each member may be a case of.
-- Members of a state may lack their record, too.
local SETS = {
  lanes = {'empty_lane'}, active = {'no_seat', 'far_lease', 'uncounted'}, scheduled = {},
  waiting = {'no_parents', 'unbound'}, bonds = {'bad_bond', 'lost_bond', 'stray_bond'},
  retry = {}, done = {}, dead = {}, cancelled = {}, given_until = {'lost_until'},
  uniques_until = {'lost_unique_time'}, schedule_names = {'lost_name'},
  batches_until = {'lost_batch_time'},
  parked = {'stuck_lane', 'half_parked', 'empty_parked'},
}
local HASHES = {
  ghosts = {}, tokens = {'lost_token', 'bad_token'},
  marks = {'lost_mark'}, results = {'lost_result'},
  errors = {'lost_error'}, progress = {'lost_progress'}, parents = {'lost_parents', 'bad_parents'},
  rare = {'lost_rare', 'bad_rare', 'wrong_class'}, gone = {'lost_bits'}, given = {'endless_given'},
  uniques = {'lost_unique', 'endless_unique'}, ticks = {'lost_tick'},
  schedules = {'no_tick', 'no_template', 'unlisted_schedule'}, schedule_jobs = {'lost_template'},
  buffered = {'lost_buffered'}, idle = {'dead_idle'}, servers = {'dead_server'},
  batches = {'bad_batch', 'stuck_batch', 'endless_batch', 'no_batch_job'},
  batch_jobs = {'lost_batch_job'},
  seats = {'lost_seat'}, holds = {'lost_hold', 'half_hold'}, pulled = {'lost_pull'},
}

-- Of each set `hold:SCOPE`, `parked:SCOPE` and `batch:NAME`, which audit_keys finds; with the scope
-- before it.
local SCOPED = {['hold:'] = 'stray_hold', ['parked:'] = 'lost_parked', ['batch:'] = 'lost_member'}

-- Lists, entry by entry.
local LISTS = {outbox = {'bad_outbox'}, untold = {'untold'}}

local function part_names()
  local names = {}
  for _, parts in ipairs({SETS, HASHES, LISTS}) do
    for name in pairs(parts) do names[#names + 1] = name end
  end
  return names
end
