#!/usr/bin/env bats
# Limits on three servers of one Redis: never more at once, never more in a second, and fair turns.

load world.bash

RATE=100    # starts a second
SECONDS_OF_RATE=3

setup() {
    world_begin
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    # START or END and when, in ns; one write each
    printf '#!/bin/sh\necho "1 $(date +%%s%%N) $1" >>"%s"\nsleep 0.2\necho "-1 $(date +%%s%%N)" >>"%s"\n' \
        "$PWD/marks" "$PWD/marks" >mark
    chmod +x mark
    : >marks
}

teardown() {
    world_end
}

three_servers() { # FLAGS...
    local n
    for n in 0 1 2; do
        serve_ready "server$n" --redis "$REDIS_URL" --state "$BATS_TEST_TMPDIR/state$n" \
            --listen none "$@"
    done
}

many() { # COUNT KIND FIELDS: lines for --bulk
    yes "{\"kind\":\"$2\"$3}" | head -n "$1"
}

none_is_left() {
    pinion queue show "${1:-default}" --json |
        jq -e '.counts | .ready + .active + .retry + .scheduled == 0' >/dev/null
}

most_at_once() {
    sort -k 2,2n marks | awk '{ n += $1; if (n > most) most = n } END { print most + 0 }'
}

@test "five at most, on three servers that could run thirty" {
    three_servers --concurrency 10 --command mark="$PWD/mark"
    pinion queue limit default --kind mark --concurrency 5
    many 40 mark '' | pinion enqueue --bulk - >/dev/null
    eventually "all jobs have ended" none_is_left
    [ "$(grep -c '^1 ' marks)" -eq 40 ]
    [ "$(most_at_once)" -eq 5 ] || { echo "$(most_at_once) at once"; return 1; }
}

@test "each group has one at a time, and the others go on" {
    three_servers --concurrency 10 --command mark="$PWD/mark"
    pinion queue limit default --groups --concurrency 1
    for g in a b c; do many 4 mark ",\"group\":\"$g\",\"payload\":\"$g\""; done |
        pinion enqueue --bulk - >/dev/null
    eventually "all jobs have ended" none_is_left
    [ "$(grep -c '^1 ' marks)" -eq 12 ]
    [ "$(most_at_once)" -le 3 ] || { echo "$(most_at_once) at once"; return 1; }
}

@test "a hundred starts a second, on three servers" {
    three_servers --concurrency 50
    pinion queue limit default --rate $RATE/1s
    many $((RATE * SECONDS_OF_RATE)) pinion.noop ',"retain_ms":3600000' |
        pinion enqueue --bulk - >/dev/null
    eventually "all jobs have ended" none_is_left
    local after=
    while page=$(pinion job list --limit 500 ${after:+--after "$after"} --json); do
        jq -r '.items[] | (.started_at[:19] + "Z" | fromdateiso8601) * 1000
               + (.started_at[20:23] | tonumber)' <<<"$page" >>starts
        after=$(jq -r '.next // empty' <<<"$page")
        [ -n "$after" ] || break
    done
    [ "$(wc -l <starts)" -eq $((RATE * SECONDS_OF_RATE)) ]
    # Never more than RATE and one in any second, and what may be caught up (50 ms); and the rate is
    # reached. A server knows the time of a start when the claim has been answered, so a busy machine
    # moves some of them; and one that is later than the grid forgives starts fewer than it may.
    sort -n starts | awk -v rate=$RATE -v late=$((RATE / 5)) '
        { at[NR] = $1 }
        END {
            for (i = rate + late + 2; i <= NR; i++)
                if (at[i] - at[i - rate - late - 1] < 950) {
                    print "too many from " at[i - rate - late - 1]
                    bad = 1
                }
            took = at[NR] - at[1]
            print NR " starts in " took " ms"
            if (took > (NR - 1) * 1000 / rate * 2) { print "too slow"; bad = 1 }
            exit bad
        }'
}

@test "limits are shown, changed and cleared, and bad ones say what was expected" {
    pinion queue limit mail --concurrency 20
    pinion queue limit mail --kind sms --rate 100/1s --burst 10
    pinion queue limit mail --kind sms --concurrency 3
    pinion queue limit mail --group acme --concurrency 2
    pinion queue limit mail --groups --concurrency 1
    [ "$(pinion queue limit mail --json | jq -cS .limits)" = '{"each_group":{"concurrency":1},"groups":{"acme":{"concurrency":2,"running":0}},"kinds":{"sms":{"burst":10,"concurrency":3,"rate":"100/1s","running":0}},"queue":{"concurrency":20,"running":0}}' ]
    [ "$(pinion queue limit mail --json | jq -cS .limits)" = \
        "$(pinion queue show mail --json | jq -cS .limits)" ]
    pinion queue limit mail | grep -q '^kind  *sms  *3  *0  *100/1s  *10'
    pinion queue limit mail --kind sms --clear
    [ "$(pinion queue limit mail --json | jq -c .limits.kinds)" = null ]
    exits 2 queue limit mail --rate 5
    [[ $stderr == *'expected N/DURATION like 100/1s'* ]]
    exits 2 queue limit mail --burst 5
    exits 2 queue limit mail --concurrency 0
    exits 2 queue limit mail --concurrency 100001
    exits 2 queue limit mail --kind a --group b --concurrency 1
    exits 2 queue limit mail --kind a
    exits 2 queue limit mail --clear --concurrency 1
    exits 2 queue limit 'bad name' --concurrency 1
}

@test "limits and bounds of the file are set at a start, and what people change stays" {
    cat >pinion.ini <<END
[queue "mail"]
concurrency = 20
kind.a:b.rate = 100/1s
groups.concurrency = 2
max-jobs = 3
END
    pinion queue limit mail --kind sms --concurrency 3
    pinion queue limit mail --kind a:b --concurrency 4
    pinion queue bound mail --max-bytes 5000000
    serve_ready one -c pinion.ini --listen none
    local all='{"each_group":{"concurrency":2},"kinds":{"a:b":{"burst":1,"concurrency":4,"rate":"100/1s","running":0},"sms":{"concurrency":3,"running":0}},"queue":{"concurrency":20,"running":0}}'
    [ "$(pinion queue limit mail --json | jq -cS .limits)" = "$all" ]
    [ "$(pinion queue bound mail --json | jq -c '.bounds | [.max_jobs, .max_bytes]')" = '[3,5000000]' ]
    pinion queue limit mail --concurrency 9
    pinion queue bound mail --max-jobs 7
    redis CLIENT KILL TYPE normal >/dev/null
    redis CLIENT KILL TYPE pubsub >/dev/null
    eventually "it is connected again" pinion_runs_in mail
    [ "$(pinion queue limit mail --json | jq .limits.queue.concurrency)" -eq 9 ]
    [ "$(pinion queue bound mail --json | jq .bounds.max_jobs)" -eq 7 ]
    stop "$SERVER"
    serve_ready one -c pinion.ini --listen none
    [ "$(pinion queue limit mail --json | jq -cS .limits)" = "$all" ]
    [ "$(pinion queue bound mail --json | jq .bounds.max_jobs)" -eq 3 ]
}

pinion_runs_in() { # QUEUE
    [ "$(pinion enqueue pinion.noop -q "$1" --retain 1m --wait --wait-timeout 5s)" = "" ]
}

@test "limits over HTTP are those of the command" {
    serve_ready api --redis "$REDIS_URL" --listen 127.0.0.1:0
    local url token
    url=http://$(jq -r .http "$PINION_STATE/pinion.json")
    token=$(cat "$PINION_STATE/token")
    put() { # JSON: prints the status
        curl -sS -o answer -w '%{http_code}' -X PUT -H "Authorization: Bearer $token" \
            -H 'Content-Type: application/json' -d "$1" "$url/v1/queues/mail/limits"
    }
    pinion queue limit mail --concurrency 9
    [ "$(put '{"kinds":{"sms":{"rate":"5/1m"}},"each_group":{"concurrency":2}}')" = 200 ]
    [ "$(jq -cS .limits answer)" = '{"each_group":{"concurrency":2},"kinds":{"sms":{"burst":1,"rate":"5/1m"}}}' ]
    [ "$(curl -sS "$url/v1/queues/mail" | jq -cS .limits)" = "$(jq -cS .limits answer)" ]
    [ "$(curl -sS "$url/v1/queues" | jq -cS '.items[] | select(.queue == "mail") | .limits')" = \
        "$(jq -cS .limits answer)" ]
    for bad in '[]' '{"kind":{}}' '{"queue":{"concurrency":0}}' '{"queue":{"rate":"5"}}' \
        '{"queue":{"burst":2}}' '{"groups":{"a#b":{"concurrency":1}}}' '{"queue":{"x":1}}'; do
        [ "$(put "$bad")" = 400 ] || { echo "$bad: $(cat answer)"; return 1; }
    done
    [ "$(put '{}')" = 200 ]
    [ "$(jq -c .limits answer)" = '{}' ]
}
