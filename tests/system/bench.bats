#!/usr/bin/env bats
# `pinion bench` from the outside: what it prints, and what it leaves behind. How fast it is, is no
# test. PINION_BINARY names the program.

bats_require_minimum_version 1.5.0

setup() {
    export TMPDIR=$BATS_TEST_TMPDIR/t HOME=$BATS_TEST_TMPDIR
    mkdir "$TMPDIR" "$HOME/here"
    cd "$HOME/here"
    unset PINION_STATE PINION_REDIS_URL XDG_STATE_HOME
}

bench() {
    timeout 250 "$PINION_BINARY" bench "$@" 3>&-
}

# Waits, up to 20 s, until a command succeeds.
eventually() {
    for _ in $(seq 400); do
        if "$@"; then return; fi
        sleep 0.05
    done
    echo "not in time: $*"
    return 1
}

is_empty() { [ -z "$(ls -A "$TMPDIR")" ]; }
is_measuring() { [ -e "$TMPDIR"/pinion-bench-*/server/server ]; }
no_redis() { ! pgrep -f "redis-server.*$TMPDIR" >/dev/null; }

@test "all measures, as JSON: every job is counted, none is early" {
    bench --jobs 300 --rounds 2 --over 1s --json >lines
    [ "$(jq -r .measure lines | xargs)" = "enqueue drain latency lateness" ]
    [ "$(jq -s -c 'map(.jobs, .rounds, .payload_bytes, .fsync) | unique' lines)" = \
        '[2,100,300,"always"]' ]
    [ "$(jq -s 'map(select(.per_second) | .per_second > 0) | all' lines)" = true ]
    [ "$(jq -s 'map(select(.p50_ms) | .p50_ms > 0 and .p50_ms <= .p99_ms and
        .p99_ms <= .max_ms and .early == 0) | [length, all]' -c lines)" = '[2,true]' ]
    # A job takes the way of a bare message, and more.
    [ "$(jq -s 'map(select(.measure == "latency") | .publish_p50_ms > 0 and
        .publish_p50_ms < .p50_ms and .publish_p50_ms <= .publish_p99_ms)' -c lines)" = '[true]' ]
    is_empty
}

@test "one measure, as a table, without a log of Redis" {
    bench drain --jobs 1000 --rounds 1 --fsync no --payload 2000 >table
    [ "$(awk 'NR == 2 { print NF, $1, $2 }' table)" = "9 drain 1000" ]
    grep -q 'payload 2000 bytes, fsync no' table
    is_empty
}

@test "wrong words are refused with what was expected" {
    for words in nonsense "--fsync later" "--jobs 0" "--payload 7" "--rounds 0" \
        "enqueue --jobs 10000000 --payload 1000"; do
        run --separate-stderr bench $words
        [ "$status" -eq 2 ]
        [[ "$stderr" == *expected* ]]
        [ -z "$output" ]
    done
    TMPDIR=/nonexistent run bench latency
    [ "$status" -eq 2 ]
    [[ "$output" == *"cannot make a folder in /nonexistent"* ]]
}

@test "a signal ends it, and nothing is left" {
    for signal in TERM INT HUP KILL; do
        env --default-signal "$PINION_BINARY" bench latency --rounds 100 >out 2>&1 3>&- &
        eventually is_measuring
        kill -s "$signal" $!
        status=0
        wait $! || status=$?
        [ "$status" -eq $((128 + $(kill -l "$signal"))) ]
        eventually is_empty
        eventually no_redis
    done
}
