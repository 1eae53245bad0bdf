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

# ---- following

printed() { # FILE TEXT
    grep -qF -- "$2" "$1"
}

follow() { # ID FLAGS...: in the background, into ID.out; its pid is $FOLLOWER
    local id=$1
    shift
    "$PINION_BINARY" job show "$id" --follow "$@" >"$id.out" 2>"$id.err" 3>&- &
    FOLLOWER=$!
    echo "$FOLLOWER" >>"$CHILDREN"
}

@test "--follow prints what a command prints, from what it has printed already to its end" {
    script 'echo early >&2; sleep 0.1; echo first; while [ ! -e go ]; do sleep 0.02; done' \
        'printf "late\\0\\377"; exit 1'
    config "folder = $PWD" 'attempts = 2' 'backoff = fixed:10ms'
    serve_ok -c pinion.ini
    pinion enqueue run --id a
    eventually "it runs" job_is default:a active
    follow default:a
    eventually "what it has printed" printed default:a.out first
    ! printed default:a.out late || return 1
    touch go
    ends "$FOLLOWER" 0
    tr -d '\0\377' <default:a.out >text # perhaps of the second attempt, too: it is short
    cat text
    [ "$(head -c 16 text)" = $'early\nfirst\nlate' ]
    [ "$(stat -c %s text)" -eq 16 ] || [ "$(stat -c %s text)" -eq 32 ]
    [ "$(tr -dc '\0\377' <default:a.out | head -c 2 | od -An -tx1)" = ' 00 ff' ]
    stop "$SERVER"
}

@test "--follow: several hear the same, 4 KiB from before, and what comes too fast is told" {
    script 'seq 10000 20000; while [ ! -e go ]; do sleep 0.02; done; seq 30000 90000; echo end'
    config "folder = $PWD"
    serve_ok -c pinion.ini
    pinion enqueue run --id a
    eventually "it runs" job_is default:a active
    follow default:a
    local first=$FOLLOWER
    eventually "the first one hears" printed default:a.out 20000
    [ "$(stat -c %s default:a.out)" -le 4096 ]
    mkdir second
    (cd second && exec "$PINION_BINARY" job show default:a --follow >out 2>err 3>&-) &
    local second=$!
    echo "$second" >>"$CHILDREN"
    eventually "the second one hears" printed second/out 20000
    touch go
    ends "$first" 0
    ends "$second" 0
    for heard in default:a.out second/out; do
        [ "$(tail -1 "$heard")" = end ]
        [ "$(grep -c '^20000$' "$heard")" -eq 1 ]
    done
    grep -q 'bytes came too fast' default:a.err
    stop "$SERVER"
}

@test "--follow: a job that waits is waited for; one that is not there is not found" {
    script 'echo hello'
    config
    serve_ok -c pinion.ini
    pinion enqueue run --id a --in 1s
    follow default:a
    eventually "it is looked at" gone "$FOLLOWER"
    ends "$FOLLOWER" 0
    exits 3 job show default:nothing --follow
    exits 2 job show default:a --follow --json
    [[ "$stderr" == *"--follow: expected no --json with it"* ]]
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
    [ "$(took default:hears)" -lt 8000 ] # a second is promised, and the machine may be busy
    [ "$(took default:deaf)" -ge 1200 ]
    [ "$(took default:deaf)" -lt 9000 ]
    ! kill -0 "$(cat default:hears)" 2>/dev/null || return 1
    ! kill -0 "$(cat default:deaf)" 2>/dev/null || return 1
    stop "$SERVER"
}
