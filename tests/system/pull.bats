#!/usr/bin/env bats
# The example workers against a real service; and leases that outlive the server which gave them.

load world.bash

examples=$BATS_TEST_DIRNAME/../../examples

setup() {
    world_begin
}

teardown() {
    world_end
}

# Whom the workers ask: the service of this state folder.
find_service() {
    PINION_URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    PINION_TOKEN=$(cat "$PINION_STATE/token")
    export PINION_URL PINION_TOKEN
}

post() { # PATH BODY
    curl -sS -X POST -H "Authorization: Bearer $PINION_TOKEN" \
        -H 'Content-Type: application/json' -d "$2" "$PINION_URL/v1/$1"
}

@test "pull_worker.sh does jobs, and tells their results and errors" {
    serve_ready server --listen 127.0.0.1:0 -q words
    find_service
    [ "$(wc -l <"$examples/pull_worker.sh")" -le 30 ]
    for words in one 'one two' 'one "two" three'; do
        pinion enqueue count "$words" -q words --retain 1h >>ids
    done
    pinion enqueue other x -q words --id other --backoff fixed:1h
    PINION_WAIT=300ms timeout 60 "$examples/pull_worker.sh" words count wc -w 2>said
    n=1
    while read -r id; do
        [ "$(job "$id" state) $(job "$id" result)" = "done $n" ]
        n=$((n + 1))
    done <ids
    job_is words:other ready
    PINION_WAIT=300ms timeout 60 "$examples/pull_worker.sh" words other \
        sh -c 'echo no luck >&2; exit 1' 2>said
    [ "$(job words:other state) $(job words:other error)" = 'retry no luck' ]
    pinion doctor
}

@test "pull_worker.py extends its leases, stops what is cancelled, fails for good" {
    command -v python3 || skip 'no python3'
    serve_ready server --listen 127.0.0.1:0 -q sums
    find_service
    sum() { pinion enqueue sum "$1" -q sums --retain 1h --id "$2"; }
    sum '1 2 3' plain
    sum '1 2 x' bad
    sum 'slow 4 5' slow
    sum 'slow 6' cancelled
    PINION_WAIT=1s timeout 100 "$examples/pull_worker.py" sums sum 2>said 3>&- &
    worker=$!
    echo $worker >>"$CHILDREN"
    eventually 'all run, or are done' queue_has ready 0 sums
    pinion job cancel sums:cancelled
    ends $worker 0
    [ "$(job sums:plain state) $(job sums:plain result)" = 'done 6' ]
    [ "$(job sums:bad state) $(job sums:bad attempt)" = 'dead 1' ]
    [[ "$(job sums:bad error)" == *"invalid literal"* ]]
    [ "$(job sums:slow state) $(job sums:slow result)" = 'done 9' ] # 5 s of work, 3 s of lease
    [ "$(job sums:slow attempt)" -eq 1 ]
    [ "$(job sums:slow progress.note)" = 'adding up' ]
    [ "$(job sums:cancelled state) $(job sums:cancelled error)" = 'cancelled stopped' ]
    pinion doctor
}

@test "a quiet server leases nothing: who waits is answered, the next one gives, outcomes go on" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    serve_ready first --listen 127.0.0.1:0 --redis "$REDIS_URL" -q far --state one
    serve_ready second --listen 127.0.0.1:0 --redis "$REDIS_URL" -q far --state two
    PINION_STATE=one find_service
    pinion enqueue a x -q far --id a --retain 1h
    post 'queues/far/lease?kind=a' '' >leased
    post 'queues/far/lease?kind=b&wait=5m' '' >none 3>&- &
    waiter=$!
    echo $waiter >>"$CHILDREN"
    eventually 'one waits' metric_is pinion_pull_waiting 1
    exits 0 server quiet "$(jq -r .server one/pinion.json)"
    ends $waiter 0
    [ "$(jq -c . none)" = '{"items":[]}' ]
    run post 'queues/far/lease?kind=b&wait=5m' ''
    [[ "$output" == *'"unavailable"'*'this server is quiet, and leases no more jobs'* ]]
    pinion enqueue b x -q far --id b
    PINION_STATE=two find_service
    [ "$(post 'queues/far/lease?kind=b&wait=5m' '' | jq -r '.items[0].id')" = far:b ]
    PINION_STATE=one find_service
    said=$(jq -c '.items[0] | {token}' leased)
    [ "$(post jobs/far:a/extend "$said" | jq -r .status)" = active ]
    [ "$(post jobs/far:a/ack "$said" | jq -r .status)" = 'done' ]
    exits 0 server resume "$(jq -r .server one/pinion.json)"
    [ "$(post 'queues/far/lease?kind=c' '' | jq -c .)" = '{"items":[]}' ]
    exits 0 doctor
}

metric_is() { # NAME VALUE
    curl -sS -H "Authorization: Bearer $PINION_TOKEN" "$PINION_URL/metrics" | grep -q "^$1 $2\$"
}

@test "what was leased here is extended and acked elsewhere, also when the first one was killed" {
    external_redis
    serve_ready first --listen 127.0.0.1:0 --redis "$REDIS_URL" -q far --state one
    first=$SERVER
    PINION_STATE=one find_service
    export PINION_REDIS_URL=$REDIS_URL
    pinion enqueue a x -q far --id a --retain 1h
    pinion enqueue a x -q far --id b --retain 1h
    post 'queues/far/lease?kind=a&max=2&lease_ms=60000' '' >leased
    serve_ready second --listen 127.0.0.1:0 --redis "$REDIS_URL" -q far --state two
    kill -KILL "$first"
    eventually 'the end of the first' gone "$first"
    PINION_STATE=two find_service
    token=$(jq -r '.items[0].token' leased)
    [ "$(post jobs/far:a/extend "{\"token\":\"$token\"}" | jq -r .status)" = active ]
    [ "$(post jobs/far:a/ack "{\"token\":\"$token\",\"result\":1}" | jq -r .status)" = 'done' ]
    serve_ready first --listen 127.0.0.1:0 --redis "$REDIS_URL" -q far --state one
    PINION_STATE=one find_service
    job_is far:b active # its own former life held nothing
    said_b=$(jq -c '.items[1] | {token, result: "two"}' leased)
    [ "$(post jobs/far:b/ack "$said_b" | jq -r .status)" = 'done' ]
    [ "$(job far:b result)" = two ]
    exits 0 doctor
}
