#!/usr/bin/env bats
# Jobs that wait for others, on the real binary: chains, fan-in, other queues, and kill -9.

load world

setup() {
    world_begin
}

teardown() {
    world_end
}

start() { # NAME FLAGS...: with a program that writes its payload down
    serve_ready "$@" --listen none --command "note=tee -a $BATS_TEST_TMPDIR/notes" \
        --command 'bad=false'
}

notes_are() {
    [ "$(tr '\n' ' ' <notes)" = "$1" ]
}

note() { # TEXT FLAGS...
    local text=$1
    shift
    printf '%s\n' "$text" | pinion enqueue note - "$@"
}

@test "a chain, a fan-in and a bulk file run in their order" {
    start a
    pinion queue pause default
    note one --id one
    note two --after one --id two
    note three --after default:two --after one --wait-timeout 20s --wait &
    eventually "three jobs" queue_has waiting 2
    [ "$(job default:two 'after[0].id')" = default:one ]
    [ "$(job default:one children_waiting)" -eq 2 ]
    exits 12 enqueue note x --after two --id x --wait --wait-timeout 100ms
    [[ "$stderr" == *"it waits for 1 job to end: default:two"* ]]
    pinion job list --state waiting | grep -q default:two
    pinion queue resume default
    wait $!
    eventually "the job that was not waited for" job_is default:x done
    # Three and x both follow two, together.
    notes_are "one two three x" || notes_are "one two xthree "

    printf '%s\n' '{"kind":"note","id":"a","payload":"a\n"}' \
        '{"kind":"note","id":"b","payload":"b\n","after":["a"]}' \
        '{"kind":"note","id":"c","payload":"c\n","after":["b","default:a"]}' >jobs
    : >notes
    exits 0 enqueue --bulk jobs
    eventually "three notes" has_lines notes 3
    notes_are "a b c "
}

# The program asks as anybody would: what the service gives it is its id.
@test "who waits reads the results of its parents" {
    cat >sum <<END
#!/bin/sh
"$PINION_BINARY" job show "\$PINION_JOB_ID" --json --state "$PINION_STATE" | jq -r '.after[].id' |
    while read -r parent; do "$PINION_BINARY" job result "\$parent" --state "$PINION_STATE"; done
END
    chmod +x sum
    serve_ready a --listen none --command 'part=cat' --command "sum=$BATS_TEST_TMPDIR/sum"
    printf 'one\n' | pinion enqueue part - --id p1 --retain 1h
    printf 'two\n' | pinion enqueue part - --id p2 --retain 1h
    exits 0 enqueue sum --after p1 --after p2 --wait --wait-timeout 20s
    [ "$(tr -s '\n' ' ' <<<"$output")" = "one two " ]
    printf 'gone\n' | pinion enqueue part - --id p4
    exits 0 enqueue sum --after p4 --wait --wait-timeout 20s
    [ -z "$output" ]
}

@test "what fails cancels what waits for it, and says why" {
    start a
    pinion queue pause default
    pinion enqueue bad --id bad --attempts 1
    pinion enqueue note x --id b --after bad
    pinion enqueue note x --id c --after b
    note last --id d --after bad --after-any-outcome
    pinion queue resume default
    eventually "the cascade" job_is default:c cancelled
    [ "$(job default:b reason)" = parent_dead ]
    [ "$(job default:c reason)" = parent_cancelled ]
    eventually "who waits for any end" has_lines notes 1
    notes_are "last "
    exits 11 enqueue note x --after b --wait
}

# The parent's queue may be in another part of Redis, so nobody looks when the child is made.
@test "a parent in another queue that is not there is named" {
    start a
    note lone --id e --after elsewhere:nobody
    eventually "the child hears of it" job_is default:e cancelled
    [ "$(job default:e reason)" = parent_not_found ]
    exits 0 job explain default:e
    [[ $output == *"for it was to wait for elsewhere:nobody, which was not there"* ]]
    [ "$(pinion job explain default:e --json | jq -r '.reason, .parent' | tr '\n' ' ')" = \
        "parent_not_found elsewhere:nobody " ]
}

@test "bad input is refused and makes nothing" {
    start a
    exits 3 enqueue wc --after nobody
    [[ "$stderr" == *"after 'default:nobody': no such job"* ]]
    exits 2 enqueue wc --after 'a b'
    [[ "$stderr" == *"expected the id of a job"* ]]
    exits 2 enqueue wc --id a --after a
    [[ "$stderr" == *"cannot wait for itself"* ]]
    exits 2 enqueue wc --after-any-outcome
    printf '{"kind":"wc","after":["late"]}\n{"kind":"wc","id":"late"}\n' >jobs
    exits 3 enqueue --bulk jobs
    exits 2 schedule add s --every 1h wc --after a
    [ "$(pinion job list --json | jq '.items | length')" -eq 1 ]
}

@test "parents in another queue, while servers are killed" {
    local i parents=()
    external_redis
    export PINION_REDIS_URL=$REDIS_URL
    start a -q left -q right
    for i in $(seq 30); do
        note "p$i" -q left --id "p$i"
        note "c$i" -q right --id "c$i" --after "left:p$i" --retain 1h
        parents+=(--after "right:c$i")
        [ $((i % 10)) -ne 0 ] || {
            kill -KILL "$SERVER"
            start "b$i" -q left -q right --state "state$i"
        }
    done
    note sum -q left --id sum "${parents[@]}" --retain 1h
    eventually "the sum" job_is left:sum done
    [ "$(grep -c '^c' notes)" -ge 30 ]
    for i in $(seq 30); do
        [ "$(grep -n "^p$i\$" notes | head -1 | cut -d: -f1)" -lt \
            "$(grep -n "^c$i\$" notes | head -1 | cut -d: -f1)" ]
    done
    [ "$(tail -1 notes)" = sum ]
}
