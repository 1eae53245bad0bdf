#!/usr/bin/env bats
# The limits of HTTP that an operator may set, at a start and by a reload.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

answers() { # STATUS
    [ "$(curl -s -o /dev/null -w '%{http_code}' "$URL/healthz")" = "$1" ]
}

@test "connections: at the limit, one past it, and after a reload" {
    printf '[serve]\nlisten = 127.0.0.1:0\nhttp-connections = 2\n' >p.ini
    serve_ready api -c p.ini
    ADDRESS=$(jq -r .http "$PINION_STATE/pinion.json")
    URL=http://$ADDRESS
    exec 8<>"/dev/tcp/${ADDRESS/://}"
    answers 200
    exec 9<>"/dev/tcp/${ADDRESS/://}"
    eventually "its refusal" answers 503
    sed -i 's/= 2/= 3/' p.ini
    kill -HUP "$SERVER"
    eventually "room for one more" answers 200
    echo 'http-peer-connections = 2' >>p.ini
    kill -HUP "$SERVER"
    eventually "the refusal of our address" answers 503
    exec 9>&-
    eventually "room again" answers 200
    exec 8>&-
    stop "$SERVER"
}

@test "an idle connection ends when it is told, and no sooner" {
    serve_ready api --listen 127.0.0.1:0 --http-idle 1s
    ADDRESS=$(jq -r .http "$PINION_STATE/pinion.json")
    exec 9<>"/dev/tcp/${ADDRESS/://}"
    printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n' >&9
    before=${EPOCHREALTIME/./}
    cat <&9 >answer # until the server closes
    [ $((${EPOCHREALTIME/./} - before)) -ge 990000 ]
    grep -q 'HTTP/1.1 200' answer
    stop "$SERVER"
}

@test "more connections than descriptors is warned about" {
    ulimit -n 500
    serve_ready api --listen 127.0.0.1:0 --http-connections 100000
    said api "event=few_descriptors limit=500 http_connections=100000"
    stop "$SERVER"
}
