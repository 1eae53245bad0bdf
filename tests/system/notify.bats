#!/usr/bin/env bats
# What the service manager is told: NOTIFY_SOCKET, as systemd gives it.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

# listen ADDRESS: what comes there is appended to `told`, from each datagram its lines.
listen() {
    : >told
    socat -u "$1" OPEN:told,append 3>&- &
    echo $! >>"$CHILDREN"
}

told() { # TEXT
    grep -q "$1" told
}

told_times() { # TEXT COUNT
    [ "$(grep -o "$1" told | wc -l)" -eq "$2" ]
}

@test "ready, reloading and ready again, stopping: each once, in this order" {
    listen UNIX-RECV:manager
    eventually "a socket" [ -S manager ]
    printf '[command "a"]\nargv = echo a\n' >pinion.ini
    NOTIFY_SOCKET=$PWD/manager serve_ready one --listen none -c pinion.ini
    eventually "READY" told READY=1
    ! told RELOADING || return 1
    kill -HUP "$SERVER"
    eventually "RELOADING" told RELOADING=1
    told 'MONOTONIC_USEC=[1-9][0-9]*'
    eventually "READY again" told_times READY=1 2
    printf 'nonsense' >pinion.ini # refused, and it serves on
    kill -HUP "$SERVER"
    eventually "the refusal" said one event=reload_refused
    eventually "READY again" told_times READY=1 3
    stop "$SERVER"
    eventually "STOPPING" told_times STOPPING=1 1
    [ "$(grep -o 'READY=1\|RELOADING=1\|STOPPING=1' told | tr '\n' ' ')" = \
        'READY=1 RELOADING=1 READY=1 RELOADING=1 READY=1 STOPPING=1 ' ]
}

@test "a name of the kernel's; and a manager that is not there" {
    local name=pinion-test-$$-$RANDOM
    listen "ABSTRACT-RECV:$name"
    eventually "a socket" grep -q "@$name" /proc/net/unix
    NOTIFY_SOCKET=@$name serve_ready one --listen none
    eventually "READY" told READY=1
    stop "$SERVER"
    NOTIFY_SOCKET=$PWD/nobody serve_ready two --listen none
    NOTIFY_SOCKET=relative exits 0 version
    stop "$SERVER"
}

@test "the watchdog hears of a loop that turns, and nothing of one that does not" {
    listen UNIX-RECV:manager
    eventually "a socket" [ -S manager ]
    # 30 ms; asked of this very process, whoever it will be.
    NOTIFY_SOCKET=$PWD/manager WATCHDOG_USEC=30000 serve_ready one --listen none
    eventually "its words" told_often 5
    kill -STOP "$SERVER"
    eventually "that it is still" quiet
    kill -CONT "$SERVER"
    eventually "more of them" told_often "$(($(words) + 3))"
    stop "$SERVER"
}

@test "another's watchdog hears nothing of us" {
    listen UNIX-RECV:manager
    eventually "a socket" [ -S manager ]
    NOTIFY_SOCKET=$PWD/manager WATCHDOG_USEC=30000 WATCHDOG_PID=1 serve_ready one --listen none
    eventually "READY" told READY=1
    stop "$SERVER"
    eventually "STOPPING" told STOPPING=1
    [ "$(words)" -eq 0 ]
}

words() {
    grep -o WATCHDOG=1 told | wc -l
}

told_often() { # COUNT, at least
    [ "$(words)" -ge "$1" ]
}

# Nothing more in ten times the gap between two words.
quiet() {
    local before
    before=$(words)
    sleep 0.1
    [ "$(words)" -eq "$before" ]
}

@test "commands do not hear of the manager's socket" {
    WATCHDOG_USEC=9000000 NOTIFY_SOCKET=$PWD/nobody \
        serve_ready one --listen none --command 'env=env'
    pinion enqueue env --wait >environment
    ! grep 'NOTIFY_SOCKET\|WATCHDOG' environment
}
