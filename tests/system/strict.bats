#!/usr/bin/env bats
# Queues that are served strictly in their order: a later one gets what the earlier ones leave.

load world.bash

setup() {
    world_begin
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    # Says its queue when it starts, and stays until the file of its kind is there.
    cat >w <<'END'
#!/bin/sh
echo "$PINION_QUEUE" >>order
until [ -e "$PINION_KIND.go" ]; do sleep 0.02; done
END
    chmod +x w
}

teardown() {
    world_end
}

jobs() { # QUEUE KIND COUNT
    yes "{\"kind\":\"$2\",\"retain_ms\":3600000}" | head -n "$3" |
        pinion enqueue -q "$1" --bulk - >/dev/null
}

are_done() { # HIGH LOW
    queue_has done "$1" high && queue_has done "$2" low
}

order_is() { # "COUNT QUEUE ..." in runs
    [ "$(uniq -c order | xargs)" = "$1" ] || { uniq -c order; return 1; }
}

@test "one slot: all of the first queue, then the second" {
    touch a.go
    jobs low a 30
    jobs high a 30
    serve_ready one --listen none --strict -q high -q low --concurrency 1 --command a="$PWD/w"
    eventually "all jobs are done" are_done 30 30
    order_is "30 high 30 low"
}

@test "one slot: what comes to the first queue is the next to start" {
    serve_ready one --listen none --strict -q high -q low --concurrency 1 --command '*'="$PWD/w"
    jobs low a 30 # an idle queue before it holds nothing up
    eventually "the first one runs" has_lines order 1
    jobs high b 20
    touch b.go a.go
    eventually "all jobs are done" are_done 20 30
    order_is "1 low 20 high 29 low"
}

@test "eight slots: the second queue has those that the first leaves" {
    serve_ready one --listen none --strict -q high -q low --concurrency 8 --command '*'="$PWD/w"
    jobs high a 3
    eventually "the first three run" has_lines order 3
    jobs low a 20
    eventually "the others have the rest" has_lines order 8
    jobs high b 19
    touch a.go
    eventually "the first queue has all slots" has_lines order 16
    order_is "3 high 5 low 8 high"
    touch b.go
    eventually "all jobs are done" are_done 22 20
    [ "$(wc -l <order)" -eq 42 ]
}

@test "strict in the file, and the order of the flags" {
    printf '[serve]\nstrict = yes\n[queue "high"]\n[queue "low"]\n' >pinion.ini
    touch a.go
    jobs high a 5
    jobs low a 5
    serve_ready one -c pinion.ini --listen none -q low -q high --concurrency 1 --command a="$PWD/w"
    eventually "all jobs are done" are_done 5 5
    order_is "5 low 5 high"
}

@test "a first queue whose handler is full holds nothing up" {
    printf '[serve]\nstrict = yes\n[command "a"]\nargv = %s/w\nconcurrency = 1\n' "$PWD" >pinion.ini
    jobs high a 5
    jobs low b 3
    serve_ready one -c pinion.ini --listen none -q high -q low --concurrency 4 --command b="$PWD/w"
    eventually "one of the first, and three others" has_lines order 4
    [ "$(grep -c low order)" -eq 3 ]
    touch a.go b.go
    eventually "all jobs are done" are_done 5 3
}
