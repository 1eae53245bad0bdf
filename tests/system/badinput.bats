#!/usr/bin/env bats
# What `pinion serve` is given and cannot use: it ends with the right status and says what it
# expected; a Redis that is away or full is waited for.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

# refused STATUS WORDS FLAGS...: serve ends by itself, with one last line that has these words.
refused() {
    local status=$1 words=$2
    shift 2
    serve refused --listen none "$@"
    ends "$SERVER" "$status"
    [ ! -s refused.out ]
    grep '^pinion: ' refused.log | grep -qF -- "$words" ||
        { echo "no '$words' in:"; cat refused.log; return 1; }
    ! said refused event=ready
}

# ---- a Redis that will not do

@test "a Redis that may evict jobs is refused, unless it is allowed" {
    external_redis --maxmemory 100mb --maxmemory-policy allkeys-lru
    refused 6 "maxmemory-policy allkeys-lru); expected noeviction" --redis "$REDIS_URL"
    exits 6 enqueue pinion.noop --redis "$REDIS_URL"
    [[ "$stderr" == *allkeys-lru* ]]
    serve_ready allowed --listen none --redis "$REDIS_URL" --allow-eviction
    exits 0 enqueue pinion.noop --redis "$REDIS_URL" --allow-eviction --wait
    stop "$SERVER"
}

@test "records of an unknown format are left alone" {
    external_redis
    redis set pinion:format 999
    refused 6 'records of format "999"' --redis "$REDIS_URL"
    exits 6 enqueue pinion.noop --redis "$REDIS_URL"
    [[ "$stderr" == *'format "999"'* ]]
    [ "$(redis dbsize)" -eq 1 ]
    # Another namespace is another world.
    serve_ready other --listen none --redis "$REDIS_URL" --namespace other
    stop "$SERVER"
}

@test "a Redis that is not there is waited for, said once, and no reason to stay at SIGTERM" {
    serve server --listen 127.0.0.1:0 --redis "unix:$PWD/redis.sock"
    eventually "it says so" said server "event=redis_lost for=calls"
    said server 'why="No such file or directory"'
    said server "redis=unix:$PWD/redis.sock"
    external_redis
    ready server # by itself
    [ "$(grep -c 'event=redis_lost for=calls' server.log)" -eq 1 ]
    stop "$SERVER"

    serve lonely --listen 127.0.0.1:0 --redis "unix:$PWD/nobody.sock"
    eventually "it says so" said lonely "event=redis_lost for=calls"
    stop "$SERVER"
    ! said lonely event=ready
}

@test "a wrong password is refused, and not repeated in the log" {
    local port status=1
    until [ "$status" -eq 0 ]; do # a port that is free
        port=$((20000 + RANDOM % 10000))
        redis_on "$port" && status=0
    done
    refused 7 "password" --redis "redis://:wrong-secret@127.0.0.1:$port"
    ! grep -q wrong-secret refused.log || return 1
    refused 7 "Redis wants a password" --redis "redis://127.0.0.1:$port"
    refused 2 "expected unix://PATH?db=N" --redis "unix:$REDIS?password=wrong-secret"
    ! grep -q wrong-secret refused.log || return 1
    serve_ready server --listen none --redis "redis://:right-secret@127.0.0.1:$port"
    stop "$SERVER"
    ! grep -q right-secret server.log state/*
}

# redis_on PORT: false where somebody listens there already, and it has ended.
redis_on() {
    setpriv --pdeathsig KILL redis-server --port "$1" --bind 127.0.0.1 --save '' \
        --dir "$BATS_TEST_TMPDIR" --requirepass right-secret >redis.log 2>&1 3>&- &
    local pid=$!
    echo "$pid" >>"$CHILDREN"
    eventually "a Redis at port $1, or its end" redis_on_or_gone "$1" "$pid"
    ! gone "$pid"
}

redis_on_or_gone() {
    gone "$2" || redis-cli -p "$1" ping 2>/dev/null | grep -q NOAUTH
}

# ---- a Redis that is full

memory_is_full() { # enqueues until it is refused
    local status=0
    round=$((round + 1))
    head -c 4000 /dev/zero | tr '\0' x >payload
    seq 400 | jq -c --rawfile text payload '{kind: "hold", payload: $text, id: "\($round)-\(.)"}' \
        --argjson round "$round" | pinion enqueue --bulk - 2>full.err || status=$?
    [ "$status" -eq 5 ]
}

@test "a full Redis: enqueueing is refused, everything else goes on, and it recovers by itself" {
    external_redis
    printf '%s\n' '#!/bin/sh' "while [ ! -e $PWD/go ]; do sleep 0.05; done" >hold
    chmod +x hold
    export PINION_REDIS_URL=$REDIS_URL
    serve_ready server --listen none --redis "$REDIS_URL" --lease 1s --concurrency 20 \
        --command "hold=$PWD/hold"
    redis config set maxmemory $(($(used_memory) + 4000000))
    round=0
    eventually "it is full" memory_is_full
    grep -q maxmemory full.err
    # What that client's buffers held is free again: no room for that, either.
    redis config set maxmemory $(($(used_memory) - 300000))
    exits 5 enqueue hold x --id late
    [[ "$stderr" == *maxmemory* ]]

    # Renewals: for three leases the same attempts run, none was lost or taken back.
    queue_has active 20
    local held
    held=$(redis zrange 'pinion:{default}:active' 0 -1 | sort)
    eventually "every lease is renewed" leases_end_after "$(($(lease_end) + 3000000))"
    [ "$(redis zrange 'pinion:{default}:active' 0 -1 | sort)" = "$held" ]
    [ "$(pinion queue show default --json | jq .totals.reaped)" -eq 0 ]
    ! said server lease_lost || return 1

    # The workers drain what is there, which makes room again.
    touch go
    within 60 "room again" room_again
    within 60 "all are done" drained
    [ "$(pinion queue show default --json |
        jq '.totals | .enqueued == .done and .failed == 0')" = true ]
    stop "$SERVER"
}

used_memory() {
    redis info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p'
}

lease_end() { # of the lease that ends first, in microseconds
    redis zrange 'pinion:{default}:active' 0 0 withscores | tail -1
}

leases_end_after() { # US
    [ "$(lease_end)" -gt "$1" ]
}

room_again() {
    pinion enqueue hold x --id late 2>/dev/null
}

drained() {
    [ "$(pinion queue show default --json |
        jq '.counts | .ready + .active + .scheduled + .retry')" -eq 0 ]
}

# ---- a place that will not do

@test "a second server on the same state folder ends with 4, and harms nothing" {
    serve_ready first --listen none
    local first=$SERVER
    refused 4 "another pinion serve (pid $first) uses $PWD/state"
    exits 0 enqueue pinion.noop --wait --wait-timeout 10s
    stop "$first"
    serve_ready again --listen none
    stop "$SERVER"
}

@test "a port in use ends with 5, and names it" {
    serve_ready first --listen 127.0.0.1:0 --state "$PWD/first"
    local first=$SERVER address
    address=$(jq -r .http <first/pinion.json)
    serve second --listen "$address" --state "$PWD/second"
    ends "$SERVER" 5
    said second "pinion: listen $address: Address already in use"
    stop "$first"
}

@test "a state folder that cannot be made or is open to others is refused" {
    : >file
    refused 2 "$PWD/file" --state "$PWD/file/state"
    refused 2 "$PWD/file" --state "$PWD/file"
    mkdir open
    chmod 0777 open
    refused 2 "$PWD/open" --state "$PWD/open"
}

@test "without a redis-server it says what is missing" {
    mkdir bin
    run --separate-stderr env PATH="$PWD/bin" "$PINION_BINARY" serve --listen none
    [ "$status" -eq 6 ]
    [[ "$stderr" == *redis-server* ]]
}

# ---- what is written wrong

@test "a command that is not there, or is none, is refused before anything starts" {
    : >plain
    refused 2 "nosuchprogram" --command "x=nosuchprogram"
    refused 2 "/no/such/thing" --command "x=/no/such/thing"
    refused 2 "$PWD/plain" --command "x=$PWD/plain"
    refused 2 "expected KIND='ARGV...'" --command "cat"
    refused 2 "quote" --command "x=cat 'open"
    [ ! -e state/redis.sock ]
}

@test "a configuration is refused with FILE:LINE" {
    printf '[serve]\nconcurrency = 3\nnonsense = 1\n' >key.ini
    refused 2 "key.ini:3: unknown key 'nonsense'" -c key.ini
    printf '[serve]\n\nconcurrency = many\n' >value.ini
    refused 2 "value.ini:3: concurrency: expected a whole number" -c value.ini
    printf '[nowhere]\nx = 1\n' >section.ini
    refused 2 "section.ini:" -c section.ini
    refused 3 "nofile.ini" -c nofile.ini
    [ ! -e state ]
}

@test "flags are refused with what was expected" {
    refused 2 "--nonsense: unknown flag" --nonsense
    refused 2 "takes flags only" word
    refused 2 "concurrency: expected a whole number from 1 to" --concurrency 0
    refused 2 "lease: expected a duration from 1s to 1h" --lease 10ms
    refused 2 "listen: expected ADDR:PORT" --listen nowhere
    refused 2 "redis://" --redis http://localhost
    refused 2 "weight of 1 to 1000" -q mail=0
    refused 2 "strict: expected queues without weights, not 'mail=3'" --strict -q mail=3 -q low
    refused 2 "namespace: expected" --namespace 'a b'
    PINION_LOG_LEVEL=loud refused 2 "PINION_LOG_LEVEL"
    [ ! -e state ]
}
