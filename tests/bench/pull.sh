#!/bin/sh
# pull.sh PINION BENCH_PULL [JOBS [BATCH [WORKERS [ROUNDS]]]] — how fast workers elsewhere drain a
# queue over HTTP, on a private service without a log of Redis; what a job cost the service and
# Redis in CPU time, filling included. One JSON object a line.
set -eu
pinion=$1 bench=$2 jobs=${3:-200000} batch=${4:-100} workers=${5:-2} rounds=${6:-3}
state=$(mktemp -d)
log=$state.log
"$pinion" serve --state "$state" --listen 127.0.0.1:0 --fsync no 2>"$log" &
service=$!
trap 'kill $service; wait $service; rm -rf "$state" "$log"' EXIT
until grep -q event=ready "$log"; do sleep 0.1; done
redis=$(pgrep -P $service redis-server)

cpu_us() { # PID: user and system time so far
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000000 / hz }' "/proc/$1/stat"
}

for _ in $(seq "$rounds"); do
    before="$(cpu_us $service) $(cpu_us "$redis")"
    "$bench" "$state" "$jobs" "$batch" "$workers"
    echo "$before $(cpu_us $service) $(cpu_us "$redis")" | awk -v jobs="$jobs" \
        '{ printf "{\"measure\":\"pull_cpu\",\"service_us\":%.1f,\"redis_us\":%.1f}\n",
           ($3 - $1) / jobs, ($4 - $2) / jobs }'
done
