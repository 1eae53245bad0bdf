#!/usr/bin/env bash
# commands.sh PINION [JOBS [CONCURRENCY [FLAGS...]]] — how many commands a second: JOBS times /bin/true.
#
# All jobs wait in a paused queue; measured is from its resumption until the last of them has ended.
# Who looks on must not cost what is measured, so a job of the least urgent priority is waited for, and
# only then are those counted that have ended. Beside it, as a control, what the machine gives: the
# same number of /bin/true by xargs, as many at once as there are cores.
set -euo pipefail

pinion=$(realpath "$1")
jobs=${2:-10000}
at_once=${3:-16}
scratch=$(mktemp -d)
export PINION_STATE=$scratch/state
unset PINION_REDIS_URL PINION_NAMESPACE

"$pinion" serve --listen none --fsync no --concurrency "$at_once" --command true=/bin/true \
    --command last=/bin/true "${@:4}" 2>"$scratch/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -rf "$scratch"' EXIT
until grep -q event=ready "$scratch/log"; do kill -0 "$server"; sleep 0.02; done

now_ms() { date +%s%3N; }

cpu_us() { # PID FIELD FIELD: what a process has used so far, for each job
    awk -v ticks="$(getconf CLK_TCK)" -v jobs="$jobs" -v a="$2" -v b="$3" \
        '{sub(/.*\) /, ""); print int(($a + $b) / ticks * 1000000 / jobs)}' "/proc/$1/stat"
}

"$pinion" queue pause default >/dev/null
seq "$jobs" | sed 's/.*/{"kind":"true"}/' | "$pinion" enqueue --bulk - 2>/dev/null
began=$(now_ms)
"$pinion" queue resume default >/dev/null
"$pinion" enqueue last --priority 9 --wait >/dev/null
until "$pinion" queue show default --json | grep -q "\"done\":$((jobs + 1))\b"; do :; done
took=$(($(now_ms) - began))
own=$(cpu_us "$server" 12 13)
children=$(cpu_us "$server" 14 15)
descriptors=$(ls "/proc/$server/fd" | wc -l)

began=$(now_ms)
seq "$jobs" | xargs -P "$(nproc)" -I{} /bin/true
control=$(($(now_ms) - began))

jq -nc --argjson jobs "$jobs" --argjson took "$took" --argjson control "$control" \
    --argjson own "$own" --argjson children "$children" --argjson fds "$descriptors" --argjson at_once "$at_once" \
    '{measure: "commands", jobs: $jobs, concurrency: $at_once,
      per_second: ($jobs / $took * 1000 | floor),
      xargs_per_second: ($jobs / $control * 1000 | floor),
      of_xargs: ($control / $took * 100 | floor / 100),
      server_cpu_us: $own, children_cpu_us: $children, descriptors: $fds}'
