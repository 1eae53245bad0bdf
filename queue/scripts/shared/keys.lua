-- Every key of a queue, by what stands behind `NAMESPACE:{QUEUE}:`, and its type. A name that ends
-- in a colon stands for all that begin with it.
local KEYS_OF_QUEUE = {
  jobs = 'hash', rare = 'hash', results = 'hash', gone = 'hash', ghosts = 'hash', tokens = 'hash',
  marks = 'hash', given = 'hash', given_until = 'zset', lanes = 'zset', ['lane:'] = 'list',
  scheduled = 'zset', waiting = 'zset', active = 'zset', retry = 'zset', done = 'zset',
  dead = 'zset', cancelled = 'zset', ended = 'list', meta = 'hash', idle = 'hash',
  servers = 'hash', seats = 'hash', watched = 'string', ['call:'] = 'string',
  schedules = 'hash', schedule_jobs = 'hash', schedule_names = 'zset', ticks = 'hash',
  buffered = 'hash', ['history:'] = 'list', uniques = 'hash', uniques_until = 'zset',
  limits = 'hash', holds = 'hash', ['hold:'] = 'set', ['rate:'] = 'string', throttled = 'zset',
  parked = 'zset', ['parked:'] = 'set', errors = 'hash', progress = 'hash',
  parents = 'hash', bonds = 'zset', outbox = 'list', untold = 'list', on_dead = 'hash',
  batches = 'hash', batch_jobs = 'hash', batches_until = 'zset', ['batch:'] = 'set',
  pulled = 'hash', past = 'list',
}

-- And of the whole namespace, behind `NAMESPACE:`.
local KEYS_OF_ALL = {format = 'string', queues = 'set', schedules = 'hash'}

-- nil: there is no such key. Second answer: what stands behind the colon, if something does.
local function type_of_key(known, name)
  local head, rest = name:match('^([^:]*:)(.*)$')
  return known[head or name], rest
end
