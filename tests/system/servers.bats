#!/usr/bin/env bats
# server quiet, resume and stop: told by command or HTTP, answered when it is so.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

# begin NAME FLAGS...: one more server on the Redis of the test; ${ID[NAME]} and ${PID[NAME]}.
declare -gA ID PID
begin() {
    local name=$1
    shift
    serve_ready "$name" --redis "$REDIS_URL" --state "$PWD/$name.state" --listen none "$@"
    PID[$name]=$SERVER
    ID[$name]=$(jq -r .server "$name.state/pinion.json")
}

state() { # ID
    pinion server list --json | jq -r --arg id "$1" '.items[] | select(.name == $id) | .state'
}

@test "a quiet server ends what it runs and takes no more, until it is to resume" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    mkfifo go
    begin one --command wait="cat $PWD/go" --concurrency 2
    pinion enqueue wait --id running --retain 1h
    eventually "it runs" job_is default:running active
    exits 0 server quiet "${ID[one]}"
    [ "$output" = quiet ]
    [ "$(state "${ID[one]}")" = quiet ]
    pinion server list | grep -q "^${ID[one]}  *quiet"
    pinion enqueue pinion.noop --id waits --retain 1h
    pinion enqueue pinion.noop --id delayed --in 100ms --retain 1h
    job_is default:running active
    : >go
    eventually "it ends what it runs" job_is default:running done
    eventually "the delayed one is promoted" job_is default:delayed ready # upkeep goes on
    job_is default:waits ready
    [ "$(pinion job explain default:waits --json | jq -r .reason)" = quiet ]
    exits 0 server quiet "${ID[one]}" # it is so already
    exits 0 server resume "${ID[one]}"
    [ "$output" = serving ]
    eventually "it takes jobs again" job_is default:waits done
    eventually "and the other one" job_is default:delayed done
    [ "$(job default:waits attempt)" = 1 ]
    stop "${PID[one]}"
}

@test "of two servers, the quiet one is passed over, without delay" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    begin one --command who='echo one'
    begin two --command who='echo two'
    exits 0 server quiet "${ID[one]}"
    for n in $(seq 20); do [ "$(pinion enqueue who --wait --wait-timeout 10s)" = two ]; done
    exits 0 server resume "${ID[one]}"
    exits 0 server quiet "${ID[two]}"
    for n in $(seq 20); do [ "$(pinion enqueue who --wait --wait-timeout 10s)" = one ]; done
    all_is_well
}

@test "stop is graceful, and known when it was heard; a name that is none, or left out" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    mkfifo go
    begin one --command wait="cat $PWD/go"
    begin two
    exits 2 server stop
    [[ "$stderr" == *"2 servers are alive"* ]]
    exits 0 server list -n 1 --json
    local first=$(jq -r .next <<<"$output")
    [ "$first" = "$(jq -r '.items[].name' <<<"$output")" ]
    exits 0 server list --after "$first" --json
    [ "$(printf '%s\n' "${ID[@]}" | sort | xargs)" = \
        "$first $(jq -r 'select(.next == null) | .items[].name' <<<"$output")" ]
    exits 3 server stop "${ID[one]%?}"
    [[ "$stderr" == *"the nearest name is '${ID[one]}'"* ]]
    pinion enqueue wait --id running --retain 1h
    eventually "it runs" job_is default:running active
    exits 0 server stop "${ID[one]}"
    [ "$output" = stopping ]
    exits 4 server resume "${ID[one]}"
    [[ "$stderr" == *"is stopping"* ]]
    : >go
    ends "${PID[one]}" 0
    job_is default:running done
    exits 0 server stop --json
    [ "$(jq -r .name <<<"$output")" = "${ID[two]}" ]
    ends "${PID[two]}" 0
    exits 3 server quiet
    [[ "$stderr" == *"no server is alive"* ]]
    all_is_well
}

@test "a lost server is refused, and one with a private Redis stops with it" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    begin one
    kill -KILL "${PID[one]}"
    eventually "it is lost" lost "${ID[one]}"
    exits 4 server quiet "${ID[one]}"
    [[ "$stderr" == *"is lost"* ]]
    unset PINION_REDIS_URL
    serve_ready private --listen none
    exits 0 server stop
    ends "$SERVER" 0
}

lost() {
    pinion server list | grep -q "^$1  *lost"
}

@test "over HTTP: here and elsewhere" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    begin far
    serve_ready here --redis "$REDIS_URL" --state "$PWD/here.state" --listen 127.0.0.1:0
    local url token here
    url=http://$(jq -r .http here.state/pinion.json)/v1/servers here=$(jq -r .server here.state/pinion.json)
    token="Authorization: Bearer $(cat here.state/token)"
    post() { curl -sS -X POST -H "$token" -w '\n%{http_code}\n' "$url/$1"; }
    run post "${ID[far]}/quiet"
    [ "${lines[1]}" = 200 ] && [ "$(jq -r .state <<<"${lines[0]}")" = quiet ]
    [ "$(state "${ID[far]}")" = quiet ]
    run post "${ID[far]}/resume"
    [ "${lines[1]}" = 200 ] && [ "$(jq -r .state <<<"${lines[0]}")" = serving ]
    run post "nobody/quiet"
    [ "${lines[1]}" = 404 ] && [[ "${lines[0]}" == *"nearest name is"* ]]
    [ "$(curl -sS -X POST -o /dev/null -w '%{http_code}' "$url/$here/stop")" = 401 ]
    run post "$here/quiet"
    [ "${lines[1]}" = 200 ] && [ "$(jq -r .state <<<"${lines[0]}")" = quiet ]
    run post "${ID[far]}/stop"
    [ "${lines[1]}" = 200 ]
    ends "${PID[far]}" 0
    run post "$here/stop"
    [ "${lines[1]}" = 200 ] && [ "$(jq -r .state <<<"${lines[0]}")" = stopping ]
    ends "$SERVER" 0
}
