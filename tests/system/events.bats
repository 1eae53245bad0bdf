#!/usr/bin/env bats
# Following events in a terminal, on the real binary.

load world.bash

setup() {
    world_begin
    serve_ready server --listen none --command wc='wc -w'
}

teardown() {
    world_end
}

follow() { # FILE FLAGS...: in the background; its pid is $FOLLOWER
    local file=$1
    shift
    setpriv --pdeathsig KILL "$PINION_BINARY" events "$@" >"$file" 2>"$file.err" 3>&- &
    FOLLOWER=$!
    echo "$FOLLOWER" >>"$CHILDREN"
}

tells() { # FILE TEXT
    grep -q -- "$2" "$1"
}

@test "it begins with what is there, and tells what happens" {
    follow all
    eventually "the queue as it is" tells all ' queue .* default *empty'
    eventually "the server" tells all ' server *up '
    id=$(pinion enqueue wc 'one two')
    eventually "the end of the job" tells all " job *done *$id  wc"
    tells all " job *ready *$id  wc"
    pinion queue pause default
    eventually "the pause" tells all ' default *paused, empty'
    kill -INT "$FOLLOWER"
    ends "$FOLLOWER" 0
    [ ! -s all.err ]
    ! grep -q $'\x1b' all
}

@test "only what one asks for, as JSON, and only so much of it" {
    follow jobs --type job --kind 'w*' --json
    ends "$FOLLOWER" 2 # no such pattern
    follow jobs --type job --kind wc --json --count 3
    follow other --type job --queue other
    OTHER=$FOLLOWER
    eventually "somebody follows" follows
    pinion enqueue nobody x --id hidden
    pinion enqueue wc x --id shown
    eventually "three lines" has_lines jobs 3
    [ "$(jq -r .state jobs | tr '\n' ' ')" = 'ready active done ' ]
    [ "$(jq -r .job jobs | sort -u)" = default:shown ]
    [ "$(jq -r .kind jobs | sort -u)" = wc ]
    kill -TERM "$OTHER"
    ends "$OTHER" 0
    [ ! -s other ]
    exits 2 events --type jobs
    [[ "$stderr" == *"expected job, progress, queue"* ]]
    exits 2 events --queue 'no good'
    exits 2 events --count 0
}

# redis-cli is no part of an installation: what Redis is asked shows in its list of channels.
follows() {
    [ "$(wc -l < <(redis-cli -s "$PINION_STATE/redis.sock" pubsub channels '*:feed'))" -ge 1 ] &&
        [ "$(redis-cli -s "$PINION_STATE/redis.sock" exists 'pinion:{default}:watched')" = 1 ]
}

@test "it goes on when the server is started anew" {
    follow all
    eventually "the server" tells all ' server *up '
    stop "$SERVER"
    eventually "that it missed some" tells all ' missed *Redis was out of reach'
    serve_ready again --listen none --command wc='wc -w'
    eventually "events go on" next_job_is_told
    kill -INT "$FOLLOWER"
    ends "$FOLLOWER" 0
}

next_job_is_told() {
    id=$(pinion enqueue wc 'one two')
    sleep 0.2
    tells all " job *done *$id"
}

@test "a reader that leaves is no failure" {
    pinion enqueue wc x
    run timeout 20 bash -c '"$PINION_BINARY" events | head -1'
    [ "$status" -eq 0 ]
    [[ "$output" == *queue* ]]
}
