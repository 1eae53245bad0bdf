#!/usr/bin/env bats
# The HTTP API as ordinary clients meet it: curl, and what reads metrics.

load world.bash

setup() {
    world_begin
    serve_ready api --listen 127.0.0.1:0 --command wc='wc -w'
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    TOKEN=$(cat "$PINION_STATE/token")
}

teardown() {
    world_end
}

http() { # METHOD PATH [FLAGS...]: with the token; the answer is printed, its status is in `status`
    local method=$1 path=$2
    shift 2
    curl -sS -o answer -w '%{http_code}' -X "$method" -H "Authorization: Bearer $TOKEN" \
        "$@" "$URL$path" >http_status
    cat answer
}

post() { # PATH JSON
    http POST "$1" -H 'Content-Type: application/json' -d "$2"
}

answered() { # STATUS
    [ "$(cat http_status)" -eq "$1" ] || { echo "status $(cat http_status): $(cat answer)"; return 1; }
}

metrics() {
    curl -sS "$URL/metrics"
}

@test "a job over HTTP runs, and all doors tell the same" {
    id=$(post /v1/queues/default/jobs '{"kind":"wc","payload":"a b c","retain_ms":60000}' | jq -r .id)
    answered 201
    eventually "the end of $id" job_is "$id" done
    [ "$(http GET "/v1/jobs/$id" | jq -r .result)" = 3 ]
    post /v1/queues/mail/jobs '[{"kind":"x"},{"kind":"x"},{"kind":"y","in_ms":3600000}]'
    answered 201
    # The age of the oldest and the window of the rates grow between two looks.
    [ "$(http GET /v1/queues/mail | jq -S 'del(.oldest_ready_ms, .rates)')" = \
        "$(pinion queue show mail --json | jq -S 'del(.oldest_ready_ms, .rates)')" ]
    REDIS=$PINION_STATE/redis.sock
    [ "$(http GET /v1/queues/mail | jq .counts.ready)" -eq "$(redis LLEN 'pinion:{mail}:lane:5:x')" ]
    [ "$(http GET /v1/queues/mail | jq .counts.scheduled)" -eq \
        "$(redis ZCARD 'pinion:{mail}:scheduled')" ]
    [ "$(http GET '/v1/queues/mail/jobs' | jq -S .)" = "$(pinion job list -q mail --json | jq -S .)" ]
    [ "$(http GET /v1/servers | jq -S 'del(.items[] | .seen_at, .recent)')" = \
        "$(pinion server list --json | jq -S 'del(.items[] | .seen_at, .recent)')" ]
    stop "$SERVER"
}

# send_large BYTES FLAGS...: its body is too large; how it was answered, and how much was sent.
send_large() {
    head -c "$1" /dev/zero | tr '\0' x >large
    shift
    curl -sS -o answer -w '%{http_code} %{size_upload}' \
        -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' "$@" \
        --data-binary @large "$URL/v1/queues/mail/jobs"
}

@test "an ordinary client sees the 413 of a body that is too large" {
    for bytes in 4194305 6000000 40000000; do # the last is more than is swallowed
        run -0 send_large $bytes -H 'Expect:'
        [[ "$output" == "413 "* ]]
        jq -e '.error.code == "too_large" and (.error.message | contains("4194304 bytes"))' answer
    done
    # Who asks first, as curl does by itself, sends nothing of it.
    run -0 send_large 6000000 -H 'Expect: 100-continue'
    [[ "$output" == "413 0" ]]
    jq -e '.error.code == "too_large"' answer
}

@test "many bad requests leave the service as it was" {
    head -c 100000 /dev/zero | tr '\0' '[' >deep
    for _ in $(seq 20); do
        http POST /v1/queues/mail/jobs -H 'Content-Type: application/json' --data-binary @deep
        answered 400
        printf '{"kind":"a","payload":"\xff"}' >bad
        http POST /v1/queues/mail/jobs -H 'Content-Type: application/json' --data-binary @bad
        answered 400
    done
    http GET /v1/queues/mail
    answered 404
    stop "$SERVER" # no sanitizer found anything to say
}

@test "metrics are what Prometheus takes" {
    post /v1/queues/default/jobs '[{"kind":"wc"},{"kind":"wc"},{"kind":"wc","in_ms":50}]'
    eventually "three jobs done" done_by_metrics 3
    metrics >metrics
    awk -f "$BATS_TEST_DIRNAME/metrics.awk" metrics
    for name in pinion_jobs_total pinion_queue_jobs pinion_queue_oldest_seconds \
        pinion_job_wait_seconds_bucket pinion_job_run_seconds_bucket \
        pinion_job_lateness_seconds_count pinion_schedule_lateness_seconds_count \
        pinion_loop_stall_seconds_sum pinion_redis_up \
        pinion_redis_roundtrip_seconds pinion_stale_outcomes_refused_total \
        pinion_jobs_reaped_total; do
        grep -q "^$name[{ ]" metrics || { echo "no $name"; false; }
    done
    grep -qx 'pinion_job_lateness_seconds_count 1' metrics
}

@test "promtool has nothing to say about the metrics of a busy server" {
    stop "$SERVER"
    serve_ready busy --listen 127.0.0.1:0 -q default -q mail --command wc='wc -w' \
        --command bad=false
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    local queue
    for queue in default mail; do
        post "/v1/queues/$queue/jobs" '[{"kind":"wc","payload":"a b"},{"kind":"wc","in_ms":50},
            {"kind":"bad","attempts_max":2,"backoff":"fixed:50ms"},{"kind":"pinion.sleep","payload":"1h"},
            {"kind":"wc","in_ms":3600000},{"kind":"nobody"}]'
        answered 201
        eventually "the jobs of $queue" has_metrics \
            "pinion_jobs_total{queue=\"$queue\",kind=\"wc\",outcome=\"done\"} 2" \
            "pinion_jobs_total{queue=\"$queue\",kind=\"bad\",outcome=\"retry\"} 1" \
            "pinion_jobs_total{queue=\"$queue\",kind=\"bad\",outcome=\"dead\"} 1" \
            "pinion_queue_jobs{queue=\"$queue\",state=\"active\"} 1" \
            "pinion_queue_jobs{queue=\"$queue\",state=\"scheduled\"} 1" \
            "pinion_queue_jobs{queue=\"$queue\",state=\"ready\"} 1"
    done
    awk -f "$BATS_TEST_DIRNAME/metrics.awk" metrics
    run -0 promtool check metrics <metrics
    [ -z "$output" ] || { echo "$output"; false; }
    # It does complain, where there is a reason.
    sed '/^# HELP pinion_redis_up/d' metrics >bad
    run -3 promtool check metrics <bad
    [[ "$output" == *pinion_redis_up* ]]
}

has_metrics() { # LINE...
    local line
    metrics >metrics
    for line; do grep -qxF "$line" metrics || return; done
}

done_by_metrics() { # COUNT
    metrics | grep -qx "pinion_jobs_total{queue=\"default\",kind=\"wc\",outcome=\"done\"} $1"
}

@test "the checker of metrics sees what is wrong" {
    metrics >good
    awk -f "$BATS_TEST_DIRNAME/metrics.awk" good
    for change in '/^# TYPE pinion_redis_up/d' '/_count /d' 's/^\(pinion_redis_up\) 1/\1 up/' \
        '/le="+Inf"/d' 's/^pinion_redis_up 1/&\n&/' 's/le="0.000127"/le="9"/' \
        's/_claimed_total/_claimed/' 's/{version="/{version=/'; do
        sed "$change" good >bad
        ! cmp -s good bad || return 1
        run awk -f "$BATS_TEST_DIRNAME/metrics.awk" bad
        [ "$status" -eq 1 ] || { echo "not seen: $change"; false; }
    done
}

@test "http.md names every metric, and no other" {
    post /v1/queues/default/jobs '{"kind":"wc"}'
    eventually "one job done" done_by_metrics 1
    metrics | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >has
    sed -n '/^## Metrics/,/^## /s/^| \(`.*`\) |.*/\1/p' "$BATS_TEST_DIRNAME/../../docs/http.md" |
        grep -o '`p[a-z]*_[a-z_]*' | tr -d '`' | sort >lists
    diff has lists
}
