#!/usr/bin/env bats
# Batches on the real binary: from the command, over HTTP, and with kill -9.

load world

setup() {
    world_begin
}

teardown() {
    world_end
}

start() { # NAME FLAGS...: with a program that writes its payload down
    serve_ready "$@" --command "note=tee -a $BATS_TEST_TMPDIR/notes" --command 'bad=false'
}

batch() { # FIELD
    pinion batch show b --json | jq -r ".$1"
}

batch_is() { # STATE
    [ "$(batch state)" = "$1" ]
}

ended() {
    [ "$(batch pending)" -eq 0 ]
}

@test "a batch from its opening to its completion job" {
    start a --listen none
    [ "$(pinion batch open b --on-complete note 'all done')" = opened ]
    [ "$(pinion batch open b --on-complete note 'all done')" = "was there already" ]
    exits 4 batch open b --on-complete note other
    [[ "$stderr" == *"makes another job"* ]]
    printf '1\n' | pinion enqueue note - --batch b
    pinion enqueue bad --batch b --attempts 1 --id bad
    printf '%s\n' '{"kind":"note","payload":"2\n","batch":"b"}' \
        '{"kind":"note","payload":"3\n","batch":"default:b","id":"three"}' >jobs
    exits 0 enqueue --bulk jobs
    eventually "all ended" ended
    [ "$(job default:bad batch)" = b ]
    batch_is open
    [ "$(pinion batch close b)" = "closed and complete" ]
    [ "$(pinion batch close b)" = "was closed already" ]
    eventually "its job" grep -q 'all done' notes
    [ "$(grep -c 'all done' notes)" -eq 1 ]
    [ "$(pinion batch show b --json | jq -c '[.state,.total,.done,.dead,.pending]')" = \
        '["complete",4,3,1,0]' ]
    pinion batch show b | grep -q '^total  *4'
    pinion batch list | grep -q '^b  *complete  *4'
    exits 4 enqueue note x --batch b
    [[ "$stderr" == *"batch 'b' is closed: it takes no more jobs"* ]]
    printf '{"kind":"note","batch":"b"}\n' >jobs
    exits 4 enqueue --bulk jobs
    [[ "$stderr" == *"jobs:1: batch 'b' is closed"* ]]
    all_is_well
}

@test "bad input is refused and makes nothing" {
    start a --listen none
    exits 3 batch show nobody
    exits 3 batch close nobody
    exits 2 batch open 'a b'
    exits 2 batch open b payload
    exits 2 batch open b --on-complete 'a b'
    exits 2 enqueue wc --batch 'a b'
    exits 2 enqueue wc --batch other:b
    [[ "$stderr" == *"expected a batch of the job's own queue, default"* ]]
    exits 2 schedule add s --every 1h wc --batch b
    [ "$(pinion batch list --json | jq '.items | length')" -eq 0 ]
    [ "$(pinion job list --json | jq '.items | length')" -eq 0 ]
}

@test "the completion job is made once, while servers are killed" {
    local i round
    external_redis --appendonly yes
    export PINION_REDIS_URL=$REDIS_URL
    start a --listen none
    pinion batch open b --on-complete note total
    for round in 1 2 3 4; do
        for i in $(seq 25); do
            printf '{"kind":"note","payload":"%s\\n","batch":"b","id":"j%s-%s"}\n' \
                "$round-$i" "$round" "$i"
        done >jobs
        exits 0 enqueue --bulk jobs
        eventually "some of them" has_lines notes $((round * 25 - 24))
        kill -KILL "$SERVER"
        exits 0 enqueue --bulk jobs # the answer was lost, for all that its caller knows
        [ "$round" -ne 3 ] || pinion batch close b
        [ "$round" -ne 3 ] || break
        start "b$round" --listen none --state "state$round"
    done
    start c --listen none --state statec
    eventually "its end" batch_is complete
    eventually "its job" grep -q total notes
    [ "$(grep -c total notes)" -eq 1 ]
    [ "$(tail -1 notes)" = total ]
    [ "$(batch total)" -eq 75 ]
    [ "$(batch done)" -eq 75 ]
    all_is_well
}
