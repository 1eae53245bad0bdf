#!/usr/bin/env bats
# Who is let in, and what is told of it: addresses, the unix socket, --require-token, the audit.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

start() {
    serve_ready api "$@"
    ADDRESS=$(jq -r .http "$PINION_STATE/pinion.json")
    URL=http://$ADDRESS
    TOKEN=$(cat "$PINION_STATE/token")
}

status_of() { # METHOD PATH [FLAGS...]
    local method=$1 path=$2
    shift 2
    curl -sS -o answer -w '%{http_code}' -X "$method" "$@" "$URL$path"
}

@test "an address beyond this machine is refused without TLS, unless one insists" {
    for address in 0.0.0.0:0 192.0.2.1:0 '[::]:0' '[2001:db8::1]:0'; do
        exits 2 serve --listen "$address"
        [[ $stderr = *"listen $address: tokens and jobs would be readable on the way"* ]]
        [[ $stderr = *'expected tls-cert and tls-key'* ]]
    done
    [ ! -e "$PINION_STATE/redis.sock" ]
    serve_ready api --listen 0.0.0.0:0 --insecure
    stop "$SERVER"
    for address in 127.0.0.1:0 127.8.7.6:0 '[::1]:0' "unix:$PWD/http.sock" none; do
        serve_ready api --listen "$address"
        stop "$SERVER"
    done
}

@test "at a unix socket the service's own user needs no token, but what a proxy passes on does" {
    start --listen "unix:$PWD/http.sock"
    URL=http://localhost
    uid=$(id -u)
    [ "$(status_of POST /v1/queues/mail/pause --unix-socket http.sock)" = 200 ]
    eventually "the audit" said api "event=audit who=\"uid $uid\" peer=\"uid $uid\" method=POST path=/v1/queues/mail/pause status=200 request="
    [ "$(status_of POST /v1/queues/mail/pause --unix-socket http.sock -H 'X-Forwarded-For: 192.0.2.1')" = 401 ]
    [ "$(status_of POST /v1/queues/mail/pause --unix-socket http.sock -H 'Authorization: Bearer x')" = 401 ]
    stop "$SERVER"
    [ "$uid" -eq 0 ] || return 0 # else nobody here can be another user
    folder=$(mktemp -d /tmp/pinion-test-XXXXXX)
    start --listen "unix:$folder/http.sock"
    chmod 755 "$folder" && chmod 777 "$folder/http.sock"
    code=$(cd / && setpriv --reuid 65534 --clear-groups curl -sS -o /dev/null -w '%{http_code}' \
        --unix-socket "$folder/http.sock" -X POST http://localhost/v1/queues/mail/pause) || true
    stop "$SERVER"
    rmdir "$folder"
    [ "$code" = 401 ]
}

@test "--require-token: nobody reads without one; a reload takes it back" {
    printf '[serve]\nrequire-token = yes\n' >pinion.ini
    start -c pinion.ini --listen 127.0.0.1:0
    [ "$(status_of GET /v1/queues)" = 401 ]
    [ "$(status_of GET /metrics)" = 401 ]
    [ "$(status_of GET /healthz)" = 200 ]
    [ "$(status_of GET /readyz)" = 200 ]
    [ "$(status_of GET /v1/queues -H "Authorization: Bearer $TOKEN")" = 200 ]
    : >pinion.ini
    kill -HUP "$SERVER"
    eventually "the reload" said api event=reloaded
    [ "$(status_of GET /v1/queues)" = 200 ]
}

@test "each change is a line of the audit; looks, queries, bodies and tokens are not in it" {
    start --listen 127.0.0.1:0
    shop=$(pinion token make shop --role enqueue)
    [ "$(status_of POST /v1/queues/mail/jobs -H "Authorization: Bearer $shop" \
        -H 'X-Request-Id: order-17' --json '{"kind":"a","payload":"innermost"}')" = 201 ]
    [ "$(status_of POST '/v1/queues/mail/drain?off=true' -H "Authorization: Bearer $TOKEN")" = 200 ]
    [ "$(status_of POST /v1/queues/mail/pause -H "Authorization: Bearer $shop")" = 403 ]
    [ "$(status_of POST /v1/queues/mail/pause)" = 401 ]
    [ "$(status_of GET /v1/queues)" = 200 ]
    [ "$(status_of DELETE "/v1/jobs/mail:$(printf 'x%.0s' {1..300})" -H "Authorization: Bearer $TOKEN")" = 400 ]
    eventually "the audit" said api 'event=audit.*method=DELETE'
    grep -o 'event=audit.*' api.log | sed 's/ request=[0-9a-f]\{8\}-[0-9]\{6\}$/ request=OURS/' >audit
    cat >expected <<END
event=audit who=shop peer=127.0.0.1 method=POST path=/v1/queues/mail/jobs status=201 request=order-17
event=audit who=owner peer=127.0.0.1 method=POST path=/v1/queues/mail/drain status=200 request=OURS
event=audit who=shop peer=127.0.0.1 method=POST path=/v1/queues/mail/pause status=403 request=OURS
event=audit who=loopback peer=127.0.0.1 method=POST path=/v1/queues/mail/pause status=401 request=OURS
event=audit who=owner peer=127.0.0.1 method=DELETE path=/v1/jobs/mail:$(printf 'x%.0s' {1..186})... status=400 request=OURS
END
    diff expected audit
    run ! grep -qE "$shop|$TOKEN|innermost|off=true" api.log
}

@test "refused strangers do not fill the log" {
    start --listen 127.0.0.1:0
    for i in $(seq 40); do echo "url=$URL/v1/queues/mail/pause"; echo 'output=/dev/null'; done >urls
    curl -sS -X POST -K urls
    lines=$(grep -c event=audit api.log)
    [ "$lines" -ge 10 ] && [ "$lines" -lt 35 ]
    told() {
        [ "$(status_of POST /v1/queues/mail/pause)" = 401 ] && said api 'event=audit.* untold=[0-9]'
    }
    eventually "the rest, as a number" told
}

@test "--audit admin leaves out jobs made and worked, none leaves out all" {
    start --listen 127.0.0.1:0 --audit admin
    auth="Authorization: Bearer $TOKEN"
    [ "$(status_of POST /v1/queues/mail/jobs -H "$auth" --json '{"kind":"a"}')" = 201 ]
    [ "$(status_of POST '/v1/queues/default/lease?kind=b' -H "$auth")" = 200 ]
    [ "$(status_of POST /v1/queues/mail/pause -H "$auth")" = 200 ]
    eventually "the audit" said api event=audit
    [ "$(grep -c event=audit api.log)" -eq 1 ]
    stop "$SERVER"
    start --listen 127.0.0.1:0 --audit none
    [ "$(status_of POST /v1/queues/mail/pause -H "$auth")" = 200 ]
    stop "$SERVER"
    run ! grep -q event=audit api.log
}
