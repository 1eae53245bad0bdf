#!/usr/bin/env bats
# Commands: where, as whom and with what they run; what they may use; and that they really stop.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

# config LINE...: [command "run"], with `argv = ./run` first.
config() {
    printf '%s\n' '[command "run"]' "argv = $PWD/run" "$@" >pinion.ini
}

# script LINE...: what `run` does.
script() {
    printf '%s\n' '#!/bin/sh' "$@" >run
    chmod +x run
}

serve_ok() { # FLAGS...
    serve_ready server --listen 127.0.0.1:0 "$@"
}

# The service refuses the file, and says so with these words.
refused() { # WORDS
    serve refused --listen none -c pinion.ini
    ends "$SERVER" 2
    grep '^pinion: command run: ' refused.log | grep -qF -- "$1" ||
        { echo "no '$1' in:"; cat refused.log; return 1; }
}

# ---- how it is run

@test "folder, environment, limits and niceness are those of the section" {
    mkdir place
    script pwd 'echo "$A/$B/$GIVEN/${NOT_THERE-none}/$TZ"' 'ulimit -n' 'nice'
    export GIVEN='from the service' TZ=UTC
    config "folder = $PWD/place" 'env = A=one two' 'env = B=' 'env = GIVEN' 'env = NOT_THERE' \
        'env = TZ=Asia/Tokyo' 'files = 50' 'nice = 19'
    serve_ok -c pinion.ini
    exits 0 enqueue run --wait
    [ "$output" = "$(printf '%s\n' "$PWD/place" 'one two//from the service/none/Asia/Tokyo' 50 19)" ]
    stop "$SERVER"
}

@test "it is looked for in its own PATH" {
    mkdir bin
    printf '#!/bin/sh\necho mine\n' >bin/only-here
    chmod +x bin/only-here
    printf '%s\n' '[command "run"]' 'argv = only-here' "env = PATH=$PWD/bin:/usr/bin:/bin" >pinion.ini
    serve_ok -c pinion.ini
    exits 0 enqueue run --wait
    [ "$output" = mine ]
    stop "$SERVER"
}

@test "as another user, with that one's groups and HOME; by root only" {
    config 'user = nobody'
    script 'id -un; id -gn; id -Gn; echo $HOME'
    chmod 755 . "$BATS_TEST_TMPDIR"/.. "$BATS_TEST_TMPDIR"/../.. 2>/dev/null || true
    if [ "$(id -u)" -ne 0 ]; then
        refused 'user = nobody: expected a service that was started as root'
        return
    fi
    # Not everybody can enter this test's folder.
    printf '%s\n' '[command "run"]' 'argv = sh -c "id -un; id -gn; id -Gn; echo $HOME"' \
        'user = nobody' '[command "group"]' 'argv = sh -c "id -un; id -gn; id -Gn"' \
        'group = daemon' >pinion.ini
    serve_ok -c pinion.ini
    exits 0 enqueue run --wait
    [ "$output" = "$(printf '%s\n' nobody "$(id -gn nobody)" "$(id -Gn nobody)" \
        "$(getent passwd nobody | cut -d: -f6)")" ]
    exits 0 enqueue group --wait
    [ "$output" = "$(printf '%s\n' root daemon daemon)" ]
    stop "$SERVER"
}

@test "a folder, a program or a user that will not do is refused at the start" {
    script true
    config 'folder = /no/such/folder'
    refused 'folder: expected one that is there, not /no/such/folder: No such file'
    config "folder = $PWD/run"
    refused "folder: expected a folder, but $PWD/run is none"
    config 'folder = place'
    refused "folder: expected a path from / on, not 'place'"
    printf '%s\n' '[command "run"]' 'argv = /tmp' >pinion.ini
    refused 'expected a program, but /tmp is a folder'
    printf '%s\n' '[command "run"]' 'argv = no-such-program' >pinion.ini
    refused 'no program no-such-program in '
    [ "$(id -u)" -eq 0 ] || skip "only root may name users"
    config 'user = no-such-user'
    refused "user: expected one of this machine, not 'no-such-user'"
    config 'group = no-such-group'
    refused "group: expected one of this machine, not 'no-such-group'"
}

# ---- what it may use, and what is kept of what it says

@test "beyond its CPU time or the size of a file it is ended, and the error says so" {
    script 'case $PINION_JOB_ID in *cpu) while :; do :; done ;; esac' \
        'head -c 5000 /dev/zero >big; exit $?'
    config 'cpu = 1s' 'file-size = 1kb' "folder = $PWD"
    serve_ok -c pinion.ini
    exits 10 enqueue run --attempts 1 --id cpu --wait
    [[ "$stderr" == *"killed by signal 24 (CPU time limit exceeded)"* ]]
    exits 10 enqueue run --attempts 1 --wait
    [[ "$stderr" == *"exit status 153"* ]] # of the shell: 128 + 25, File size limit exceeded
    [ "$(stat -c %s big)" -eq 1024 ]
    stop "$SERVER"
}

@test "output: the first bytes are the result, the last of stderr the error, and what is lost is counted" {
    script 'printf 1234567890; [ ! "$FAIL" ] || exit 1'
    config 'output = 4'
    printf '%s\n' '[command "fail"]' \
        'argv = sh -c "seq 1 2000 >&2; exit 3"' >>pinion.ini
    serve_ok -c pinion.ini
    exits 0 enqueue run --id cut --wait
    [ "$output" = 1234 ]
    said server 'event=output_cut job=default:cut kept=4 dropped=6'
    exits 10 enqueue fail --attempts 1 --wait
    [[ "$stderr" == *"exit status 3: (7965 bytes dropped) "*" 1999 2000" ]]
    stop "$SERVER"
}

@test "exit status: 0 is done, 65 is dead at once, 75 and others are tried again" {
    script 'exit "$(cat)"'
    config 'backoff = fixed:10ms' 'attempts = 2'
    serve_ok -c pinion.ini
    exits 0 enqueue run 0 --wait
    for code in 65 75 1 64; do
        exits 10 enqueue run "$code" --id "s$code" --wait
        [[ "$stderr" == *"exit status $code"* ]]
    done
    [ "$(job default:s65 attempt)" = 1 ]
    [ "$(job default:s75 attempt)" = 2 ]
    [ "$(job default:s1 attempt)" = 2 ]
    stop "$SERVER"
}

@test "0, 1 and 2 are the only descriptors of a command" {
    script 'exec ls /proc/self/fd'
    config
    serve_ok -c pinion.ini
    exits 0 enqueue run --wait
    [ "$output" = "$(printf '%s\n' 0 1 2 3)" ] # 3 is how ls reads the folder
    stop "$SERVER"
}

# ---- stopping

# took ID: from its start to its end, in milliseconds.
took() {
    echo $(($(ms_of "$(job "$1" finished_at)") - $(ms_of "$(job "$1" started_at)")))
}

@test "what obeys TERM ends at once, what does not when its grace is over" {
    script 'case $PINION_JOB_ID in *deaf) trap "" TERM ;; esac' 'echo $$ >"$PINION_JOB_ID"' \
        'while :; do sleep 1000; done'
    config "folder = $PWD" 'timeout = 200ms' 'grace = 1s' 'attempts = 1'
    serve_ok -c pinion.ini
    pinion enqueue run --id hears
    pinion enqueue run --id deaf
    eventually "both have ended" queue_has dead 2
    echo "# TERM is obeyed: $(took default:hears) ms, timeout of 200 included" >&3
    echo "# it is not: $(took default:deaf) ms, grace of 1000 besides" >&3
    [ "$(job default:hears error)" = "timed out after 200ms" ]
    [ "$(job default:deaf error)" = "timed out after 200ms" ]
    [ "$(took default:hears)" -lt 1200 ]
    [ "$(took default:deaf)" -ge 1200 ]
    [ "$(took default:deaf)" -lt 3200 ]
    ! kill -0 "$(cat default:hears)" 2>/dev/null
    ! kill -0 "$(cat default:deaf)" 2>/dev/null
    stop "$SERVER"
}
