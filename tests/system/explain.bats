#!/usr/bin/env bats
# pinion job explain, and the same over HTTP: the reasons that people meet.

load world

setup() {
    world_begin
}

teardown() {
    world_end
}

reason() { # ID: by the command; in $output what it says, in $told the JSON
    exits 0 job explain "$1" --json
    told=$output
    exits 0 job explain "$1"
    jq -r .reason <<<"$told" >reason
}

is_reason() { # ID REASON
    [ "$(pinion job explain "$1" --json | jq -r .reason)" = "$2" ]
}

served() { # FLAGS...
    serve_ready server --listen 127.0.0.1:0 --concurrency 1 \
        --command 'hold=sh -c "while [ ! -e go ]; do sleep 0.02; done"' --command 'no=false' "$@"
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    TOKEN=$(cat "$PINION_STATE/token")
}

@test "delayed, retrying, paused" {
    served
    exits 0 enqueue hold --id later --in 1h
    reason default:later
    [ "$(cat reason)" = scheduled ]
    [[ $output == "it is delayed until "*"hint: pinion job run default:later starts it now" ]]
    exits 0 enqueue no --id again --backoff fixed:1h
    eventually "its attempt has failed" is_reason default:again retry
    reason default:again
    [[ $output == "attempt 1 of 25 failed ("*"), the next one is due at "* ]]
    exits 0 queue pause mail
    exits 0 enqueue hold -q mail --id paused
    reason mail:paused
    [ "$(cat reason)" = paused ]
    [[ $output == "queue 'mail' is paused"*"hint: pinion queue resume mail" ]]
}

@test "no server, no handler, all slots taken, running; then it runs" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    exits 0 enqueue hold --id first
    reason default:first
    [ "$(cat reason)" = no_server ]
    served --redis "$REDIS_URL"
    eventually "it runs" is_reason default:first running
    reason default:first
    [[ $output == "it is running since "*" on "* ]]
    exits 0 enqueue nobody --id strange
    reason default:strange
    [ "$(cat reason)" = no_handler ]
    exits 0 enqueue hold --id second
    eventually "the server has said that it is full" is_reason default:second full
    reason default:second
    [[ $output == "all slots of the 1 server that can run it are taken"* ]]
    touch go
    eventually "it is done" job_is default:second done
    is_reason default:second forgotten
}

@test "HTTP says the same, and keeps errors from who may not read them" {
    served
    exits 0 enqueue no --id again --backoff fixed:1h --attempts 2
    eventually "its attempt has failed" is_reason default:again retry
    run curl -sS "$URL/v1/jobs/default:again/explain"
    [ "$(jq -c '[.id, .state, .reason, .attempt, .attempts_max, .error]' <<<"$output")" = \
        '["default:again","retry","retry",2,2,null]' ]
    [[ $(jq -r .message <<<"$output") == "attempt 1 of 2 failed, the next one is due at "*Z ]]
    run curl -sS -H "Authorization: Bearer $TOKEN" "$URL/v1/jobs/default:again/explain"
    [[ $(jq -r .error <<<"$output") == *"exit"* ]]
    [ "$(curl -sS -o body -w '%{http_code}' "$URL/v1/jobs/default:nobody/explain")" = 404 ]
    [ "$(jq -r .error.code <body)" = not_found ]
    [ "$(curl -sS -o body -w '%{http_code}' "$URL/v1/jobs/default:again/explain?x=1")" = 400 ]
}

@test "bad ids and jobs that never were have their own statuses" {
    served
    exits 3 job explain default:nobody
    [[ $stderr == *"not found"* ]]
    exits 2 job explain 'no good'
    exits 2 job explain
}
