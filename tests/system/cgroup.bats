#!/usr/bin/env bats
# Commands in cgroups of their own: daemons without environment, that nothing else would find, end
# with their command, however it ends, and with the service, however that ends.
#
# Needs a folder of cgroup2 that may be divided (root, or one that is delegated to us); where there
# is none, it says so and skips.

load world.bash

# Nobody else's folder, and how long those sleep that this test has started.
setup() {
    world_begin
    MARK=1000.$RANDOM$RANDOM
    GROUP=
    local own mount
    own=$(sed -n 's/^0:://p' /proc/self/cgroup)
    mount=$(awk '$0 ~ / - cgroup2 / {print $5; exit}' /proc/self/mountinfo)
    [ -n "$own" ] && [ -n "$mount" ] || skip "no cgroup2 is mounted"
    ABOVE=$mount${own%/}
    mkdir "$ABOVE/pinion-test-$$" 2>/dev/null || skip "no folder can be made in $ABOVE"
    GROUP=$ABOVE/pinion-test-$$
    mkdir "$GROUP/try"
    enter "$GROUP/try" true 2>/dev/null || skip "no process can be put into $GROUP"
    eventually "nobody in it" rmdir "$GROUP/try"
    # Two daemons, orphans in sessions of their own, that name no job; a line in `left`: they run.
    cat >leave <<END
#!/bin/sh
env -i setsid -f /bin/sh -c 'setsid -f sleep $MARK >/dev/null 2>&1 </dev/null
    echo begun; exec sleep $MARK >/dev/null 2>&1 </dev/null' | { read begun; echo \$begun >>left; }
[ "\$(cat)" = stay ] || exit 0
exec sleep $MARK
END
    chmod +x leave
}

teardown() {
    world_end
    [ -n "$GROUP" ] || return 0
    pgrep -f "sleep $MARK" | xargs -r kill -KILL
    eventually "the folders are gone" folders_removed
}

# Deepest first; a kernel needs a moment until those that were killed are out of them.
folders_removed() {
    find "$GROUP" -depth -type d -exec rmdir {} + 2>/dev/null
    [ ! -d "$GROUP" ]
}

enter() { # FOLDER COMMAND...: run there
    local folder=$1
    shift
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$folder" "$@"
}

serve_in_group() { # NAME FLAGS...
    serve_ready "$@" --listen none --command leave="$PWD/leave" --cgroup "$GROUP"
}

no_sleepers() {
    ! pgrep -f "sleep $MARK" >/dev/null || return 1
}

nothing_in_group() {
    grep -q 'populated 0' "$GROUP/cgroup.events"
}

nothing_is_left() {
    eventually "no sleepers" no_sleepers || { pgrep -af "sleep $MARK"; return 1; }
    eventually "nothing in the folder" nothing_in_group
}

@test "what a command leaves ends with it: at its end, its timeout, its cancel" {
    serve_in_group one
    exits 0 enqueue leave --wait
    nothing_is_left
    said one event=stray_killed

    exits 10 enqueue leave stay --timeout 1s --attempts 1 --wait
    nothing_is_left

    : >left
    exits 0 enqueue leave stay --id c
    eventually "two daemons" has_lines left 1
    exits 0 job cancel default:c
    eventually "its end" job_is default:c cancelled
    nothing_is_left
    stop "$SERVER"
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]
}

@test "of a command that runs nothing is killed while others end" {
    serve_in_group one
    exits 0 enqueue leave stay --id long
    eventually "its daemons" has_lines left 1
    exits 0 enqueue leave --wait
    within "$WAIT_S" "those of the long one alone" three_sleepers
    exits 0 job cancel default:long
    nothing_is_left
    stop "$SERVER"
}

three_sleepers() { # the command and its two daemons
    [ "$(pgrep -fxc "sleep $MARK")" -eq 3 ]
}

@test "what is left by a service that was killed is ended by the next, before it begins" {
    serve_in_group one
    exits 0 enqueue leave stay --attempts 1 --id c
    eventually "its daemons" has_lines left 1
    kill -KILL "$SERVER"
    eventually "its end" gone "$SERVER"
    pgrep -f "sleep $MARK" # they have survived it
    serve two --listen none --cgroup "$GROUP" # which has no handler for it
    ready two
    no_sleepers
    stop "$SERVER"
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]
}

@test "a stop of the service takes all of it along" {
    serve_in_group one --grace 100ms
    exits 0 enqueue leave stay
    eventually "its daemons" has_lines left 1
    stop "$SERVER"
    no_sleepers
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]
}

# As serve_ready, by a service that is in the folder itself.
serve_within() { # NAME FLAGS...
    local name=$1
    shift
    setpriv --pdeathsig KILL sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$GROUP" \
        "$PINION_BINARY" serve --listen none "$@" 2>"$name.log" 3>&- &
    SERVER=$!
    echo "$SERVER" >>"$CHILDREN"
    ready "$name"
}

delegate() { # FOLDER
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.delegate", b"1")' "$1" ||
        skip "the mark of a delegated folder cannot be set"
}

@test "a delegated folder is found, one that is not is left alone" {
    serve_within one
    run ! grep cgroup one.log
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]
    stop "$SERVER"

    delegate "$GROUP"
    serve_within two --command leave="$PWD/leave"
    said two "event=cgroup parent=$GROUP"
    exits 0 enqueue leave --wait
    eventually "no sleepers" no_sleepers
    stop "$SERVER"
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]

    serve_within three --cgroup none
    [ -z "$(ls -d "$GROUP"/*/ 2>/dev/null)" ]
    stop "$SERVER"
}

@test "a folder that cannot be used is refused" {
    exits 2 serve --listen none --cgroup "$PWD"
    [[ $stderr == *"cgroup: expected a folder of a mounted cgroup2, but $PWD is none"* ]]
    exits 2 serve --listen none --cgroup "$GROUP/no"
    [[ $stderr == *"cgroup: expected a folder, but $GROUP/no: No such file or directory"* ]]
    echo 0 >"$GROUP/cgroup.max.descendants"
    exits 2 serve --listen none --cgroup "$GROUP"
    [[ $stderr == *"cgroup: cannot make a folder in $GROUP: "* ]]
}
