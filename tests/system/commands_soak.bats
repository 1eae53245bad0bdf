#!/usr/bin/env bats
# Many commands of every bad sort, while their processes are shot at random and their jobs are
# cancelled: nothing is left, neither zombies, nor descriptors, nor grandchildren.
#
# PINION_SOAK_JOBS says how many (500), PINION_SOAK_SEED makes them the same again.

load world.bash

setup() {
    world_begin
    JOBS=${PINION_SOAK_JOBS:-500}
    SEED=${PINION_SOAK_SEED:-$RANDOM}
    RANDOM=$SEED
    MARK=1000.$RANDOM$RANDOM # how long those sleep that this test has started, and nobody else
    cat >work <<END
#!/bin/sh
case \$(cat) in
quick) ;;
fail) exit 1 ;;
flood) head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2 ;;
unread) exec <&-; exit 0 ;;
deaf) trap '' TERM; sleep $MARK & while :; do sleep $MARK; done ;;
victim) exec sleep $MARK ;;
brood) sleep $MARK & (sleep $MARK >/dev/null 2>&1 &) ;;
group) timeout 1000 sleep $MARK >/dev/null 2>&1 & exec sleep 0.1 ;;
daemon) setsid sleep $MARK >/dev/null 2>&1 & exec sleep 0.05 ;;
twice) setsid sh -c 'setsid sleep $MARK & sleep $MARK' >/dev/null 2>&1 & exec sleep 0.05 ;;
brief) setsid sleep 0.03 >/dev/null 2>&1 & ;;
esac
END
    chmod +x work
}

teardown() {
    world_end
    pgrep -f "sleep $MARK" | xargs -r kill -KILL # by their ids; none, where the test was good
}

descriptors() {
    ls "/proc/$SERVER/fd" | wc -l
}

children() { # those that are the commands' or fell to the server, zombies included
    ps -o pid=,stat=,args= --ppid "$SERVER" | grep -v redis-server || true
}

no_children() {
    [ -z "$(children)" ]
}

no_sleepers() {
    ! pgrep -f "^sleep $MARK" >/dev/null && ! pgrep -f "sleep $MARK" >/dev/null
}

as_before() {
    [ "$(descriptors)" -eq "$BEFORE" ]
}

all_ended() {
    [ "$(pinion queue show default --json |
        jq '.counts | .ready + .active + .scheduled + .retry')" -eq 0 ]
}

# One of the server's children, but not its Redis, gets KILL; then one of the running jobs is
# cancelled.
shoot() {
    local victim
    victim=$(ps -o pid=,comm= --ppid "$SERVER" | awk '$2 != "redis-server" {print $1}' |
        shuf -n 1 --random-source=<(yes $RANDOM))
    [ -z "$victim" ] || kill -KILL "$victim" 2>/dev/null || true
    pinion job list --state active --limit 5 --json 2>/dev/null | jq -r '.items[].id' | tail -1 |
        xargs -r "$PINION_BINARY" job cancel >/dev/null 2>&1 || true
}

@test "whatever commands do, nothing of them is left" {
    echo "# $JOBS jobs, seed $SEED" >&3
    serve_ready server --listen none --concurrency 32 -c <(printf '%s\n' '[command "work"]' \
        "argv = $PWD/work" 'timeout = 300ms' 'grace = 200ms' 'attempts = 2' 'backoff = fixed:10ms')
    exits 0 enqueue work quick --wait
    BEFORE=$(descriptors)
    local sorts=(quick quick quick fail flood unread deaf victim brood group daemon twice brief)
    for _ in $(seq "$JOBS"); do
        echo "{\"kind\":\"work\",\"payload\":\"${sorts[RANDOM % ${#sorts[@]}]}\"}"
    done >jobs
    exits 0 enqueue --bulk jobs
    local deadline=$((SECONDS + 60 + JOBS / 10))
    until all_ended; do
        shoot
        [ $SECONDS -lt $deadline ] || { pinion queue list; return 1; }
    done
    eventually "no children" no_children || { children; return 1; }
    eventually "no grandchildren" no_sleepers || { pgrep -af "sleep $MARK"; return 1; }
    eventually "descriptors as before" as_before ||
        { echo "$BEFORE before"; ls -l "/proc/$SERVER/fd"; return 1; }
    [ "$(pinion queue show default --json | jq .totals.reaped)" -eq 0 ]
    local totals
    totals=$(pinion queue show default --json | jq -c .totals)
    echo "# $totals, killed in sessions of their own: $(grep -c event=stray_killed server.log)" >&3
    [ "$(jq '.done + .dead + .cancelled' <<<"$totals")" -eq $((JOBS + 1)) ]
    all_is_well
    stop "$SERVER"
}
