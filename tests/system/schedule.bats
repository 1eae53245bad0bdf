#!/usr/bin/env bats
# Schedules on the real binary: made, seen, steered, imported, and kept in the config file.

load world.bash

setup() {
    world_begin
    cat >pinion.ini <<'INI'
[serve]
listen = 127.0.0.1:0
[command "wc"]
argv = wc -w
INI
    serve_ready server -c pinion.ini
}

teardown() {
    world_end
}

schedule() { # NAME FIELD
    pinion schedule show "$1" --json | jq -r ".$2"
}

schedule_is() { # NAME FIELD VALUE
    [ "$(schedule "$1" "$2")" = "$3" ]
}

has_schedules() { # COUNT
    [ "$(pinion schedule list --json | jq '.items | length')" -eq "$1" ]
}

fired() { # NAME TIMES, at least
    [ "$(schedule "$1" fires)" -ge "$2" ]
}

# refuses STATUS WORDS ARGUMENTS...: nothing on stdout, these words on stderr.
refuses() {
    local status=$1 words=$2
    shift 2
    exits "$status" "$@"
    [ -z "$output" ] || { echo "printed: $output"; return 1; }
    [[ "$stderr" == *"$words"* ]] || { echo "no '$words' in: $stderr"; return 1; }
}

@test "added, again, otherwise, replaced" {
    exits 0 schedule add nightly --cron '30 2 * * *' --tz Europe/Berlin wc 'one two'
    [[ "$output" == "nightly: added; next fire at "* ]]
    exits 0 schedule add nightly --cron '30 2 * * *' --tz Europe/Berlin wc 'one two'
    [[ "$output" == "nightly: unchanged; "* ]]
    [ "$(schedule nightly revision)" -eq 1 ]
    refuses 4 "expected --replace" schedule add nightly --cron '30 3 * * *' wc
    [ "$(schedule nightly cron)" = '30 2 * * *' ]
    exits 0 schedule add nightly --cron '30 3 * * *' --replace wc
    [[ "$output" == "nightly: replaced; "* ]]
    [ "$(schedule nightly cron)" = '30 3 * * *' ]
    refuses 4 "belongs to queue default" schedule add nightly --every 1h wc -q mail --replace
    exits 0 schedule list
    [[ "${lines[1]}" == nightly*"30 3 * * * UTC"*active* ]]
}

@test "each option is kept, and shown" {
    printf 'from stdin' | pinion schedule add all --every 1h --phase 5m wc - -q mail --priority 1 \
        --attempts 3 --backoff fixed:10s --timeout 1m --expires 2m --retain 3m --lease 30s \
        --overlap queue --catch-up all --within 2h --jitter 1s --start 2026-01-01T00:00:00Z \
        --end 2190-01-01T00:00:00Z --limit 9
    [ "$(pinion schedule show all --json | jq -c '[.every_ms,.phase_ms,.queue,.priority,
        .attempts_max,.backoff,.timeout_ms,.expires_ms,.retain_ms,.lease_ms,.overlap,.catch_up,
        .within_ms,.jitter_ms,.start,.end,.limit,.payload]')" = \
        '[3600000,300000,"mail",1,3,"fixed:10s",60000,120000,180000,30000,"queue","all",7200000,1000,"2026-01-01T00:00:00.000Z","2190-01-01T00:00:00.000Z",9,"from stdin"]' ]
    # Pause and resume change nothing else.
    local before
    before=$(pinion schedule show all --json | jq -S 'del(.revision, .next_fire)')
    exits 0 schedule pause all
    exits 0 schedule resume all
    [ "$(pinion schedule show all --json | jq -S 'del(.revision, .next_fire)')" = "$before" ]
}

@test "it fires, is paused, resumed, and run by hand" {
    exits 0 schedule add beat --every 100ms --overlap allow wc 'one two' --retain 1m
    eventually "three fires" fired beat 3
    exits 0 schedule pause beat
    exits 0 schedule pause beat
    [ "$output" = "beat: paused already" ]
    exits 0 schedule run beat
    eventually "the job's end" job_is "$output" done
    [ "$(job "$output" schedule)" = beat ]
    exits 0 schedule show beat
    [[ "$output" == *paused*run* ]]
    local fires
    fires=$(schedule beat fires)
    exits 0 schedule resume beat
    eventually "another fire" fired beat $((fires + 1))
}

@test "next, in its zone, with nights on which clocks change" {
    exits 0 schedule add gap --cron '30 2 * 3 *' --tz America/New_York wc
    [ "$(pinion schedule next gap --count 31 --json | jq '.items | length')" -eq 31 ]
    [ "$(pinion schedule next gap --count 31 --json | jq -c '[.items[].note] | unique')" = \
        '[null,"gap"]' ]
    exits 0 schedule next gap --count 31
    [[ "$output" == *America/New_York*"the clocks jump over its time"* ]]
    refuses 3 "schedule nope: not found" schedule next nope
}

@test "backfill: seen first, then made, once for each time" {
    exits 0 schedule add old --cron '0 3 * * *' wc x --retain 1h
    local range=(--from 2026-01-01T00:00:00Z --to 2026-01-04T03:00:00Z)
    exits 0 schedule backfill old "${range[@]}" --dry-run --json
    [ "$(jq -c '[.items[] | [.fire_time, .id]] | length, .[0]' <<<"$output" | tr '\n' ' ')" = \
        '3 ["2026-01-01T03:00:00.000Z",null] ' ] # the end counts no more
    refuses 2 "Make 3 jobs: expected --yes" schedule backfill old "${range[@]}" </dev/null
    exits 0 schedule backfill old "${range[@]}" --yes --json
    local id
    id=$(jq -r '.items[0].id' <<<"$output")
    eventually "the end of $id" job_is "$id" done
    [ "$(job "$id" fire_time)" = 2026-01-01T03:00:00.000Z ]
    refuses 2 "has passed" schedule backfill old --from 2026-01-01T00:00:00Z \
        --to 2190-01-01T00:00:00Z --yes
    refuses 2 "after --from" schedule backfill old --from 2026-01-02T00:00:00Z \
        --to 2026-01-01T00:00:00Z --yes
    refuses 2 "at most 1000" schedule backfill old --from 2000-01-01T00:00:00Z \
        --to 2026-01-01T00:00:00Z --yes
}

@test "remove asks, and leaves nothing" {
    exits 0 schedule add a --every 1h wc
    exits 0 schedule add b --every 1h wc -q mail
    refuses 2 "Remove 2 schedules: expected --yes" schedule remove a b
    exits 3 schedule remove a nope b --yes
    [ "$output" = $'a: removed\nb: removed' ]
    [[ "$stderr" == *"schedule nope: not found"* ]]
    [ "$(pinion schedule list --json)" = '{"items":[],"next":null}' ]
    exits 0 schedule add b --every 1h wc # its name is free for another queue
}

@test "bad input is refused, and says what was expected" {
    refuses 2 "did you mean Europe/Berlin?" schedule add x --cron @daily --tz Europe/Berln wc
    refuses 2 "--every: duration \"-5s\"" schedule add x --every -5s wc
    refuses 2 "from 10ms" schedule add x --every 9ms wc
    refuses 2 "--end: expected a time after --start" schedule add x --every 1h \
        --start 2026-11-23T10:00:00Z --end 2026-11-22T10:00:00Z wc
    refuses 2 "expected a name of 1 to 64" schedule add a/b --every 1h wc
    refuses 2 "expected a name of 1 to 64" schedule add "$(printf '%010000d' 0)" --every 1h wc
    refuses 2 "--cron, --every and --at: expected one" schedule add x wc
    refuses 2 "--cron, --every and --at: expected one" schedule add x --every 1h --cron @daily wc
    refuses 2 "column 5" schedule add x --cron '0 0 32 * *' wc
    refuses 2 "overlap allow or queue" schedule add x --every 1h --catch-up all wc
    refuses 2 "kind 'a b'" schedule add x --every 1h 'a b'
    refuses 2 "expected a NAME" schedule add x
    refuses 3 "schedule x: not found" schedule show x
    refuses 2 "expected a name of 1 to 64" schedule pause a/b
    [ "$(pinion schedule list --json)" = '{"items":[],"next":null}' ]
}

@test "a crontab: nothing is dropped silently, nothing is made by halves" {
    printf '%s\n' '# mine' 'MAILTO=me' 'PATH=/opt/bin:/bin' '0 3 * * * backup --all' \
        '61 * * * * bad' '*/5 * * * * tick % hello' '@fortnightly x' >tab
    exits 2 schedule import tab
    [[ "$stderr" == *"tab:5: cannot be taken: "*"column 1"* ]]
    [[ "$stderr" == *"tab:7: cannot be taken: "* && "$stderr" == *"tab:2: "*"--on-dead"* ]]
    [[ "$stderr" == *"2 lines cannot be taken, so nothing was made"* ]]
    [ "$(pinion schedule list --json)" = '{"items":[],"next":null}' ]
    exits 0 schedule import tab --partial --dry-run
    [ "$(pinion schedule list --json)" = '{"items":[],"next":null}' ]
    exits 0 schedule import tab --partial --prefix my- -q cron --tz Europe/Berlin
    [[ "$stderr" == *"tab:5: "* ]]
    [ "$(pinion schedule list --json | jq -c '[.items[] | [.queue,.kind,.tz]] | unique')" = \
        '[["cron","pinion.exec","Europe/Berlin"]]' ]
    [ "$(pinion schedule list --json | jq -r '.items[] | select(.name | startswith("my-backup-")) |
        .payload' | jq -c .)" = \
        '{"argv":["/bin/sh","-c","backup --all"],"env":{"PATH":"/opt/bin:/bin"}}' ]
    exits 0 schedule import tab --partial --prefix my- -q cron --tz Europe/Berlin --json
    [ "$(jq -c '[.items[].result] | unique' <<<"$output")" = '["unchanged"]' ]
    exits 4 schedule import tab --partial --prefix my- -q cron --tz UTC
    [[ "$stderr" == *"expected --replace"* ]]
    refuses 3 "none: No such file" schedule import none
    printf '0 0 * * * root tidy\n' | pinion schedule import - --system
}

@test "the config file's schedules: put once, the same after each start" {
    stop "$SERVER"
    cat >>pinion.ini <<'INI'
[schedule "nightly"]
cron = 30 2 * * MON-FRI
tz = Europe/Berlin
kind = wc
payload = one two
[schedule "beat"]
every = 1h
kind = wc
INI
    serve_ready first -c pinion.ini
    eventually "both are there" has_schedules 2
    local revisions
    revisions=$(pinion schedule list --json | jq -c '[.items[] | [.name,.revision]]')
    stop "$SERVER"
    serve_ready second -c pinion.ini
    pinion schedule pause beat
    stop "$SERVER"
    serve_ready third -c pinion.ini
    [ "$(schedule nightly revision)" -eq "$(jq '.[1][1]' <<<"$revisions")" ]
    [ "$(schedule beat paused)" = true ] # a person said so
    ! said second event=schedule || return 1
    ! said third event=schedule || return 1
    # One that belongs to another queue is told, and the others go on.
    pinion schedule remove nightly --yes
    pinion schedule add nightly --every 1h wc -q mail
    stop "$SERVER"
    sed -i 's/^every = 1h/every = 2h/' pinion.ini
    serve_ready fourth -c pinion.ini
    eventually "it says so" said fourth 'belongs to queue mail'
    eventually "the other one" schedule_is beat every_ms 7200000
    stop "$SERVER"
}

bad_schedule() { # WORDS LINE...
    local words=$1
    shift
    { printf '[schedule "x"]\nkind = wc\n'; printf '%s\n' "$@"; } >bad.ini
    refuses 2 "$words" serve -c bad.ini
}

@test "a config file with a bad schedule stops the start, with the reason" {
    stop "$SERVER"
    bad_schedule 'did you mean Europe/Berlin?' 'cron = @daily' 'tz = Europe/Berln'
    bad_schedule "bad.ini:3: unknown key 'colour' in [schedule]" 'colour = red'
    bad_schedule 'bad.ini:3: every: duration "-1s": expected' 'every = -1s'
    bad_schedule 'bad.ini:3: at: expected a time with its date' 'at = 10:00'
    bad_schedule 'schedule x: cron, every and at: expected one of them' 'tz = UTC'
    printf '[schedule "a/b"]\nkind = wc\nevery = 1h\n' >bad.ini
    refuses 2 "bad.ini:1: schedule 'a/b'" serve -c bad.ini
}
