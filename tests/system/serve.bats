#!/usr/bin/env bats
# `pinion serve` from outside: jobs run as the command line says, and the server stops as it should.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

serve_ok() { # FLAGS...
    serve_ready server --listen 127.0.0.1:0 "$@"
}

# script NAME LINE...: an executable in this test's folder.
script() {
    local name=$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$name"
    chmod +x "$name"
}

# ---- running

@test "a command gets the payload, and --wait prints its result" {
    serve_ok --command "wc=wc -c"
    exits 0 enqueue wc hello --wait
    [ "$output" = 5 ]
    [ -z "$stderr" ]
    exits 0 enqueue wc '' --wait
    [ "$output" = 0 ]
    run bash -c 'head -c 200000 /dev/zero | "$PINION_BINARY" enqueue wc - --wait'
    [ "$output" = 200000 ]
}

@test "a kind that nobody runs waits, is told so, and runs when a server for it comes" {
    serve_ok
    exits 12 enqueue nosuchkind x --id early --retain 1h --wait --wait-timeout 2s
    [[ "$stderr" == *"no server has a handler for kind 'nosuchkind'"* ]]
    stop "$SERVER"
    serve_ready second --command nosuchkind=cat
    local ready_ms took
    ready_ms=$(now_ms)
    eventually "the job runs" job_is default:early done
    took=$(($(ms_of "$(job default:early finished_at)") - ready_ms))
    echo "# it had run $took ms after readiness" >&3
    [ "$took" -lt 2000 ] # a second is promised, and the machine may be busy
    [ "$(job default:early attempt)" = 1 ]
}

@test "100,000 jobs of a kind that nobody runs delay no other job" {
    serve_ok
    seq 100000 | sed 's/.*/{"kind":"nobody.runs","priority":0}/' |
        pinion enqueue --bulk -
    queue_has ready 100000
    local started took worst=0
    for _ in $(seq 10); do
        started=$(now_ms)
        exits 0 enqueue pinion.noop --priority 9 --wait --wait-timeout 10s
        took=$(($(now_ms) - started))
        [ "$took" -le "$worst" ] || worst=$took
    done
    echo "# enqueue --wait took $worst ms at most" >&3
    [ "$worst" -lt 2000 ] # the process itself takes most of it
    queue_has ready 100000
}

@test "--in and --at: never early, and soon" {
    serve_ok
    local id when late
    for when in --in --at; do
        case $when in
        --in) id=$(pinion enqueue pinion.noop --retain 1h --in 1s500ms) ;;
        --at) id=$(pinion enqueue pinion.noop --retain 1h \
            --at "$(date -u -d '+2 seconds' +%FT%T.%3NZ)") ;;
        esac
        job_is "$id" scheduled
        eventually "$id is done" job_is "$id" done
        late=$(($(ms_of "$(job "$id" finished_at)") - $(ms_of "$(job "$id" run_at)")))
        echo "# $when: done $late ms after its time" >&3
        [ "$late" -ge 0 ]
        [ "$late" -lt 2000 ] # milliseconds are promised; the machine may be busy
    done
}

@test "--priority: the most urgent first, and in order within one" {
    script note "read -r word; echo \"\$word\" >>$PWD/order"
    serve_ok --concurrency 1 --command "note=$PWD/note"
    pinion queue pause default
    for job in 9:last 5:middle 0:first 5:middle-too 0:first-too; do
        echo "${job#*:}" | pinion enqueue note - --priority "${job%%:*}" >/dev/null
    done
    pinion queue resume default
    eventually "all have run" has_lines order 5
    run tr '\n' ' ' <order
    [ "$output" = "first first-too middle middle-too last " ]
}

@test "a command's own attempts and backoff, and each attempt's error" {
    script bad 'echo "oops $PINION_ATTEMPT" >&2; exit 7'
    printf '[command "bad"]\nargv = %s/bad\nattempts = 2\nbackoff = fixed:10ms\n' "$PWD" >own.ini
    serve_ok -c own.ini
    exits 10 enqueue bad --attempts 9 --backoff fixed:1h --wait --id bad
    [ "$(pinion job show default:bad --json | jq -c '[.errors[] | [.attempt, .error]]')" = \
        '[[1,"exit status 7: oops 1"],[2,"exit status 7: oops 2"]]' ]
    exits 0 job show default:bad
    [[ "$output" == *"attempt 1, "*"oops 1"*"attempt 2, "*"oops 2"* ]]
}

@test "--attempts: a retry is seen, then the end; exit status 65 ends at once" {
    script flaky "echo \"\$PINION_ATTEMPT\" >>$PWD/attempts" 'echo oops >&2' \
        '[ "$PINION_ATTEMPT" -eq 2 ] && echo fine'
    script bad "echo \"\$PINION_ATTEMPT\" >>$PWD/bad.attempts" 'echo oops >&2; exit 7'
    script hopeless "echo once >>$PWD/hopeless.runs" 'exit 65'
    serve_ok --command "flaky=$PWD/flaky" --command "bad=$PWD/bad" \
        --command "hopeless=$PWD/hopeless"

    exits 0 enqueue flaky --attempts 3 --backoff fixed:200ms --wait
    [ "$output" = fine ]
    [ "$(tr '\n' ' ' <attempts)" = "1 2 " ]

    exits 10 enqueue bad --attempts 3 --backoff fixed:50ms --wait --id bad
    [[ "$stderr" == *"exit status 7: oops"* ]]
    [ "$(tr '\n' ' ' <bad.attempts)" = "1 2 3 " ]
    [ "$(job default:bad state)" = dead ]
    [ "$(job default:bad attempt)" = 3 ]

    exits 10 enqueue hopeless --attempts 9 --backoff fixed:50ms --wait
    [ "$(wc -l <hopeless.runs)" -eq 1 ]
}

@test "--timeout: a command that ignores TERM is killed, with all that it started" {
    script stubborn "trap '' TERM" 'sleep 1000 &' "echo \$\$ \$! >$PWD/pids" 'wait'
    serve_ok --command "stubborn=$PWD/stubborn"
    exits 10 enqueue stubborn --timeout 300ms --attempts 1 --wait --wait-timeout 20s
    [[ "$stderr" == *"timed out after 300ms"* ]]
    local pid
    for pid in $(cat pids); do eventually "process $pid is gone" gone "$pid"; done
}

@test "--id: twice is one job, other content is a conflict" {
    serve_ok --command "wc=wc -c"
    exits 0 enqueue wc hello --id mine --in 1h
    [ "$output" = default:mine ]
    exits 0 enqueue wc hello --id mine --in 1h
    [ "$output" = default:mine ]
    queue_has scheduled 1
    exits 4 enqueue wc "good bye" --id mine --in 1h
    [[ "$stderr" == *default:mine* ]]
    exits 0 enqueue wc "good bye" --id mine -q other
    # The id outlives the job.
    exits 0 enqueue wc x --id gone --wait
    exits 0 enqueue wc x --id gone --wait
    exits 4 enqueue wc y --id gone
}

@test "cancel: at once what waits, by killing what runs and what it has started" {
    script long 'sleep 1000 &' "echo \$\$ \$! >$PWD/pids.part" "mv $PWD/pids.part $PWD/pids" 'wait'
    serve_ok --command "long=$PWD/long"
    pinion enqueue long --id later --in 1h >/dev/null
    exits 0 job cancel default:later
    job_is default:later cancelled

    pinion enqueue long --id running >/dev/null
    eventually "it runs" test -e pids
    exits 0 job cancel default:running
    eventually "it is cancelled" job_is default:running cancelled
    local pid
    for pid in $(cat pids); do eventually "process $pid is gone" gone "$pid"; done
    queue_has cancelled 2
}

@test "a paused queue keeps its jobs until it is resumed" {
    serve_ok
    pinion queue pause default
    pinion enqueue pinion.noop --id a --retain 1h >/dev/null
    exits 12 enqueue pinion.noop --wait --wait-timeout 1500ms # longer than a heartbeat
    [[ "$stderr" == *"queue 'default' is paused"* ]]
    job_is default:a ready
    pinion queue resume default
    eventually "it is done" job_is default:a done
}

# ---- looking

@test "jobs, queues and servers are listed and shown" {
    serve_ok --command "wc=wc -c" -q default -q mail
    pinion enqueue wc hello --id one --in 1h >/dev/null
    pinion enqueue pinion.sleep 1h -q mail --id two >/dev/null
    eventually "two runs" job_is mail:two active

    exits 0 job list
    [[ "$output" == *default:one* && "$output" == *scheduled* ]]
    [ "$(pinion job list -q mail --state active --json | jq -r '.items[].id')" = mail:two ]
    [ "$(job default:one payload)" = hello ]
    exits 3 job show default:three

    exits 0 server list
    [[ "$output" == *"$SERVER"* && "$output" == *wc* ]]
    run jq -r '.items[0] | "\(.pid) \(.queues | sort | join(","))"' \
        <<<"$(pinion server list --json)"
    [ "$output" = "$SERVER default,mail" ]
    [ "$(pinion queue list --json | jq -r '[.items[].queue] | sort | join(" ")')" = "default mail" ]
    # It sleeps for an hour: only a second signal makes it leave now.
    kill -TERM "$SERVER"
    eventually "it is stopping" said server event=stopping
    kill -TERM "$SERVER"
    ends "$SERVER" 0
}

@test "healthz, readyz and /v1/health answer" {
    serve_ok
    local http
    http=$(jq -r .http <state/pinion.json)
    said server "http=$http "
    [ "$(curl -sS "http://$http/healthz")" = ok ]
    [ "$(curl -sS "http://$http/readyz")" = ready ]
    run jq -r '"\(.ready) \(.durability) \(.redis.up)"' <<<"$(curl -sS "http://$http/v1/health")"
    [ "$output" = "true fsync true" ]
    [ "$(curl -sS -o /dev/null -w '%{http_code}' "http://$http/nothing")" = 404 ]
    stop "$SERVER"
    [ ! -e state/pinion.json ]
}

@test "readyz says no while Redis is away, and yes again" {
    external_redis
    serve_ok --redis "$REDIS_URL"
    local http
    http=$(jq -r .http <state/pinion.json)
    kill -KILL "$REDIS_PID"
    eventually "not ready" http_is 503 "http://$http/readyz"
    http_is 200 "http://$http/healthz"
    rm -f "$REDIS"
    external_redis
    eventually "ready" http_is 200 "http://$http/readyz"
    exits 0 enqueue pinion.noop --redis "$REDIS_URL" --wait --wait-timeout 10s
    all_is_well --redis "$REDIS_URL"
}

http_is() {
    [ "$(curl -sS -o /dev/null -w '%{http_code}' "$2")" = "$1" ]
}

@test "the environment of a command is exactly what is promised" {
    export SECRET=shown HOME=$BATS_TEST_TMPDIR LANG=C TZ=UTC
    serve_ok --command "env=env" -q mail
    exits 0 enqueue env -q mail --id job-1 --wait
    echo "$output"
    run sort <<<"$output"
    [ "$(cut -d= -f1 <<<"$output" | tr '\n' ' ')" = \
        "HOME LANG PATH PINION_ATTEMPT PINION_FIRE_TIME PINION_JOB_ID PINION_KIND PINION_QUEUE TZ " ]
    grep -qx "PINION_JOB_ID=mail:job-1" <<<"$output"
    grep -qx "PINION_ATTEMPT=1" <<<"$output"
    grep -qx "PINION_KIND=env" <<<"$output"
    grep -qx "PINION_QUEUE=mail" <<<"$output"
    grep -qx "PATH=$PATH" <<<"$output"
    grep -qEx "PINION_FIRE_TIME=[0-9]{4}-[0-9-]{5}T[0-9:.]{12}Z" <<<"$output"
}

@test "two servers on one external Redis share the work" {
    external_redis
    script who "echo \"\$PINION_JOB_ID \$PPID\" >>$PWD/runs; sleep 0.05"
    local flags=(--redis "$REDIS_URL" --concurrency 2 --listen none --command "who=$PWD/who")
    serve_ready one --state "$PWD/one" "${flags[@]}"
    local first=$SERVER
    serve_ready two --state "$PWD/two" "${flags[@]}"
    local second=$SERVER
    export PINION_REDIS_URL=$REDIS_URL
    [ "$(pinion server list --json | jq '.items | length')" -eq 2 ]
    seq 60 | sed 's/.*/{"kind":"who","id":"job-&"}/' | pinion enqueue --bulk -
    eventually "all have run" has_lines runs 60
    [ "$(cut -d' ' -f1 runs | sort -u | wc -l)" -eq 60 ]
    [ "$(wc -l <runs)" -eq 60 ]
    [ "$(cut -d' ' -f2 runs | sort -u | wc -l)" -eq 2 ]
    stop "$first"
    exits 0 enqueue who --wait --wait-timeout 10s
    stop "$second"
}

# ---- stopping

@test "SIGTERM lets a running job end within the grace, and takes no new one" {
    script slow "echo start >>$PWD/log" "while [ ! -e $PWD/go ]; do sleep 0.02; done" \
        "echo end >>$PWD/log"
    serve_ok --concurrency 1 --command "slow=$PWD/slow"
    pinion enqueue slow --id a --retain 1h >/dev/null
    pinion enqueue slow --id b >/dev/null
    eventually "a runs" has_lines log 1
    kill -TERM "$SERVER"
    eventually "it is stopping" said server event=stopping
    job_is default:a active
    touch go
    ends "$SERVER" 0
    [ "$(tr '\n' ' ' <log)" = "start end " ]
    serve_ready second --concurrency 1 --command "slow=$PWD/slow"
    job_is default:a done
    eventually "b runs" has_lines log 4
}

@test "the second SIGTERM hurries: the job is released uncharged, and runs again" {
    script slow "echo \"\$PINION_ATTEMPT \$\$\" >>$PWD/log" "[ -e $PWD/go ] || sleep 1000"
    serve_ok --command "slow=$PWD/slow" --grace 1h
    pinion enqueue slow --id a --attempts 1 --retain 1h >/dev/null
    eventually "it runs" has_lines log 1
    kill -TERM "$SERVER"
    eventually "it is stopping" said server event=stopping
    kill -TERM "$SERVER"
    ends "$SERVER" 0
    eventually "the command is gone" gone "$(cut -d' ' -f2 log)"
    touch go
    serve_ready second --command "slow=$PWD/slow"
    eventually "it is done" job_is default:a done
    [ "$(cut -d' ' -f1 log | tr '\n' ' ')" = "1 1 " ]
    [ "$(job default:a attempt)" = 1 ]
}

@test "the grace ends, too: what still runs is stopped and released" {
    script slow "echo \"\$PINION_ATTEMPT\" >>$PWD/log; sleep 1000"
    serve_ok --command "slow=$PWD/slow" --grace 300ms
    pinion enqueue slow --id a >/dev/null
    eventually "it runs" has_lines log 1
    stop "$SERVER"
    serve_ready second --command "slow=$PWD/slow" --grace 0s
    eventually "it runs again" has_lines log 2
    [ "$(tr '\n' ' ' <log)" = "1 1 " ]
    stop "$SERVER"
}

@test "nothing is left behind: no process, no socket of a dead Redis in use" {
    serve_ok --command "wc=wc -c"
    exits 0 enqueue wc hello --wait
    local redis
    redis=$(sed -n 's/.*event=redis_up pid=\([0-9]*\).*/\1/p' server.log)
    [ -n "$redis" ]
    ! gone "$redis" || return 1
    stop "$SERVER"
    eventually "redis-server is gone" gone "$redis"
    serve_ready second --command "wc=wc -c"
    exits 0 enqueue wc hello --wait
    kill -KILL "$SERVER"
    redis=$(sed -n 's/.*event=redis_up pid=\([0-9]*\).*/\1/p' second.log)
    eventually "redis-server is gone, too" gone "$redis"
}
