#!/usr/bin/env bats
# What refuses new jobs, on the real binary: a queue that is drained or full, a Redis that nearly is.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

@test "a drained queue takes nothing, finishes what it has, and takes jobs again" {
    serve_ready server --listen none --concurrency 2
    for i in 1 2 3 4; do pinion enqueue pinion.sleep 200ms; done
    exits 0 queue drain default
    [ "$output" = drained ]
    queue_has active 0
    exits 5 enqueue pinion.noop
    [[ "$stderr" == *"drained"* ]]
    [ "$(pinion queue show default --json | jq .draining)" = true ]
    exits 0 queue drain default --off
    exits 0 enqueue pinion.noop --wait
    pinion enqueue nobody
    exits 12 queue drain default --wait-timeout 300ms
    [[ "$stderr" == *"1 jobs are left"* ]]
    exits 0 queue drain default --no-wait --json
    [ "$(jq -c '[.draining, .left]' <<<"$output")" = '[true,null]' ]
    exits 0 queue resume default
    exits 0 enqueue pinion.noop --wait
    stop "$SERVER"
}

@test "a full queue takes jobs again when some have ended" {
    serve_ready server --listen none
    exits 0 queue bound default --max-jobs 3
    pinion queue pause default
    for i in 1 2 3; do pinion enqueue pinion.noop; done
    exits 5 enqueue pinion.noop
    [[ "$stderr" == *"max_jobs"* ]]
    queue_has ready 3
    pinion queue resume default
    eventually "they have ended" queue_has ready 0
    eventually "they have ended" queue_has active 0
    exits 0 enqueue pinion.noop --wait
    exits 0 queue bound default --max-jobs 0 --max-bytes 5000 --json
    [ "$(jq -c .bounds <<<"$output")" = '{"max_jobs":null,"max_bytes":5000,"keep_jobs":100000,"keep_ms":2592000000}' ]
    exits 0 queue bound default
    [[ "$output" == *"5000"* ]]
    exits 2 queue bound default --max-jobs -1
    exits 2 queue bound default --max-bytes 1000000000000001
    exits 2 queue bound 'no good' --max-jobs 1
    exits 2 queue bound
    exits 2 queue drain
    exits 2 queue drain default --wait-timeout soon
    stop "$SERVER"
}

refuses() {
    ! head -c 900000 /dev/zero | tr '\0' x | pinion enqueue nobody - --redis "$REDIS_URL" 2>refused
}

@test "above the memory mark jobs are refused while servers drain" {
    external_redis --maxmemory 100mb
    serve_ready server --listen none --redis "$REDIS_URL" --memory-mark 10%
    eventually "it is full" refuses
    grep -q "memory mark" refused
    [ "$(redis info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')" -lt 90000000 ]
    exits 0 queue purge default --yes --redis "$REDIS_URL"
    eventually "there is room again" pinion enqueue pinion.noop --redis "$REDIS_URL"
    stop "$SERVER"
    exits 2 serve --memory-mark 101%
    exits 2 serve --memory-mark much
}
