#!/usr/bin/env bats
# What a job gave, waited for or not, on the real binary.

load world.bash

setup() {
    world_begin
    serve_ready server --listen none --command wc='wc -w' --command bad='sh -c "exit 65"'
}

teardown() {
    world_end
}

@test "a result is printed, and its end is the exit status" {
    pinion enqueue wc 'one two' --id done --retain 1h
    exits 0 job result default:done --wait
    [ "$output" = 2 ]
    exits 0 job result -q default done
    [ "$output" = 2 ]
    pinion enqueue bad x --id dead
    exits 10 job result default:dead --wait --wait-timeout 30s
    pinion enqueue wc x --id later --in 1h
    exits 12 job result default:later
    exits 12 job result default:later --wait --wait-timeout 100ms
    pinion enqueue wc 'a b c' --id soon --in 300ms --retain 1h
    exits 0 job result default:soon --wait --json
    [ "$(jq -r .result <<<"$output")" = 3 ]
    pinion job cancel default:later
    exits 11 job result default:later
    exits 3 job result default:nobody
    exits 3 job result default:nobody --wait
    pinion enqueue wc x --id forgotten
    eventually "it has ended" job_is default:forgotten done
    exits 0 job result default:forgotten
    [[ "$stderr" == *"was not kept"* ]]
    exits 2 job result
    exits 2 job result default:x --wait-timeout 1s
    exits 2 job result 'no good'
    stop "$SERVER"
}

@test "a server that stops answers those who wait for a result" {
    stop "$SERVER"
    serve_ready other --listen 127.0.0.1:0
    local http token
    http=$(jq -r .http state/pinion.json)
    token=$(cat state/token)
    pinion enqueue nobody --id never
    curl -s -o answer -w '%{http_code}' -H "Authorization: Bearer $token" \
        "http://$http/v1/jobs/default:never/result?wait=60s" >status 3>&- &
    local curl=$!
    eventually "it waits" listens
    stop "$SERVER"
    wait "$curl"
    [ "$(cat status)" = 202 ] || [ "$(cat status)" = 503 ]
}

listens() {
    redis-cli -s state/redis.sock pubsub channels '*:events' 2>/dev/null | grep -q events
}
