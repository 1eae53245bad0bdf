#!/bin/sh
# pull_worker.sh QUEUE KIND COMMAND... — a worker in shell: COMMAND does each job, its payload on
# standard input, and what it prints is the result. PINION_URL says where the service is, and
# PINION_TOKEN who we are; with PINION_WAIT=1s it ends when nothing came for so long.
set -u
queue=$1 kind=$2
shift 2
error=$(mktemp) && trap 'rm -f "$error"' EXIT

post() { # PATH BODY
    curl -sS --fail-with-body -H "Authorization: Bearer $PINION_TOKEN" \
        -H 'Content-Type: application/json' -d "$2" "$PINION_URL/v1/$1"
}

while :; do
    leased=$(post "queues/$queue/lease?kind=$kind&lease_ms=600000&wait=${PINION_WAIT:-30s}" '') ||
        { sleep 1 && continue; } # the service is away: it comes back
    job=$(printf '%s' "$leased" | jq -c '.items[0] // empty')
    [ "$job" ] || { [ "${PINION_WAIT:-}" ] && exit || continue; }
    id=$(printf '%s' "$job" | jq -r .id)
    if result=$(printf '%s' "$job" | jq -j .payload | "$@" 2>"$error"); then
        verb=ack said=$(printf '%s' "$job" | jq --arg result "$result" '{token, $result}')
    else
        verb=fail said=$(printf '%s' "$job" | jq --rawfile error "$error" '{token, $error}')
    fi
    post "jobs/$id/$verb" "$said" >&2 # 409: too late, somebody else does it again
done
