#!/usr/bin/env bats
# Queues share the slots of a server by weight, also one slot.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

both_are_done() {
    queue_has done 80 mail && queue_has done 80 default
}

@test "one slot is shared three to one" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    for q in mail default; do
        yes '{"kind":"w","retain_ms":3600000}' | head -n 80 | pinion enqueue -q $q --bulk - >/dev/null
    done
    printf '#!/bin/sh\necho "$PINION_QUEUE" >>"%s"\n' "$PWD/order" >w
    chmod +x w
    serve_ready one --listen none -q mail=3 -q default --concurrency 1 --command w="$PWD/w"
    eventually "all jobs are done" both_are_done
    [ "$(wc -l <order)" -eq 160 ]
    local n
    n=$(head -n 80 order | grep -c mail)
    [ "$n" -ge 56 ] && [ "$n" -le 64 ] || { echo "$n of the first 80 are of mail"; return 1; }
}
