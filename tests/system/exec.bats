#!/usr/bin/env bats
# `pinion serve --exec`: jobs that say themselves what is to be run, and crontabs that make them.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

serve_ok() { # FLAGS...
    serve_ready server --listen 127.0.0.1:0 "$@"
}

gives() { # OUTPUT PAYLOAD
    exits 0 enqueue pinion.exec "$2" --wait
    [ "$output" = "$1" ] || { echo "$2 gave: $output"; return 1; }
}

# dies WORDS PAYLOAD: at its first attempt, whatever attempts it has.
dies() {
    exits 10 enqueue pinion.exec "$2" --attempts 5 --wait
    [[ "$stderr" == *"$1"* ]] || { echo "no '$1' in: $stderr"; return 1; }
    [ "$(pinion job list --state dead --json | jq '.items[0].attempt')" -eq 1 ]
    pinion job delete --all --state dead --yes >/dev/null
}

@test "it is off unless asked for" {
    serve_ok
    exits 12 enqueue pinion.exec '{"argv":["true"]}' --wait --wait-timeout 1s
    [[ "$stderr" == *"no server has a handler for kind 'pinion.exec'"* ]]
    stop "$SERVER"
}

@test "argv, stdin, env and folder are those of the payload" {
    mkdir -p bin place
    printf '#!/bin/sh\necho mine\n' >bin/only-here
    chmod +x bin/only-here
    serve_ok --exec
    gives 'two  $words' '{"argv":["echo","two  $words"]}'
    gives $'A\ntext' '{"argv":["sh","-c","echo $A; cat"],"env":{"A":"A"},"stdin":"text"}'
    gives '' '{"argv":["cat"]}'
    gives "$HOME" '{"argv":["pwd"]}'
    gives "$PWD/place" '{"argv":["pwd"],"folder":"'"$PWD/place"'"}'
    gives "$PWD/place" '{"argv":["pwd"],"env":{"HOME":"'"$PWD/place"'"}}'
    gives / '{"argv":["pwd"],"env":{"HOME":"/no/such"}}'
    gives mine '{"argv":["only-here"],"env":{"PATH":"'"$PWD/bin:$PATH"'"}}'
    gives mine '{"argv":["bin/only-here"],"folder":"'"$PWD"'"}'
    exits 0 enqueue pinion.exec '{"argv":["env"],"env":{"LANG":"C"}}' --id one --wait
    grep -qx 'PINION_JOB_ID=default:one' <<<"$output"
    [ "$(grep -c ^LANG= <<<"$output")" -eq 1 ]
    exits 10 enqueue pinion.exec '{"argv":["sh","-c","exit 65"]}' --wait
    stop "$SERVER"
}

@test "a payload that will not do is dead at once, and told why" {
    serve_ok --exec
    dies 'payload: expected {"argv":["PROGRAM", ...]}' ''
    dies 'payload: expected {"argv":["PROGRAM", ...]}' 'ls -l'
    dies 'payload: expected {"argv":["PROGRAM", ...]}' '["ls"]'
    dies 'payload: expected {"argv":["PROGRAM", ...]}' '{}'
    dies '"argv": expected an array of 1 to 1024 strings' '{"argv":"ls"}'
    dies '"argv": expected an array of 1 to 1024 strings' '{"argv":[]}'
    dies '"argv": expected an array' "$(jq -cn '{argv: [range(1025) | "x"]}')"
    dies '"argv"[1]: expected a string' '{"argv":["ls",1]}'
    dies '"argv"[0]: expected the name of a program' '{"argv":[""]}'
    dies 'payload: expected' '{"argv":["ls"],"argv":["rm"]}'
    dies 'payload: expected' '{"argv":["a\u0000b"]}'
    dies "unknown key 'shell'; expected argv, stdin, env or folder" '{"argv":["ls"],"shell":true}'
    dies '"stdin": expected a string' '{"argv":["ls"],"stdin":1}'
    dies '"env": expected an object' '{"argv":["ls"],"env":["A=B"]}'
    dies '"env": expected an object' \
        "$(jq -cn '{argv: ["ls"], env: [range(65) | {key: "V\(.)", value: ""}] | from_entries}')"
    dies "\"env\": expected a string for 'A'" '{"argv":["ls"],"env":{"A":1}}'
    dies 'expected NAME=VALUE' '{"argv":["ls"],"env":{"":"x"}}'
    dies 'does not begin with PINION_' '{"argv":["ls"],"env":{"PINION_KIND":"x"}}'
    dies '"folder": expected a path from / on' '{"argv":["ls"],"folder":"tmp"}'
    gives 64 "$(jq -cn '{argv: ["sh", "-c", "env | grep -c ^V"],
        env: [range(64) | {key: "V\(.)", value: ""}] | from_entries}')"
    exits 10 enqueue pinion.exec '{"argv":["no-such-program"]}' --attempts 1 --wait
    [[ "$stderr" == *"no program no-such-program in "* ]]
    stop "$SERVER"
}

@test "the section's user, limits and folder hold whatever a job says" {
    printf '%s\n' '[serve]' 'exec = yes' '[exec "pinion.exec"]' 'files = 40' 'env = A=section' \
        'folder = /usr' 'timeout = 300ms' '[exec "mine"]' 'files = 41' >pinion.ini
    serve_ok -c pinion.ini
    gives $'40\nsection\n/usr' '{"argv":["sh","-c","ulimit -n; echo $A; pwd"]}'
    gives $'40\njob' '{"argv":["sh","-c","ulimit -n; echo $A"],"env":{"A":"job"}}'
    exits 0 enqueue mine '{"argv":["sh","-c","ulimit -n"]}' --wait
    [ "$output" = 41 ]
    exits 10 enqueue pinion.exec '{"argv":["sleep","1000"]}' --attempts 1 --wait
    [[ "$stderr" == *"timed out after 300ms"* ]]
    stop "$SERVER"
    printf '%s\n' '[exec "pinion.exec"]' 'argv = ls' >bad.ini
    exits 2 serve --listen none -c bad.ini
    [[ "$stderr" == *"bad.ini:2: unknown key 'argv' in [exec]; expected concurrency, "* ]]
    printf '%s\n' '[exec "pinion.exec"]' 'folder = /no/such' >bad.ini
    exits 2 serve --listen none -c bad.ini
    [[ "$stderr" == *"exec pinion.exec: folder: expected one that is there"* ]]
}

@test "the lines of a crontab run as cron runs them" {
    mkdir home
    printf '%s\n' 'GREETING="good day"' "HOME=$PWD/home" \
        '0 0 1 1 * pwd >where; echo "$GREETING" >>where; cat >>where%one%two' >tab
    serve_ok --exec
    exits 0 schedule import tab
    local name
    name=$(pinion schedule list --json | jq -r '.items[0].name')
    exits 0 schedule run "$name"
    eventually "it has run" has_lines home/where 4
    [ "$(cat home/where)" = "$(printf '%s\n' "$PWD/home" 'good day' one two)" ]
    stop "$SERVER"
}
