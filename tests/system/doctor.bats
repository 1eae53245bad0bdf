#!/usr/bin/env bats
# pinion doctor: what Redis is set to, what is damaged, and what was repaired.

load world

setup() {
    world_begin
}

teardown() {
    world_end
}

setting() { # NAME: its verdict
    jq -r --arg name "$1" '.settings[] | select(.name == $name).verdict' <<<"$output"
}

value() { # NAME
    jq -r --arg name "$1" '.settings[] | select(.name == $name).value' <<<"$output"
}

damage() { # KIND: queue and subject of each
    jq -r --arg kind "$1" '.damage[] | select(.kind == $kind) | "\(.queue) \(.subject) \(.end)"' \
        <<<"$output"
}

@test "all is well: status 0, for people and for programs" {
    serve_ready server --listen none --command 'wc=wc -c'
    exits 0 enqueue wc hello --wait
    exits 0 enqueue wc hello --in 1h
    exits 0 doctor
    [[ $output == *"all is well"* ]]
    exits 0 doctor --json
    [ "$(jq -c '[.ok, .queues, .left, .mended, .damage]' <<<"$output")" = '[true,1,0,0,[]]' ]
    [ "$(jq .looked <<<"$output")" -gt 0 ]
    [ "$(setting durability)" = ok ]
    [ "$(setting servers)" = ok ]
}

@test "damage is told with status 1, repaired with status 0, and gone then" {
    external_redis --maxmemory 100mb
    export PINION_REDIS_URL=$REDIS_URL
    exits 0 enqueue wc one --id a -q mail
    exits 0 enqueue wc two --id b -q mail
    exits 0 enqueue wc three --id c --in 1h
    redis lrem 'pinion:{mail}:lane:5:wc' 0 a
    redis hset 'pinion:{mail}:tokens' nobody 1
    redis zadd 'pinion:{default}:retry' 1 nobody
    redis set pinion:stray x
    exits 1 doctor --json
    [ "$(damage orphan)" = "mail a found" ]
    [ "$(damage lost_token)" = "mail nobody found" ]
    [ "$(damage no_record)" = "default retry nobody found" ]
    [ "$(damage unknown_key)" = "null stray found" ]
    [ "$(jq .left <<<"$output")" -eq 4 ]
    exits 1 doctor
    [[ $output == *"orphan"*"mail"*"a job in no state"* ]]
    exits 1 doctor -q default --json
    [ "$(jq -r '.damage[].kind' <<<"$output")" = no_record ]
    exits 0 doctor --repair --json
    [ "$(jq -c '[.ok, .left, .mended]' <<<"$output")" = '[true,0,4]' ]
    [ "$(damage orphan)" = "mail a mended" ]
    [ "$(redis get pinion-aside:stray)" = x ]
    all_is_well
    job_is mail:a ready
    job_is default:c scheduled
    serve_ready server --listen none -q mail --command 'wc=wc -c'
    eventually "what was lost runs" job_is mail:a done
}

@test "what only a person can decide is left, with status 1" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    exits 0 schedule add nightly --cron '0 3 * * *' wc
    redis hdel 'pinion:{default}:schedule_jobs' nightly
    exits 1 doctor --repair --json
    [ "$(damage no_template)" = "default nightly left" ]
}

@test "settings that may lose jobs are bad, others are notes" {
    external_redis --maxmemory 100mb --maxmemory-policy allkeys-lru
    exits 1 doctor --redis "$REDIS_URL" --json
    [ "$(setting maxmemory-policy)" = bad ]
    [ "$(setting durability)" = note ]
    [ "$(setting servers)" = note ]
    redis config set maxmemory-policy noeviction
    exits 0 doctor --redis "$REDIS_URL" --json
    [ "$(setting maxmemory-policy)" = ok ]
    [ "$(jq .ok <<<"$output")" = true ]
}

@test "tokens: expired, for no queue, and a file that is damaged" {
    serve_ready server --listen none -q mail
    exits 0 doctor --json
    [ "$(setting tokens)" = "" ] # there are none
    exits 0 token make ci --role enqueue --queue mail
    exits 0 token make all --role read
    exits 0 doctor --json
    [ "$(setting tokens)" = ok ]
    [ "$(value tokens)" = 2 ]
    exits 0 token make typo --role enqueue --queue mial.
    exits 0 doctor --json
    [ "$(setting tokens)" = note ]
    [ "$(value tokens)" = "3, 1 for no queue" ]
    printf 'old read * 2020-01-01T00:00:00.000Z 2020-01-02T00:00:00.000Z %064d\n' 0 >>state/tokens
    exits 0 doctor --json
    [ "$(value tokens)" = "4, 1 expired, 1 for no queue" ]
    exits 0 doctor -q mail --json # the other queues are not known then
    [ "$(value tokens)" = "4, 1 expired" ]
    echo 'old read *' >>state/tokens
    exits 1 doctor --json
    [ "$(setting tokens)" = bad ]
    [[ "$(value tokens)" == "line 7: expected two times"* ]]
    stop "$SERVER"
}

@test "bad input and no Redis have their own statuses" {
    exits 2 doctor -q 'no good' --redis "unix:$BATS_TEST_TMPDIR/none" --connect-timeout 100ms
    [[ $stderr == *"expected 1 to 64 of"* ]]
    exits 2 doctor -q 'a,,b' --redis "unix:$BATS_TEST_TMPDIR/none" --connect-timeout 100ms
    exits 6 doctor --redis "unix:$BATS_TEST_TMPDIR/none" --connect-timeout 100ms
}
