#!/usr/bin/env bash
# http.sh PINION — how fast the HTTP API of a `pinion serve` answers, and how soon while its loop
# is busy with a drain. Everything is on loopback and in a folder of its own, which is removed.
#
# What the server got of the machine stands beside each figure: where it waited for a processor, the
# figure is of the machine.
#
# PINION: a release build. Needs wrk, which ./setup does not install, and curl and jq.
# Settings: ROUNDS (3; the table has their medians), SECONDS_EACH (5), CONNECTIONS (64).
set -euo pipefail

ROUNDS=${ROUNDS:-3} SECONDS_EACH=${SECONDS_EACH:-5} CONNECTIONS=${CONNECTIONS:-64}
DRAIN_PER_SECOND=600000 # more than any drain we saw: so many jobs are made for each second
DRAIN_JOBS=$((DRAIN_PER_SECOND * (SECONDS_EACH + 1)))
CONCURRENCY=1000        # of the server: as `pinion bench` has it
WAIT_S=60               # for a start, or for a queue to be empty again

die() {
    printf 'http.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] && [ -x "$1" ] || die "usage: http.sh PINION, the path of a release build"
PINION=$(realpath "$1")
for tool in wrk curl jq; do
    command -v $tool >/dev/null || die "no $tool here; on Debian and Ubuntu: apt-get install $tool"
done

DIR=$(mktemp -d)
export PINION_STATE=$DIR/state
unset PINION_REDIS_URL
SERVER=

tidy_up() {
    [ -z "$SERVER" ] || kill -KILL "$SERVER" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$DIR" 2>/dev/null || { sleep 1; rm -rf "$DIR"; } # its redis-server ends after it
}
trap tidy_up EXIT
trap 'exit 130' INT TERM HUP

# ---- the server ----------------------------------------------------------------------------------

begin_server() {
    rm -rf "$PINION_STATE"
    "$PINION" serve --listen 127.0.0.1:0 --concurrency $CONCURRENCY -q drain \
        >"$DIR/out" 2>"$DIR/log" &
    SERVER=$!
    until_true "the server is ready" grep -q event=ready "$DIR/log"
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    TOKEN=$(cat "$PINION_STATE/token")
}

end_server() {
    kill -TERM "$SERVER"
    wait "$SERVER" || die "the server ended with $?: $(tail -n 3 "$DIR/log")"
    SERVER=
}

until_true() { # WHAT COMMAND...
    local what=$1 deadline=$((SECONDS + WAIT_S))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || die "$what: not within $WAIT_S s; $(tail -n 3 "$DIR/log")"
        sleep 0.05
    done
}

count() { # STATE
    curl -sS "$URL/v1/queues/drain" | jq ".counts.$1"
}

drained() {
    [ "$(count ready)" -eq 0 ] && [ "$(count active)" -eq 0 ]
}

# ---- measuring -----------------------------------------------------------------------------------

# How long, in us, the server ran and waited to be let run.
cpu_us() {
    awk '{ printf "%d %d\n", $1 / 1000, $2 / 1000 }' "/proc/$SERVER/schedstat"
}

# load PATH CONNECTIONS [SCRIPT]: leaves requests/s in $RATE, p99 and the longest in $P99 and
# $LONGEST (ms), and in $RAN and $WAITED what percent of the time the server ran, and could not.
load() {
    local path=$1 connections=$2 ran waited began=$(now_us)
    shift 2
    read -r ran waited < <(cpu_us)
    wrk -t1 -c"$connections" -d"${SECONDS_EACH}s" --latency ${1:+-s "$1"} "$URL$path" >"$DIR/wrk" ||
        die "wrk failed: $(cat "$DIR/wrk")"
    began=$(($(now_us) - began))
    read -r RAN WAITED < <(cpu_us)
    RAN=$(((RAN - ran) * 100 / began)) WAITED=$(((WAITED - waited) * 100 / began))
    ! grep -E 'Non-2xx|Socket errors' "$DIR/wrk" || die "not every answer was a good one"
    RATE=$(awk '/^Requests\/sec/ { printf "%.0f", $2 }' "$DIR/wrk")
    P99=$(awk '$1 == "99%" { print in_ms($2) } '"$IN_MS" "$DIR/wrk")
    LONGEST=$(awk '$1 == "Latency" && $2 ~ /[0-9]/ { print in_ms($4) } '"$IN_MS" "$DIR/wrk")
}

IN_MS='function in_ms(t) {
    return sprintf("%.2f", t ~ /us$/ ? t / 1000 : t ~ /ms$/ ? t + 0 : t * 1000)
}'

# note NAME VALUE: a line in the file of that name; with it, the server's share of the machine.
note() {
    echo "$2 $RAN $WAITED" >>"$DIR/$1"
}

median() { # NAME [FIELD]
    sort -n -k"${2:-1},${2:-1}" "$DIR/$1" |
        awk -v f="${2:-1}" '{ a[NR] = $f } END { print a[int((NR + 1) / 2)] }'
}

write_post() {
    cat >"$DIR/post.lua" <<END
wrk.method = "POST"
wrk.body = '{"kind":"nobody","payload":"$(head -c 100 /dev/zero | tr '\0' x)"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer $TOKEN"
END
}

fill() {
    "$PINION" queue pause drain >/dev/null
    seq "$DRAIN_JOBS" | sed 's/.*/{"kind":"pinion.noop","queue":"drain"}/' >"$DIR/jobs"
    "$PINION" enqueue --bulk "$DIR/jobs" >/dev/null 2>&1
    "$PINION" queue resume drain >/dev/null
}

# during_drain NAME CONNECTIONS: /healthz as above, while jobs are run as fast as they can be.
during_drain() {
    local ready began
    fill
    began=$(now_us) ready=$(count ready)
    curl -sS "$URL/metrics" >"$DIR/before"
    load /healthz "$2"
    curl -sS "$URL/metrics" >"$DIR/after"
    local left
    left=$(count ready)
    [ "$left" -gt 0 ] || die "the jobs did not last; this machine drains faster than expected"
    note "$1.p99" "$P99"
    note "$1.longest" "$LONGEST"
    note "$1.rate" "$RATE"
    note "$1.drain" $(((ready - left) * 1000000 / ($(now_us) - began)))
    turns >>"$DIR/$1.turns"
    until_true "the rest is drained" drained
}

now_us() {
    echo "${EPOCHREALTIME/[.,]/}"
}

# The share of turns of the loop, in thousandths, that took more than 1, 4 and 16 ms.
turns() {
    awk '/^pinion_loop_stall_seconds_bucket/ {
            split($1, part, "\""); le = part[2]
            n[le] += FNR == NR ? -$2 : $2
        }
        END {
            all = n["+Inf"]
            printf "%.2f %.2f %.2f\n", 1000 * (all - n["0.001023"]) / all,
                1000 * (all - n["0.004095"]) / all, 1000 * (all - n["0.016383"]) / all
        }' "$DIR/before" "$DIR/after"
}

# ---- all of it -----------------------------------------------------------------------------------

for ((round = 1; round <= ROUNDS; round++)); do
    echo "round $round of $ROUNDS" >&2
    begin_server
    write_post
    load /healthz "$CONNECTIONS" # warm, and counted nowhere
    load /v1/health "$CONNECTIONS"
    note health "$RATE"
    load /v1/queues/post/jobs "$CONNECTIONS" "$DIR/post.lua"
    note post "$RATE"
    during_drain many "$CONNECTIONS"
    during_drain one 1
    end_server
done

row() { # WHAT NAME GOAL
    printf '| %s | %s | %s | %s | %s |\n' "$1" "$(median "$2")" "$3" "$(median "$2" 2)" \
        "$(median "$2" 3)"
}

cat <<END
$("$PINION" version), $(nproc) processors; $CONNECTIONS connections of wrk on one thread,
$SECONDS_EACH s each, medians of $ROUNDS rounds; the server has its own Redis, with fsync always.

| measure | here | goal | server ran % | waited for a processor % |
|---|--:|--:|--:|--:|
END
row "GET /v1/health, requests/s" health 50000
row "POST of one job of 100 bytes with token, requests/s" post 15000
for name in many one; do
    who=$([ $name = one ] && echo "1 connection" || echo "$CONNECTIONS connections")
    row "GET /healthz during a drain, $who: p99 ms" $name.p99 5
    row "... longest ms" $name.longest ""
    row "... requests/s" $name.rate ""
    row "... jobs drained meanwhile, /s" $name.drain ""
    printf '| ... of 1,000 turns of the loop, over 1, 4, 16 ms | %s, %s, %s | | | |\n' \
        "$(median $name.turns)" "$(median $name.turns 2)" "$(median $name.turns 3)"
done
