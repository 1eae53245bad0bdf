#!/usr/bin/env bats
# Counts after a kill: whoever is asked, and however, the answer is the same.

load world.bash

STATES=(scheduled waiting ready active retry done dead cancelled)
setup() {
    world_begin
    REDIS=$PINION_STATE/redis.sock
}

teardown() {
    world_end
}

serve_here() { # NAME CONCURRENCY
    LOG=$1.log
    serve_ready "$1" --listen 127.0.0.1:0 -q default -q mail --concurrency "$2" --command bad=false
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
}

kill_server() {
    local child
    child=$(sed -n 's/.*event=redis_up pid=\([0-9]*\).*/\1/p' "$LOG")
    kill -KILL "$SERVER"
    eventually "the end of the server" gone "$SERVER"
    eventually "the end of its redis-server" gone "$child"
}

jobs() { # COUNT JSON: as many lines
    seq "$1" | sed "s/.*/$2/"
}

shown() { # QUEUE: by HTTP; the age of the oldest grows between two looks
    curl -sS "$URL/v1/queues/$1" | jq -S 'del(.oldest_ready_ms, .rates)'
}

listed() { # QUEUE STATE: how many jobs are in it
    pinion job list -q "$1" --state "$2" --limit 10000 --json | jq '.items | length'
}

count() { # QUEUE STATE
    jq ".counts.$2" "$1.shown"
}

# All agree about QUEUE, whose answer by HTTP is left in QUEUE.shown.
agree() {
    local queue=$1 state
    shown "$queue" >"$queue.shown"
    diff "$queue.shown" <(pinion queue show "$queue" --json | jq -S 'del(.oldest_ready_ms, .rates)')
    for state in "${STATES[@]}"; do
        same "$queue: $state, counted and listed" "$(count "$queue" "$state")" \
            "$(listed "$queue" "$state")"
    done
    for state in scheduled retry done dead cancelled; do
        same "$queue: $state, counted and in Redis" "$(count "$queue" "$state")" \
            "$(redis zcard "pinion:{$queue}:$state")"
    done
    # No job was requeued by hand, so whatever was ever made is there, or was done and not kept.
    same "$queue: made, and what became of it" "$(jq .totals.enqueued "$queue.shown")" \
        "$(jq '.totals.done + (.counts | add) - .counts.done' "$queue.shown")"
    for state in dead cancelled; do
        same "$queue: $state, in total and counted" "$(jq ".totals.$state" "$queue.shown")" \
            "$(count "$queue" "$state")"
    done
}

same() { # WHAT A B
    [ "$2" = "$3" ] || { echo "$1: $2 and $3"; return 1; }
}

# The sums over all queues, by /v1/stats and by the queues.
agree_on_sums() {
    curl -sS "$URL/v1/stats" | jq -S '.counts, .totals' >sums.stats
    jq -S -s 'def sums: reduce .[] as $o ({}; reduce ($o | keys[]) as $k (.; .[$k] += $o[$k]));
        (map(.counts) | sums), (map(.totals) | sums)' default.shown mail.shown >sums.queues
    diff sums.stats sums.queues
}

@test "counts agree after a kill with jobs in every state" {
    serve_here first 4
    # Of each state something, in turn, for the sleepers take every slot at last.
    jobs 3 '{"kind":"bad","attempts_max":1}' | pinion enqueue --bulk -
    jobs 2 '{"kind":"bad","attempts_max":2,"backoff":"fixed:1h"}' | pinion enqueue --bulk -
    jobs 6 '{"kind":"pinion.noop","retain_ms":3600000}' | pinion enqueue --bulk -
    jobs 7 '{"kind":"pinion.noop"}' | pinion enqueue --bulk -
    eventually "the short ones ended" ended 3 2 6
    jobs 30 '{"kind":"pinion.noop","in_ms":3600000}' | pinion enqueue --bulk -
    jobs 20 '{"kind":"nobody","id":"x&"}' | pinion enqueue --bulk -
    pinion job cancel default:x{1..5} >/dev/null
    jobs 50 '{"kind":"pinion.sleep","payload":"1h"}' | pinion enqueue --bulk -
    eventually "all slots are taken" queue_has active 4
    agree default
    cp default.shown before

    kill_server
    serve_here second 4
    eventually "all slots are taken again" queue_has active 4
    agree default
    all_is_well
    same "before and after" "$(jq -c .counts before)" "$(jq -c .counts default.shown)"
    same "totals before and after" "$(jq -c '.totals | del(.reaped)' before)" \
        "$(jq -c '.totals | del(.reaped)' default.shown)"
    [ "$(jq -c '[.counts[]] | sort' default.shown)" = "[0,2,3,4,5,6,30,61]" ]
}

ended() { # DEAD RETRY KEPT
    queue_has dead "$1" && queue_has retry "$2" && queue_has done "$3"
}

# Who enqueues meanwhile repeats the call that had no answer, and none of its jobs is made twice.
@test "counts agree after a kill in the middle of the work" {
    serve_here first 64
    local round producer before=0
    for round in 1 2 3; do
        jobs 30000 '{"kind":"pinion.noop","queue":"mail"}' |
            pinion enqueue --bulk - --connect-timeout ${WAIT_S}s >producer.out 2>&1 3>&- &
        producer=$!
        jobs 20 '{"kind":"bad","attempts_max":2,"backoff":"fixed:50ms"}' | pinion enqueue --bulk -
        jobs 5 '{"kind":"pinion.noop","in_ms":3600000}' | pinion enqueue --bulk -
        eventually "some were done" done_in_mail "$((before + 500))"
        kill_server
        serve_here "again$round" 64
        wait "$producer" || { cat producer.out; return 1; }
        eventually "default settles" settled default
        eventually "mail settles" settled mail
        agree default
        agree mail
        all_is_well
        agree_on_sums
        before=$(jq .totals.done mail.shown)
        same "made in mail" "$(jq .totals.enqueued mail.shown)" $((round * 30000))
        same "dead" "$(count default dead)" $((round * 20))
        same "scheduled" "$(count default scheduled)" $((round * 5))
    done
    stop "$SERVER"
}

done_in_mail() { # COUNT, at least
    [ "$(shown mail | jq '.totals.done // 0')" -ge "$1" ]
}

settled() { # QUEUE
    [ "$(shown "$1" | jq '.counts | .ready + .active + .retry')" -eq 0 ]
}
