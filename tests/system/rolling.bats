#!/usr/bin/env bats
# Three servers on one Redis, restarted one after the other under load: no job is lost, fails, or is
# charged for it. PINION_ROLLING_ROUNDS says how often all three (2; 20 for a thorough look).

load world.bash

ROUNDS=${PINION_ROLLING_ROUNDS:-2}
COMMANDS=300 # of each round
CALLBACKS=300
declare -ga PIDS

setup() {
    world_begin
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
}

teardown() {
    world_end
}

# A program that takes a moment, or longer than the grace; what it was told to do is written down.
start_one() { # NUMBER
    serve_ready "server$1" --redis "$REDIS_URL" --state "$PWD/state$1" --listen none -q work \
        --concurrency 8 --grace 200ms --command "run=$PWD/run"
    PIDS[$1]=$SERVER
}

write_program() {
    cat >run <<'SH'
#!/bin/sh
read -r seconds
sleep "$seconds"
echo "$PINION_JOB_ID" >>"$(dirname "$0")/ended"
SH
    chmod +x run
    : >ended
}

enqueue_round() {
    for n in $(seq $COMMANDS); do
        echo "{\"kind\":\"run\",\"payload\":\"0.0$((n % 10))\",\"queue\":\"work\",\"retain_ms\":3600000}"
    done >load
    for n in $(seq 3); do # these outlast the grace of a server that stops under them
        echo '{"kind":"run","payload":"0.7","queue":"work","retain_ms":3600000}'
    done >>load
    for n in $(seq $CALLBACKS); do
        echo '{"kind":"pinion.sleep","payload":"20ms","queue":"work","retain_ms":3600000}'
    done >>load
    pinion enqueue --bulk load
}

all_jobs() {
    local cursor='' page
    while :; do
        page=$(pinion job list -q work --limit 512 ${cursor:+--after "$cursor"} --json)
        jq -c '.items[]' <<<"$page"
        cursor=$(jq -r '.next // empty' <<<"$page")
        [ -n "$cursor" ] || break
    done
}

@test "a rolling restart under load: every job is done, by its first attempt" {
    local victim round all=$((ROUNDS * (COMMANDS + 3 + CALLBACKS)))
    write_program
    for victim in 0 1 2; do start_one $victim; done
    for round in $(seq "$ROUNDS"); do
        enqueue_round
        for victim in 0 1 2; do
            [ "$(queue_count active work)" -gt 0 ] || echo "# nothing runs" >&3
            stop "${PIDS[$victim]}"
            start_one $victim
        done
    done
    eventually "all are done" queue_has done "$all" work
    all_jobs >jobs
    [ "$(jq -s -c '[.[].attempt] | unique' jobs)" = '[1]' ]
    [ "$(jq -s -c '[.[].state] | unique' jobs)" = '["done"]' ]
    [ "$(wc -l <jobs)" -eq "$all" ]
    [ "$(pinion queue show work --json | jq -c '.totals | [.failed, .dead, .reaped]')" = '[0,0,0]' ]
    [ "$(sort -u ended | wc -l)" -eq $((ROUNDS * (COMMANDS + 3))) ] # none was done by no program
    all_is_well
}

@test "a second SIGTERM hurries: a command that runs is ended, and back at once, uncharged" {
    printf '#!/bin/sh\necho $$ >>%s/started\nexec sleep 60\n' "$PWD" >long
    chmod +x long
    serve_ready one --redis "$REDIS_URL" --state "$PWD/one" --listen none --grace 1h \
        --command "long=$PWD/long"
    pinion enqueue long --id a --retain 1h
    eventually "it runs" has_lines started 1
    kill -TERM "$SERVER"
    eventually "it says so" said one event=stopping
    job_is default:a active # it has its grace
    kill -TERM "$SERVER"
    ends "$SERVER" 0
    job_is default:a ready
    ! kill -0 "$(head -1 started)" 2>/dev/null || return 1
    [ "$(pinion queue show default --json | jq -c '.totals | [.failed, .dead, .reaped]')" = '[0,0,0]' ]
    serve_ready two --redis "$REDIS_URL" --state "$PWD/two" --listen none --grace 0s \
        --command "long=echo quick"
    eventually "another server does it" job_is default:a done
    [ "$(job default:a attempt)" = 1 ]
    all_is_well
}
