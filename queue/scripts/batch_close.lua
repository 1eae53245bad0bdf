#!lua flags=allow-oom
--@ include key now record pack note wake lane batch batch_row
-- batch_close: a batch takes no more jobs; one whose jobs have all ended is complete, and makes its
-- job: (nothing) -> READY.
--
-- KEYS  1 queue
-- ARGV  1 NAME
-- Gives {'closed' | 'existing', it was closed already, row: see batch_row} | {'not_found'}
local name, now_ms = ARGV[1], math.ceil(now_us() / 1000)
local b = batch_of(name)

if not b then return {'not_found'} end
if b.closed then return {'existing', batch_row(name, b)} end
b.closed = now_ms
if redis.call('EXISTS', key('batch:' .. name)) == 0 then batch_complete(name, b, now_ms) end
batch_keep(name, b)
return {'closed', batch_row(name, b)}
