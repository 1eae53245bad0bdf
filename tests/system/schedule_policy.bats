#!/usr/bin/env bats
# What schedules promise of fires that meet a running job, that were missed, that are bounded in
# time or number, and of servers that die, on the real binary and in real time. The handlers say
# when they ran; the history of each schedule is held against that.

load world.bash

EVERY_MS=200
LATE_MS=5000   # what is later than this was missed

setup() {
    world_begin
    cat >slow <<'SH'
#!/bin/sh
# WHO; stdin: NAME SECONDS, and longer while there is a file `hold`. It writes a line to `runs` at
# its start, and at its end or when it is stopped.
say() { echo "$(date +%s%3N) $name $PINION_JOB_ID $1 $who" >>runs; }
who=$1
read -r name seconds
trap 'say cut; exit 1' TERM
say start
while [ -e hold ]; do sleep 0.02; done
sleep "$seconds"
say end
SH
    chmod +x slow
    : >runs
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
}

teardown() {
    world_end
}

start() { # NAME [WHOSE]: perhaps one that there was before
    serve_ready "$1" --state "$BATS_TEST_TMPDIR/state-${2:-$1}" --listen none \
        --command slow="$PWD/slow $1" --command fails=false --lease 1s
}

add() { # NAME FLAGS... KIND [PAYLOAD]
    exits 0 schedule add "$@" --retain 1h
}

# add_once NAME FLAGS...: at a time, $at_ms, that is still to come when the service hears of it.
add_once() {
    local lead_ms
    for lead_ms in 500 4000 16000; do
        at_ms=$(($(now_ms) + lead_ms))
        add "$@" --replace --at "$(rfc3339 $at_ms)" pinion.noop
        [[ "$output" == *'never fires'* ]] || return 0
    done
    return 1
}

schedule() { # NAME FIELD
    pinion schedule show "$1" --json | jq -r ".$2"
}

fired() { # NAME TIMES, at least
    [ "$(schedule "$1" fires)" -ge "$2" ]
}

has_fires() { # NAME COUNT, in its history, whatever came of them
    [ "$(schedule "$1" 'history | length')" -ge "$2" ]
}

buffered() { # NAME
    [ "$(schedule "$1" buffered)" = true ]
}

goes_on() { # NAME MS: three fires of times after that
    pinion schedule show "$1" --json | jq -e --argjson from "$2" "$DEFS"'
        [.history[] | select((.fire_time | ms) > $from)] | length >= 3' >/dev/null
}

rfc3339() { # MS
    date -u -d "@$(($1 / 1000)).$(printf %03d $(($1 % 1000)))" +%FT%T.%3NZ
}

passed() { # MS
    [ "$(now_ms)" -gt "$1" ]
}

# So many times of an interval, as the server counts them: what is due beside them was looked at.
times_pass() { # N
    local more=$(($(schedule clock fires) + $1))
    eventually "$1 times" fired clock $more
}

start_clock() {
    exits 0 schedule add clock --every 100ms --overlap allow pinion.noop
}

nothing_runs() {
    pinion queue show default --json | jq -e '.counts | .ready + .active == 0' >/dev/null
}

DEFS='def ms: (.[:19] + "Z" | fromdateiso8601) * 1000 + (.[20:23] | tonumber);
    def when: if . then ms else null end;
    def steps: [.[1:], .[:-1]] | transpose | map(.[0] - .[1]);
    def counted($every): [.[1:], .[:-1]] | transpose # no time is lost without being told
        | map(.[0].at - .[1].at == $every * (.[0].missed + 1)) | length > 1 and all(.);'

jobs() { # every one that is kept, one a line
    local cursor='' page
    while :; do
        page=$(pinion job list --limit 512 ${cursor:+--after "$cursor"} --json)
        jq -c '.items[]' <<<"$page"
        cursor=$(jq -r '.next // empty' <<<"$page")
        [ -n "$cursor" ] || break
    done
}

# What it did, the oldest first, each with its job; `at`, `fired`, `started`, `finished` in ms.
fires() { # NAME
    pinion schedule show "$1" --json >shown.now # before its jobs, or the newest are not there
    jobs >jobs.now
    jq -c --slurpfile jobs jobs.now "$DEFS"'
        ($jobs | map({key: .id, value: {state, reason, payload, started: (.started_at | when),
            finished: (.finished_at | when)}}) | from_entries) as $by
        | .history | reverse | map({at: (.fire_time | ms), fired: (.fired_at | ms), outcome, missed,
            ended: .end, id: .job, job: (if .job then $by[.job] else null end)})' shown.now
}

# holds NAME CONDITION JQ_ARGUMENTS...: of its fires.
holds() {
    local name=$1 condition=$2
    shift 2
    fires "$name" >fires.now
    jq -e "$@" "$DEFS $condition" fires.now >/dev/null ||
        { echo "$name: not so: $condition"; jq -c '.[]' fires.now; return 1; }
}

# The most that its handlers ran at once, by what they said.
at_once() { # NAME
    sort -s -n -k 1,1 runs | awk -v name="$1" '$2 == name {
        $4 == "start" ? n++ : n--; if (n > most) most = n } END { print most + 0 }'
}

ran_at_once() { # NAME COUNT
    [ "$(at_once "$1")" -ge "$2" ]
}

# Every schedule named is paused, and what they made has ended.
come_to_rest() { # NAME...
    exits 0 schedule pause "$@"
    eventually "the end of all jobs" nothing_runs
}

# ---- overlap

@test "skip: no fire while the last job runs, and the next one after its end" {
    start server
    add skip --every ${EVERY_MS}ms slow 'skip 0.5'
    eventually "four jobs" fired skip 4
    come_to_rest skip
    [ "$(at_once skip)" -eq 1 ]
    holds skip 'all(.outcome == "fired" or .outcome == "skipped") and any(.outcome == "skipped")'
    holds skip "counted($EVERY_MS)"
    # What was skipped came before the end of the job before it; what fired, not before.
    holds skip 'reduce .[] as $f ({ok: true, to: 0};
        if $f.outcome == "fired" then .ok = (.ok and $f.fired >= .to) | .to = $f.job.finished
        else .ok = (.ok and $f.fired <= .to) end) | .ok'
    holds skip 'map(select(.job)) | all(.job.state == "done" and .ended == "done")'
}

@test "allow: every time makes its job, whatever runs" {
    start server
    add allow --every ${EVERY_MS}ms --overlap allow slow 'allow 0.9'
    eventually "six jobs" fired allow 6
    come_to_rest allow
    [ "$(at_once allow)" -ge 3 ]
    holds allow 'all(.outcome == "fired" and .job.state == "done")'
    holds allow "counted($EVERY_MS)"
}

@test "queue: one waits, and runs when the job before it has ended" {
    start server
    add queue --every ${EVERY_MS}ms --overlap queue slow 'queue 0.5'
    eventually "four jobs" fired queue 4
    eventually "one that waits" buffered queue
    come_to_rest queue
    [ "$(at_once queue)" -eq 1 ]
    holds queue 'any(.outcome == "buffered") and any(.outcome == "skipped")'
    holds queue "counted($EVERY_MS)"
    # Also the one that waited when the schedule was paused has run.
    holds queue 'map(select(.job)) | all(.job.state == "done")'
    [ "$(schedule queue buffered)" = false ]
    # Each that waited came due before the end of the job before it, and ran after that.
    holds queue 'map(select(.job)) | [.[1:], .[:-1]] | transpose
        | map(select(.[0].outcome == "buffered")) | length > 2 and
            all(.[0].fired <= .[1].job.finished and .[0].job.started >= .[1].job.finished)'
}

@test "replace: the running job is stopped before the next one starts" {
    start server
    add replace --every 300ms --overlap replace slow 'replace 1'
    eventually "four jobs" fired replace 4
    come_to_rest replace
    [ "$(at_once replace)" -eq 1 ]
    [ "$(grep -c ' end ' runs)" -eq 1 ] # only the last one
    holds replace 'counted(300)'
    # One that waited for the end of another may be replaced before it is made.
    holds replace '.[:-1] | map(.job) - [null] | length > 1 and
        all(.state == "cancelled" and .reason == "superseded")'
    holds replace '.[-1].job.state == "done"'
}

@test "a job that waits for its next attempt does not silence its schedule" {
    start server
    local overlap overlaps='skip queue replace'
    for overlap in $overlaps; do
        add "$overlap" --every ${EVERY_MS}ms --overlap $overlap --backoff fixed:1h fails
    done
    for overlap in $overlaps; do eventually "five jobs" fired $overlap 5; done
    exits 0 schedule pause $overlaps
    for overlap in $overlaps; do
        eventually "the last one waits" job_is "$(schedule $overlap last_job)" retry
        holds $overlap 'map(select(.job)) | length >= 5 and
            (.[:-1] | all(.job.state == "cancelled" and .job.reason == "superseded"))'
    done
}

# ---- what was missed

@test "catch-up: one, none, all, over a stop; and an edit meanwhile" {
    start first
    local every="--every 400ms" all='--catch-up all --overlap allow' name
    local beats='one all within none payload times resumed'
    add one $every pinion.noop
    add none $every --catch-up none pinion.noop
    for name in all payload times resumed; do add $name $every $all pinion.noop old; done
    add within $every $all --within 4s pinion.noop
    local at_ms
    add_once once
    for name in $beats; do eventually "$name fires" fired $name 2; done
    eventually "the only time" fired once 1
    exits 0 schedule pause resumed
    stop "$SERVER"

    # While nobody serves, but the store is there.
    local edit_ms edited_ms again_ms
    add_once at-none --catch-up none
    add_once at-one --catch-up one
    eventually "some times are missed" passed $((at_ms + LATE_MS / 2))
    edit_ms=$(now_ms)
    add payload --replace $every $all pinion.noop new
    add times --replace --every 300ms $all pinion.noop new
    exits 0 schedule resume resumed
    edited_ms=$(now_ms)
    eventually "they were missed" passed $((at_ms + LATE_MS + 100))
    again_ms=$(now_ms)
    start second
    for name in $beats; do eventually "$name goes on" goes_on $name $again_ms; done
    eventually "what was due once" fired at-one 1
    local with="--argjson edit $edit_ms --argjson edited $edited_ms --argjson again $again_ms
        --argjson every 400 --argjson at $at_ms"

    # One job for all, and it says how many there were.
    holds one 'counted($every)' $with
    holds one 'max_by(.missed) | .outcome == "fired" and .missed * $every > 5000' $with
    # A time that is not 5 s old is on time, though others before it were missed.
    holds none 'max_by(.missed) | .outcome == "fired" and .missed * $every > 5000' $with
    holds at-none 'length == 1 and .[0].outcome == "missed" and .[0].id == null'
    holds at-one 'length == 1 and .[0].at == $at and .[0].job.state == "done"' $with
    holds once 'length == 1'
    # Each time, in their order; those of an hour, or of four seconds.
    for name in all payload; do
        holds $name 'all(.outcome == "fired" and .missed == 0) and counted($every)' $with
        holds $name 'map(.fired) | . == sort' $with
    done
    holds within 'map(select(.fired >= $again)) | .[0].outcome == "missed" and .[1].fired as $now
        | .[0].at < $now - 3900 and .[0].missed > 2 and
            .[1].at > $now - 4500 and (map(select(.at < $now)) | length > 9)' $with
    holds within 'counted($every)' $with
    # Only the payload was edited: what was missed before is caught up, with the new one.
    holds payload 'map(select(.fired >= $again)) | .[0].at < $edit - 1000 and
        all(.job.payload == "new")' $with
    # Other times, or a resume: nothing from before the edit.
    for name in times resumed; do
        holds $name 'map(select(.fired >= $again)) | .[0].at >= $edit and
            .[0].at < $edited + 410 and all(.missed == 0)' $with
    done
    holds times 'map(select(.at > $edit)) | all(.at % 300 == 0) and counted(300)' $with
}

# ---- bounds

@test "pause and resume; a limit, an end, a start; and all that beside a clock" {
    start server
    start_clock
    local start_ms end_ms resumed_ms going_ms
    start_ms=$(($(now_ms) + 2000))
    end_ms=$((start_ms + 950))
    add end --every 100ms --overlap allow --start "$(rfc3339 $start_ms)" \
        --end "$(rfc3339 $end_ms)" pinion.noop
    add limit --every 100ms --overlap allow --limit 3 pinion.noop
    add paused --every 100ms --overlap allow pinion.noop
    eventually "two fires" fired paused 2
    exits 0 schedule pause paused
    local count
    count=$(schedule paused 'history | length')
    [ "$(schedule paused next_fire)" = null ]
    times_pass 5
    [ "$(schedule paused 'history | length')" -eq "$count" ]
    resumed_ms=$(now_ms)
    exits 0 schedule resume paused
    going_ms=$(now_ms)
    eventually "another fire" has_fires paused $((count + 2))
    holds paused '.[$n] | .at >= $resumed and .at - .missed * 100 < $going + 300' \
        --argjson n "$count" --argjson resumed "$resumed_ms" --argjson going "$going_ms"

    eventually "the end" passed $end_ms
    times_pass 5
    holds limit 'length == 3 and all(.outcome == "fired")'
    holds end '.[0].at - .[0].missed * 100 == ($start / 100 | ceil * 100) and
        .[-1].at == (($to - 1) / 100 | floor * 100) and counted(100)' \
        --argjson start $start_ms --argjson to $end_ms
    local name
    for name in limit end; do [ "$(schedule $name next_fire)" = null ]; done
}

@test "jitter: each fire up to so much later, never before its time, never after the next" {
    start server
    add jitter --every 1s --overlap allow --jitter 400ms pinion.noop
    eventually "five fires" fired jitter 5
    holds jitter 'counted(1000)'
    holds jitter 'map(.fired - .at) | all(. >= 0 and . < 1000) and max - min > 20'
}

@test "once: at its time, and not again" {
    start server
    start_clock
    local at_ms
    add_once once
    eventually "its fire" fired once 1
    times_pass 5
    holds once 'length == 1 and .[0].at == $at and .[0].fired >= $at and .[0].job.state == "done"' \
        --argjson at $at_ms
    [ "$(schedule once next_fire)" = null ]
}

# ---- by hand

@test "run and backfill make jobs beside the running one, and move nothing" {
    start server
    start_clock
    add hand --every 1h slow 'hand 1'
    local first second
    first=$(pinion schedule run hand)
    second=$(pinion schedule run hand)
    eventually "both run" ran_at_once hand 2
    local next
    next=$(schedule hand next_fire)
    eventually "their ends" nothing_runs
    job_is "$first" done
    job_is "$second" done

    local to_ms=$(($(now_ms) / 100 * 100))
    exits 0 schedule backfill clock --from "$(rfc3339 $((to_ms - 2000)))" \
        --to "$(rfc3339 $((to_ms - 1000)))" --yes --json
    [ "$(jq '.items | length' <<<"$output")" -eq 10 ]
    holds clock 'map(select(.outcome == "backfilled").at) | . == [range($from; $to; 100)]' \
        --argjson from $((to_ms - 2000)) --argjson to $((to_ms - 1000))
    times_pass 2
    holds clock 'map(select(.outcome == "fired")) | counted(100)'
    [ "$(schedule hand fires)" -eq 0 ]
    [ "$(schedule hand next_fire)" = "$next" ]
}

# ---- servers

@test "@reboot: once for each boot, whichever server comes first" {
    add boot --cron @reboot pinion.noop
    start first
    eventually "its job" has_fires boot 1
    start second
    start_clock
    times_pass 5
    kill -KILL "$SERVER"
    eventually "its end" gone "$SERVER" # or it still holds its folder
    start again second
    start third
    times_pass 5
    add later --cron @reboot pinion.noop
    times_pass 5
    holds boot 'length == 1 and .[0].job.state == "done"'
    holds later 'length == 0' # it is for the next one
    another_boot || skip "no right to mount: another boot was not looked at"
    eventually "the job of another boot" has_fires boot 2
    eventually "the job of its first boot" has_fires later 1
}

# A server that sees another id of the boot.
another_boot() {
    echo 01234567-89ab-cdef-0123-456789abcdef >boot_id
    local mounted='mount --bind boot_id /proc/sys/kernel/random/boot_id'
    unshare -m sh -c "$mounted" 2>/dev/null || return 1
    setpriv --pdeathsig KILL unshare -m sh -c "$mounted"' && exec "$@"' sh "$PINION_BINARY" serve \
        --state "$BATS_TEST_TMPDIR/state-boot" --listen none >boot.out 2>boot.log 3>&- &
    SERVER=$!
    echo "$SERVER" >>"$CHILDREN"
    ready boot
}

@test "a server that is killed in mid-run: another one runs that job again, and fires on" {
    touch hold
    start first
    local victim=$SERVER id
    add beat --every ${EVERY_MS}ms slow 'beat 0.3'
    eventually "it runs" grep -q ' start first' runs
    id=$(awk '/ start first/ { print $3 }' runs)
    start second
    kill -KILL "$victim"
    eventually "the other one runs it" grep -q "$id start second" runs
    local after_ms
    after_ms=$(now_ms)
    rm hold
    eventually "it fires on" goes_on beat $after_ms
    eventually "another job" fired beat 3
    come_to_rest beat
    job_is "$id" done
    [ "$(job "$id" attempt)" -eq 1 ] # none is charged
    # While that job was not at its end the schedule skipped, by whichever server; none twice.
    holds beat 'counted($every) and (map(select(.job)) | all(.job.state == "done"))' \
        --argjson every $EVERY_MS
    holds beat '.[1:] | map(select(.fired < $after)) | all(.outcome == "skipped")' \
        --argjson after $after_ms
    all_is_well
}
