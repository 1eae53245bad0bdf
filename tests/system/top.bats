#!/usr/bin/env bats
# `pinion top` at a terminal of its own, in front of a real service.

load world

setup_file() {
    export PINION_STATE=$BATS_FILE_TMPDIR/state HOME=$BATS_FILE_TMPDIR TERM=xterm
    cd "$BATS_FILE_TMPDIR"
    setpriv --pdeathsig KILL "$PINION_BINARY" serve --listen none -q default -q mail \
        --command wc='wc -w' 2>serve.log 3>&- &
    echo $! >serve.pid
    within 20 "the service" grep -q event=ready serve.log
    "$PINION_BINARY" schedule add nightly --cron '0 3 * * *' wc
    "$PINION_BINARY" enqueue later -q mail --in 1h
}

teardown_file() {
    ends_below "$BATS_FILE_TMPDIR" "$(cat "$BATS_FILE_TMPDIR/serve.pid")"
}

setup() {
    unset NO_COLOR PINION_REDIS_URL
    cd "$BATS_TEST_TMPDIR"
}

at_terminal() { # STEP...
    python3 "$BATS_TEST_DIRNAME/top_drive.py" "$@" -- "$PINION_BINARY" top --every 100ms
}

@test "it draws, takes keys, follows the size, and gives the terminal back" {
    at_terminal 'size 80x24' other 'see nightly' 'see serving' 'see q quit' 'type 3' 'lack nightly' \
        'see HOST' 'type 0' 'see nightly' 'size 100x30' 'see SCHEDULED' 'size 70x20' \
        'see 70x20 is little' 'size 40x10' 'see 40x10: too small' 'size 80x24' 'see nightly' \
        'type h' 'see Ctrl-C' 'type x' 'type \x1b[6~' 'type /mai' 'see /mai_' 'lack default' \
        'type \x1b' 'see default' 'type p' 'see held' 'type q' 'end 0' first restored
}

@test "each way out gives the terminal back" {
    at_terminal 'see nightly' 'type \x03' 'end 0' first restored
    at_terminal 'see nightly' 'kill INT' 'end 0' first restored
    at_terminal 'see nightly' 'kill TERM' 'end 143' first restored
    at_terminal 'see nightly' 'kill HUP' 'end 129' first restored
    at_terminal 'see nightly' 'kill ABRT' 'end -6' first restored # a failed assertion
}

@test "stopped by Ctrl-Z it lends the terminal to the shell" {
    at_terminal 'see nightly' 'type \x1a' first restored 'kill CONT' other 'see nightly' 'type q' \
        'end 0' first restored
}

@test "a job is seen to come and go" {
    "$PINION_BINARY" enqueue nobody -q mail --id seen
    at_terminal 'see ready 1' 'type q' 'end 0'
    "$PINION_BINARY" job cancel mail:seen
    at_terminal 'see ready 0' 'type q' 'end 0'
}

@test "without a terminal it prints one frame, without colours" {
    "$PINION_BINARY" top --every 100ms >frame
    grep -q 'QUEUE.*SCHEDULED' frame
    grep -q '^mail *running' frame
    grep -q nightly frame
    ! grep -q $'\033' frame || return 1
    "$PINION_BINARY" top --json --every 100ms >top.json
    [ "$(wc -l <top.json)" -eq 1 ]
    [ "$(jq -c '[.queues[].queue, .schedules[0].name, .servers[0].alive]' top.json)" = \
        '["default","mail","nightly",true]' ]
    [ "$(jq .sum.counts.scheduled top.json)" -eq 1 ]
    [ "$(jq '.sum.rates.done == 0' top.json)" = true ]
}

@test "no colour where NO_COLOR stands, and no live view on a dumb terminal" {
    script -qec "$PINION_BINARY top --once --every 100ms" /dev/null | grep -q $'\033\\[0;2m'
    NO_COLOR=1 script -qec "$PINION_BINARY top --once --every 100ms" /dev/null >plain
    grep -q nightly plain
    ! grep -q $'\033' plain || return 1
    TERM=dumb script -qec "$PINION_BINARY top --every 100ms" /dev/null >dumb
    grep -q nightly dumb
    ! grep -q $'\033' dumb
}

@test "Redis gone: it says so, and goes on when Redis is back" {
    redis-server --port 0 --unixsocket "$PWD/r.sock" --save '' >/dev/null 3>&- &
    local first=$!
    within 20 "a Redis" redis-cli -s r.sock ping
    (
        within 20 "the view" test -e shown
        kill -KILL $first
        within 20 "the word of it" test -e gone
        redis-server --port 0 --unixsocket "$PWD/r.sock" --save '' >/dev/null 3>&- &
        echo $! >second
    ) 3>&- &
    run python3 "$BATS_TEST_DIRNAME/top_drive.py" 'see no queues' 'touch shown' \
        'see Redis does not answer' 'touch gone' 'lack Redis does not answer' 'type q' 'end 0' \
        first restored -- "$PINION_BINARY" top --every 100ms --redis "unix:$PWD/r.sock"
    kill "$(cat second)"
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "what is wrong before the first frame is said as ever" {
    run -6 "$PINION_BINARY" top --redis unix:/nowhere --connect-timeout 1ms
    [[ "$output" == pinion:* ]]
    run -2 "$PINION_BINARY" top --every 99ms
    [[ "$output" == *"from 100ms to 1h"* ]]
}
