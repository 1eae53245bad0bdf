# world.bash — servers of one test: start, look, stop; whatever is left dies with the test.
#
# PINION_BINARY names the program. Everything waits for a condition with a deadline.

bats_require_minimum_version 1.5.0

WAIT_S=20 # for anything that takes a moment on a busy machine

world_begin() {
    : "${PINION_BINARY:?expected the path of the built pinion}"
    export PINION_STATE=$BATS_TEST_TMPDIR/state HOME=$BATS_TEST_TMPDIR
    unset PINION_REDIS_URL XDG_STATE_HOME PINION_NAMESPACE PINION_LISTEN
    export CHILDREN=$BATS_TEST_TMPDIR/children
    : >"$CHILDREN"
    cd "$BATS_TEST_TMPDIR"
}

# Kills what this test started and is still there; a server takes its own children along. A Redis of
# its own may be at its last file for a moment: the folder can not be removed meanwhile.
world_end() {
    local pid
    while read -r pid; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true # or the shell tells everybody
    done <"$CHILDREN"
    eventually "the end of all below $BATS_TEST_TMPDIR" nobody_below "$BATS_TEST_TMPDIR"
}

nobody_below() { # FOLDER: no process has its working folder there
    [ -z "$(find /proc -maxdepth 2 -name cwd -lname "$1/*" 2>/dev/null)" ]
}

# ends_below FOLDER PID: ends what a whole file of tests shares, and waits until it is gone.
ends_below() {
    kill -TERM "$2"
    eventually "the end of process $2" gone "$2"
    eventually "the end of all below $1" nobody_below "$1"
}

pinion() {
    "$PINION_BINARY" "$@"
}

# within SECONDS WHAT COMMAND...: until it succeeds.
within() {
    local deadline=$((SECONDS + $1)) seconds=$1 what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { echo "$what: not within $seconds s"; return 1; }
        sleep 0.02
    done
}

eventually() { # WHAT COMMAND...
    within $WAIT_S "$@"
}

# serve NAME FLAGS...: `pinion serve` in the background, saying NAME.log; its pid is $SERVER. What a
# server of that name said before is gone when this returns: the background would be late with it.
serve() {
    local name=$1
    shift
    : >"$name.out" >"$name.log"
    # The signal at the parent's death: not even an interrupted test leaves a server.
    setpriv --pdeathsig KILL "$PINION_BINARY" serve "$@" >>"$name.out" 2>>"$name.log" 3>&- &
    SERVER=$!
    echo "$SERVER" >>"$CHILDREN"
}

said() { # NAME TEXT
    grep -q -- "$2" "$1.log"
}

ready() { # NAME: it said so; or fails at once where it has ended
    within $WAIT_S "$1 is ready" said_or_gone "$1" "$SERVER" || { cat "$1.log"; return 1; }
    said "$1" event=ready || { cat "$1.log"; return 1; }
}

said_or_gone() {
    said "$1" event=ready || gone "$2"
}

serve_ready() { # NAME FLAGS...
    serve "$@"
    ready "$1"
}

# "Z": it has ended, and nobody has asked for its end yet.
gone() {
    [ ! -e "/proc/$1/stat" ] || grep -q ') Z ' "/proc/$1/stat"
}

# ends PID STATUS: it ends, with that exit status.
ends() {
    local status=0
    eventually "the end of process $1" gone "$1"
    wait "$1" || status=$?
    [ "$status" -eq "$2" ] || { echo "process $1 ended with $status, expected $2"; return 1; }
}

stop() { # PID: gracefully
    kill -TERM "$1"
    ends "$1" 0
}

# exits STATUS ARGUMENTS...: pinion ends with it; $output and $stderr are kept apart.
exits() {
    local expected=$1
    shift
    run --separate-stderr "$PINION_BINARY" "$@"
    [ "$status" -eq "$expected" ] ||
        { echo "pinion $* ended with $status, expected $expected: $output $stderr"; return 1; }
}

job() { # ID FIELD: of `job show --json`, "null" where there is none
    pinion job show "$1" --json 2>/dev/null | jq -r ".$2"
}

job_is() { # ID STATE
    [ "$(job "$1" state)" = "$2" ]
}

queue_count() { # STATE [QUEUE]
    pinion queue show "${2:-default}" --json | jq ".counts.$1"
}

queue_has() { # STATE COUNT [QUEUE]
    [ "$(queue_count "$1" "${3:-default}")" -eq "$2" ]
}

has_lines() { # FILE COUNT, at least
    [ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}

now_ms() {
    date +%s%3N
}

ms_of() { # an RFC 3339 time
    date -d "$1" +%s%3N
}

# A Redis that is not ours: its socket is $REDIS, its URL is $REDIS_URL.
external_redis() { # FLAGS...
    REDIS=$BATS_TEST_TMPDIR/redis.sock
    REDIS_URL=unix:$REDIS
    setpriv --pdeathsig KILL redis-server --port 0 --unixsocket "$REDIS" --save '' \
        --dir "$BATS_TEST_TMPDIR" "$@" >redis.log 2>&1 3>&- &
    REDIS_PID=$!
    echo "$REDIS_PID" >>"$CHILDREN"
    eventually "a Redis" redis_answers
}

redis() {
    redis-cli -s "$REDIS" "$@"
}

redis_answers() {
    redis ping 2>/dev/null | grep -qE 'PONG|NOAUTH'
}

# Every key agrees with every other: after whatever was killed, stopped or cut.
all_is_well() { # FLAGS of doctor...
    exits 0 doctor --json "$@"
}
