#!lua flags=no-writes
--@ include key now record pack token state tick unique unique_take keys limit lanes
--@ include seat_held damage ended parent_end outbox_read damage_bonds
-- audit_check: looks at suspects again, all that each is about at one moment; changes nothing.
--
-- KEYS  1 queue, or the namespace for what stands beside the queues
-- ARGV  KIND, SUBJECT ...
-- Gives 1 for each that is damaged, else 0
local answer = {}
for i = 1, #ARGV, 2 do answer[#answer + 1] = damaged[ARGV[i]](ARGV[i + 1]) and 1 or 0 end
return answer
