#!/usr/bin/env bats
# All jobs of a state at once: retry, cancel, delete and purge, on the real binary.

load world.bash

setup() {
    world_begin
    serve_ready server --listen none --command bad='sh -c "echo no good >&2; exit 65"' \
        --command worse='sh -c "echo much worse >&2; exit 65"'
}

teardown() {
    world_end
}

jobs() { # COUNT FIELDS: lines of --bulk
    for ((i = 0; i < $1; i++)); do echo "{$2}"; done
}

@test "dead jobs are found, retried and deleted by kind, tag and error" {
    jobs 30 '"kind":"bad","tags":["eu"]' | pinion enqueue --bulk -
    jobs 5 '"kind":"worse"' | pinion enqueue --bulk -
    eventually "all are dead" queue_has dead 35
    [ "$(pinion job list --state dead --error 'no good' --json | jq '.items | length')" -eq 30 ]
    [ "$(pinion job list --state dead --tag eu --kind worse --json | jq '.items | length')" -eq 0 ]
    pinion queue pause default
    exits 0 job retry --all --state dead --error 'no good' --tag eu --yes
    [[ "$output" == "retried 30 of "* ]]
    queue_has ready 30
    queue_has dead 5
    exits 0 job delete --all --state dead --older-than 1h --yes
    [ "$output" = "deleted 0 of 0 jobs" ]
    exits 0 job delete --all --state dead --newer-than 1h --yes --json
    [ "$(jq -c '[.verb, .changed, .next]' <<<"$output")" = '["delete",5,null]' ]
    exits 0 job cancel --all --state ready --yes
    queue_has cancelled 30
    stop "$SERVER"
}

@test "a purge deletes what does not run, and nothing unasked" {
    pinion enqueue pinion.sleep 60s --id runs
    eventually "it runs" job_is default:runs active
    jobs 1000 '"kind":"nobody"' | pinion enqueue --bulk -
    jobs 7 '"kind":"nobody","in_ms":3600000' | pinion enqueue --bulk -
    exits 2 queue purge default </dev/null
    [[ "$stderr" == *"--yes"* ]]
    queue_has ready 1000
    exits 0 queue purge default --state scheduled --yes
    [ "$output" = "deleted 7 of 7 jobs" ]
    exits 0 queue purge default --yes
    [ "$output" = "deleted 1000 of 1000 jobs" ]
    queue_has ready 0
    job_is default:runs active
    exits 0 job cancel --all --state active --yes
    eventually "it is stopped" job_is default:runs cancelled
    stop "$SERVER"
}

@test "bad input changes nothing" {
    jobs 3 '"kind":"nobody"' | pinion enqueue --bulk -
    exits 2 job retry
    [[ "$stderr" == *"--all --state"* ]]
    exits 2 job retry --all --yes
    [[ "$stderr" == *"expected one of done, dead, cancelled"* ]]
    exits 2 job retry --all --state ready --yes
    exits 2 job delete --all --state active --yes
    exits 2 job cancel --all --state deed --yes
    [[ "$stderr" == *"state 'deed'"* ]]
    exits 2 queue purge default --state deed --yes
    exits 2 job cancel default:x --all --state ready --yes
    exits 2 job cancel default:x --kind wc
    exits 2 queue purge default --yes --kind 'a b'
    exits 2 queue purge default --yes --tag 'a,b'
    exits 2 queue purge default --yes --error ''
    exits 2 queue purge default --yes --older-than soon
    exits 2 queue purge default --yes --newer-than 0
    exits 2 queue purge default --yes --older-than 2h --newer-than 1h
    exits 2 queue purge 'no good' --yes
    exits 2 queue purge
    exits 2 job list --older-than soon
    queue_has ready 3
    stop "$SERVER"
}
