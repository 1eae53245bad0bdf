#!/usr/bin/env bash
# tls.sh PINION — what TLS costs: two servers, one in the clear and one with a certificate, asked in
# turns for a small reply and for a large one on connections that stay. Beside the rate, the
# processor's time of the server for each request: that is the same on a machine that others share.
#
# PINION: a release build. Needs wrk, which ./setup does not install, openssl and jq.
# Settings: ROUNDS (3; the table has their medians), SECONDS_EACH (4), CONNECTIONS (64).
set -euo pipefail

ROUNDS=${ROUNDS:-3} SECONDS_EACH=${SECONDS_EACH:-4} CONNECTIONS=${CONNECTIONS:-64}
WAIT_S=20

die() {
    printf 'tls.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] && [ -x "$1" ] || die "usage: tls.sh PINION, the path of a release build"
PINION=$(realpath "$1")
for tool in wrk openssl jq; do
    command -v $tool >/dev/null || die "no $tool here; on Debian and Ubuntu: apt-get install $tool"
done

DIR=$(mktemp -d)
unset PINION_REDIS_URL
declare -A SERVER URL

tidy_up() {
    for pid in "${SERVER[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$DIR"
}
trap tidy_up EXIT
trap 'exit 130' INT TERM HUP

begin() { # NAME FLAGS...
    local name=$1 deadline=$((SECONDS + WAIT_S))
    shift
    PINION_STATE=$DIR/$name "$PINION" serve --listen 127.0.0.1:0 "$@" 2>"$DIR/$name.log" &
    SERVER[$name]=$!
    until grep -q event=ready "$DIR/$name.log"; do
        [ $SECONDS -lt $deadline ] || die "$name: not ready: $(cat "$DIR/$name.log")"
        sleep 0.05
    done
    URL[$name]=$(jq -r .http "$DIR/$name/pinion.json")
    [[ ${URL[$name]} == https://* ]] || URL[$name]=http://${URL[$name]}
}

cpu_ns() { # NAME
    awk '{ print $1 }' "/proc/${SERVER[$1]}/schedstat"
}

# load NAME PATH: a line "requests/s us-of-processor-each" in the file NAME-of-PATH.
load() {
    local ran requests
    ran=$(cpu_ns "$1")
    wrk -t1 -c"$CONNECTIONS" -d"${SECONDS_EACH}s" "${URL[$1]}$2" >"$DIR/wrk" || die "wrk failed"
    ran=$(($(cpu_ns "$1") - ran))
    ! grep -E 'Non-2xx|Socket errors' "$DIR/wrk" || die "not every answer was a good one"
    requests=$(awk '/requests in/ { print $1 }' "$DIR/wrk")
    awk -v ran="$ran" -v n="$requests" '/^Requests\/sec/ { printf "%.0f %.1f\n", $2, ran / n / 1000 }' \
        "$DIR/wrk" >>"$DIR/$1-of-${2//\//_}"
}

median() { # NAME PATH FIELD
    sort -n -k"$3,$3" "$DIR/$1-of-${2//\//_}" |
        awk -v f="$3" '{ a[NR] = $f } END { print a[int((NR + 1) / 2)] }'
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>/dev/null
begin clear
begin tls --tls-cert "$DIR/cert.pem" --tls-key "$DIR/key.pem"
paths=(/healthz /web/chart.js)
for ((round = 0; round < ROUNDS; round++)); do
    for path in "${paths[@]}"; do
        load clear "$path"
        load tls "$path"
    done
done
printf '%-16s %12s %12s %16s %16s %8s\n' path clear/s tls/s 'clear, us each' 'tls, us each' ratio
for path in "${paths[@]}"; do
    clear=$(median clear "$path" 2) tls=$(median tls "$path" 2)
    printf '%-16s %12s %12s %16s %16s %8s\n' "$path" "$(median clear "$path" 1)" \
        "$(median tls "$path" 1)" "$clear" "$tls" \
        "$(awk -v a="$clear" -v b="$tls" 'BEGIN { printf "%.2f", b / a }')"
done
