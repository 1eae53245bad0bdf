#!/usr/bin/env bats
# Three servers on one Redis, of which one is killed every few seconds: each schedule still makes one
# job for each of its times. PINION_FLEET_SECONDS says for how long (60 for a thorough look).

load world.bash

SECONDS_OF_FLEET=${PINION_FLEET_SECONDS:-8}
KILL_EVERY=$((SECONDS_OF_FLEET < 15 ? 2 : 5))
SCHEDULES=50
EVERY_MS=100
TAKEOVER_MS=2000

setup() {
    world_begin
}

teardown() {
    world_end
}

start_one() { # NUMBER
    serve_ready "server$1" --redis "$REDIS_URL" --state "$BATS_TEST_TMPDIR/state$1" \
        --listen none -q beats --lease 3s
    PIDS[$1]=$SERVER
}

# All that is kept of the queue, page by page: one JSON object a line.
all_jobs() {
    local cursor='' page
    while :; do
        page=$(pinion job list -q beats --limit 512 ${cursor:+--after "$cursor"} --json)
        jq -c '.items[]' <<<"$page"
        cursor=$(jq -r '.next // empty' <<<"$page")
        [ -n "$cursor" ] || break
    done
}

none_waits() {
    pinion queue show beats --json |
        jq -e '.counts | .ready + .active + .retry + .scheduled == 0' >/dev/null
}

@test "killed servers: one job for each schedule and time, and no gap beyond the takeover" {
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    for n in 0 1 2; do start_one $n; done
    for n in $(seq $SCHEDULES); do
        pinion schedule add "beat$n" --every ${EVERY_MS}ms --overlap allow -q beats \
            --retain 1h pinion.noop
    done
    local from_ms victim=0 until=$((SECONDS + SECONDS_OF_FLEET))
    from_ms=$(now_ms)
    while [ $SECONDS -lt $until ]; do
        sleep $KILL_EVERY # the length of a round, no condition to wait for
        kill -KILL "${PIDS[$victim]}"
        wait "${PIDS[$victim]}" 2>/dev/null || true
        start_one $victim
        victim=$(((victim + 1) % 3))
    done
    local to_ms
    to_ms=$(now_ms)
    for n in $(seq $SCHEDULES); do pinion schedule pause "beat$n"; done
    eventually "all jobs have ended" none_waits

    all_jobs >jobs
    # TIME SCHEDULE of each job, in ms
    jq -r '[(.fire_time[:19] + "Z" | fromdateiso8601) * 1000 + (.fire_time[20:23] | tonumber),
            .schedule, .state] | @tsv' jobs | sort >times
    echo "# $(wc -l <times) jobs in $((to_ms - from_ms)) ms" >&3
    [ "$(cut -f 3 times | sort -u)" = "done" ]
    [ "$(cut -f 1,2 times | uniq -d | wc -l)" -eq 0 ]
    awk -v every=$EVERY_MS -v gap_max=$TAKEOVER_MS -v from="$from_ms" -v to="$to_ms" \
        -v schedules=$SCHEDULES '
        $1 % every { print "not on its time: " $0; bad = 1 }
        { gap = $1 - ($2 in last ? last[$2] : from + gap_max)
          if (gap > worst) worst = gap
          last[$2] = $1; n[$2]++ }
        END {
            for (s in last) { known++; if (to - last[s] > gap_max) { print s " fell silent"; bad = 1 } }
            if (known != schedules) { print known " schedules fired"; bad = 1 }
            print "the longest gap: " worst " ms" > "worst"
            exit bad || worst > gap_max
        }' times
    echo "# $(cat worst)" >&3
}
