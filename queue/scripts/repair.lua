#!lua flags=allow-oom
--@ include key now record pack note hint wake lane token limit unpark hold attempt state tick
--@ include scheduled forget unique unique_take outbox batch bond finish die leased running back
--@ include edited keys lanes seat_held damage mend ended parent_end outbox_read
--@ include damage_bonds mend_bonds
-- repair: looks at one suspect again, and mends it if it is damaged. Nothing of value is deleted:
-- what cannot be read is moved aside, out of the namespace. Repeated: there is nothing to mend.
--
-- KEYS  1 queue, or the namespace for what stands beside the queues
-- ARGV  1 KIND   2 SUBJECT
-- Gives {'mended', what was done} | {'left', why} | {'well'}
if not damaged[ARGV[1]](ARGV[2]) then return {'well'} end
if not mend[ARGV[1]] then return {'left', 'a person must decide'} end
local did, why = mend[ARGV[1]](ARGV[2])
return did and {'mended', did} or {'left', why}
