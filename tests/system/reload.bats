#!/usr/bin/env bats
# SIGHUP: the configuration is read again, and no job notices.

load world.bash

RELOADS=20
LOAD=480 # jobs that run meanwhile; one page of a listing

setup() {
    world_begin
    FILE=$BATS_TEST_TMPDIR/pinion.ini
}

teardown() {
    world_end
}

# reloads NAME: the server of that name says once more that it did.
reloads() {
    local before
    before=$(grep -c event=reloaded "$1.log" || true)
    kill -HUP "$SERVER"
    eventually "reload $((before + 1))" said_times "$1" event=reloaded $((before + 1))
}

refuses() {
    local before
    before=$(grep -c event=reload_refused "$1.log" || true)
    kill -HUP "$SERVER"
    eventually "a refusal" said_times "$1" event=reload_refused $((before + 1))
}

said_times() { # NAME TEXT COUNT
    [ "$(grep -c -- "$2" "$1.log")" -ge "$3" ]
}

server() { # JQ
    pinion server list --json | jq -r ".items[0].$1"
}

server_is() { # JQ VALUE
    [ "$(server "$1")" = "$2" ]
}

write_work() { # VERSION
    printf '[command "work"]\nargv = sh -c "cat >/dev/null; echo v%s"\n' "$1" >"$FILE"
}

@test "the program of a kind is swapped again and again under load: no job is lost or fails" {
    write_work 0
    serve_ready one --listen none --concurrency 8 -c "$FILE"
    for n in $(seq $LOAD); do echo '{"kind":"work","retain_ms":3600000}'; done >load
    pinion enqueue --bulk load
    for n in $(seq $RELOADS); do
        write_work "$n"
        reloads one
        # Of the kind that has just changed, and more urgent than the load.
        [ "$(pinion enqueue work --priority 0 --wait)" = "v$n" ]
    done
    eventually "the load is done" queue_has done $((LOAD + RELOADS))
    [ "$(pinion queue show default --json | jq -c '.totals | [.failed, .dead, .reaped]')" = '[0,0,0]' ]
    [ "$(pinion job list --state done --limit 512 --json | jq -c '[.items[].attempt] | unique')" = '[1]' ]
    stop "$SERVER"
    ! said one outcome_refused
}

@test "kinds come and go, and what runs of one that went goes on to its end" {
    mkfifo go
    printf '[command "long"]\nargv = sh -c "cat %s/go; echo old"\n' "$PWD" >"$FILE"
    serve_ready one --listen none -c "$FILE"
    local long new
    long=$(pinion enqueue long --retain 1h)
    eventually "it runs" job_is "$long" active
    new=$(pinion enqueue new --retain 1h) # nobody runs it yet
    printf '[command "new"]\nargv = echo fresh\n' >"$FILE"
    reloads one
    eventually "the new kind runs" job_is "$new" done
    eventually "the list of handlers" server_is 'handlers | index("long")' null
    job_is "$long" active
    pinion enqueue long --id another # not run here any more
    : >go
    eventually "the old one ends" job_is "$long" done
    [ "$(pinion job result "$long")" = old ]
    job_is default:another ready
}

@test "one that was replaced counts: never more at once than the handler says" {
    mkfifo go
    printf '[command "one"]\nargv = sh -c "cat %s/go"\nconcurrency = 1\n' "$PWD" >"$FILE"
    serve_ready one --listen none -c "$FILE"
    pinion enqueue one --id first --retain 1h
    eventually "the first runs" job_is default:first active
    printf '[command "one"]\nargv = echo second\nconcurrency = 1\n' >"$FILE"
    reloads one
    pinion enqueue one --id second --retain 1h
    pinion enqueue pinion.noop --wait # it was told of both by then
    job_is default:second ready
    : >go
    eventually "the second runs after the first" job_is default:second done
    [ "$(pinion job result default:second)" = second ]
    job_is default:first done
}

@test "what cannot be read or made changes nothing, and the log says where it is wrong" {
    write_work 1
    serve_ready one --listen none -c "$FILE"
    printf '[command "work"]\nargv = echo bad\n\nwhat = 1\n' >"$FILE"
    refuses one
    said one "pinion.ini:4: unknown key 'what'"
    printf '[command "work"]\nargv = /no/such/program\n' >"$FILE"
    refuses one
    said one '/no/such/program'
    printf '[command "pinion.noop"]\nargv = true\n[command "work"]\nargv = echo bad\n' >"$FILE"
    refuses one
    said one "kind 'pinion.noop' has a handler already"
    rm "$FILE"
    refuses one
    [ "$(pinion enqueue work --wait)" = v1 ]
    write_work 2
    reloads one
    [ "$(pinion enqueue work --wait)" = v2 ]
}

@test "limits, schedules and settings come in; what needs a restart is named" {
    write_work 1
    serve_ready one --listen none -c "$FILE"
    {
        printf '[serve]\nconcurrency = 3\nlog-format = json\nmaxmemory = 64mb\nnamespace = other\n'
        printf '[queue "default"]\nconcurrency = 2\nmax-jobs = 77\n[queue "more"]\n'
        printf '[schedule "often"]\nevery = 1h\nkind = work\n'
        printf '[command "work"]\nargv = echo v2\n'
    } >"$FILE"
    kill -HUP "$SERVER"
    eventually "the reload" said one '"event":"reloaded"'
    said one '"keys":"maxmemory, namespace, queue"'
    [ "$(pinion enqueue work --wait)" = v2 ]
    eventually "the schedule" exits 0 schedule show often
    eventually "the setting" server_is concurrency 3
    eventually "the limit" limited 2 77
}

limited() { # CONCURRENCY MAX_JOBS
    [ "$(pinion queue show default --json | jq -c '[.limits.queue.concurrency, .bounds.max_jobs]')" = "[$1,$2]" ]
}

@test "flags beat the file again" {
    printf '[command "work"]\nargv = echo file\n' >"$FILE"
    serve_ready one --listen none -c "$FILE" --command work='echo flag'
    printf '[command "work"]\nargv = echo other\n[command "more"]\nargv = echo more\n' >"$FILE"
    reloads one
    [ "$(pinion enqueue more --wait)" = more ]
    [ "$(pinion enqueue work --wait)" = flag ]
}
