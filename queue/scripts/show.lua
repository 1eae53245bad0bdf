#!lua flags=no-writes
--@ include key now record pack token state ended progress_of pull shown
-- show: everything about one job; changes nothing.
--
-- KEYS  1 queue
-- ARGV  1 ID
-- Gives {state, score, record, rare json, result, token, mark, owner's name, now in us, owner's
--        description, its last errors as JSON, what `parents` has of it, how many children wait for
--        it, `PERCENT AT_MS NOTE` or false, `STARTED_MS` or `STARTED_MS WORKER` of who pulled
--        it or false};
--       {'done', '', false, ...} when only its end is remembered; {'not_found'}
return shown(ARGV[1])
