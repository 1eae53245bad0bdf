#!/usr/bin/env bats
# What carries dead jobs, on the real binary: named by flag and by file, told to a program.

load world

setup() {
    world_begin
}

teardown() {
    world_end
}

has_note() { # ID: this one was carried
    [ -e notes ] && jq -r .id notes | grep -qx "$1"
}

start() { # NAME FLAGS...
    serve_ready "$@" --listen none --command "report=tee -a $BATS_TEST_TMPDIR/notes" \
        --command 'bad=sh -c "cat >&2; exit 65"'
}

@test "a job that dies is carried by one job, and what carries it by none" {
    start a --on-dead report
    pinion enqueue bad 'no café' --id one
    eventually "it was told" has_note default:one
    [ "$(jq -c '[.id, .queue, .kind, .payload, .attempts]' notes)" = \
        '["default:one","default","bad","no café",1]' ]
    [[ "$(jq -r .error notes)" == *"no café"* ]]
    [ "$(jq -r .died_at notes)" = "$(job default:one finished_at)" ]
    eventually "nothing is left to do" queue_has active 0
    queue_has ready 0
    stop "$SERVER"

    start a --on-dead bad # it is named anew, and dies itself
    pinion enqueue bad x --id two
    eventually "both are dead" queue_has dead 3
    eventually "nothing is left to do" queue_has active 0
    queue_has ready 0
    all_is_well
    stop "$SERVER"
}

@test "a queue, and a kind before it, have names of their own; an empty one takes it back" {
    printf '%s\n' '[serve]' 'on-dead = report' '[queue "default"]' \
        '[queue "mail"]' 'on-dead = mailed' '[command "mailed"]' \
        "argv = tee -a $BATS_TEST_TMPDIR/mailed" '[command "bad.*"]' 'argv = sh -c "exit 65"' \
        'on-dead = sorted' '[command "sorted"]' "argv = tee -a $BATS_TEST_TMPDIR/sorted" >conf
    start a -c conf
    pinion enqueue bad 1 --id a
    pinion enqueue bad 2 --id b -q mail
    pinion enqueue bad.very 3 --id c -q mail
    eventually "all were carried" test -s notes -a -s mailed -a -s sorted
    [ "$(jq -r .id notes)$(jq -r .id mailed)$(jq -r .id sorted)" = default:amail:bmail:c ]
    stop "$SERVER"

    start a # says nothing of it: what was named stays
    pinion enqueue bad 4 --id d
    eventually "it was carried" has_note default:d
    stop "$SERVER"

    start a --on-dead ''
    pinion enqueue bad 5 --id e
    eventually "it is dead" job_is default:e dead
    queue_has ready 0
    queue_has active 0
    [ "$(queue_count dead)" -eq 3 ]
    stop "$SERVER"
}

@test "a kind that cannot be one is refused" {
    exits 2 serve --on-dead 'no good'
    [[ "$stderr" == *"on-dead: expected a kind"* ]]
    printf '[queue "x"]\non-dead = a*\n' >conf
    exits 2 serve -c conf
    [[ "$stderr" == *"conf:2: on-dead: expected a kind"* ]]
}

@test "what is named for kinds is shown, too, by command and over HTTP" {
    printf '[command "bad.*"]\nargv = false\non-dead = other\n' >pinion.ini
    serve_ready a -c pinion.ini --listen 127.0.0.1:0 --on-dead report
    local expected='{"kinds":{"bad.*":"other"},"queue":"report"}'
    [ "$(pinion queue show default --json | jq -cS .on_dead)" = "$expected" ]
    [ "$(curl -sS "http://$(jq -r .http "$PINION_STATE/pinion.json")/v1/queues/default" |
        jq -cS .on_dead)" = "$expected" ]
    pinion queue show default | grep -q '^on dead  *other, for bad\.\*$'
    stop "$SERVER"
    printf '[command "bad.*"]\nargv = false\non-dead =\n' >pinion.ini
    serve_ready a -c pinion.ini --listen none --on-dead ''
    [ "$(pinion queue show default --json | jq -c .on_dead)" = '{}' ]
}
