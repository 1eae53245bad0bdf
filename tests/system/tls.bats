#!/usr/bin/env bats
# HTTPS as ordinary clients meet it: curl and openssl.

load world.bash

setup() {
    world_begin
    certificate one
}

teardown() {
    world_end
}

# certificate NAME: NAME.cert and NAME.key, for localhost.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj "/CN=$1" -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -keyout "$1.key" -out "$1.cert" 2>/dev/null
}

serve_tls() {
    cp one.cert cert.pem
    cp one.key key.pem
    serve_ready tls --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key key.pem
    URL=$(jq -r .http "$PINION_STATE/pinion.json")
}

get() { # NAME PATH: with the certificate of that name alone
    curl -sS --cacert "$1.cert" "$URL$2"
}

shown() { # the name in the certificate that a new connection sees
    openssl s_client -connect "${URL#https://}" </dev/null 2>/dev/null |
        sed -n 's/^subject=CN = //p'
}

shows() {
    [ "$(shown)" = "$1" ]
}

refuses() {
    kill -HUP "$SERVER"
    eventually "a refusal" said tls "event=reload_refused .*$1"
}

@test "all is said inside TLS, and the address tells it" {
    serve_tls
    [[ $URL == https://127.0.0.1:* ]]
    said tls "event=ready http=$URL"
    [ "$(get one /healthz)" = ok ]
    [ "$(get one /v1/queues/default/jobs | jq -c .items)" = "[]" ]
    [ "$(pinion server list --json | jq -r '.items[0].http')" = "$URL" ]
    # A stranger's certificate, and HTTP in the clear.
    certificate two
    run get two /healthz
    [ "$status" -ne 0 ]
    run curl -sS -w '%{http_code}' "http://${URL#https://}/healthz"
    [[ $output == *"use https://"*400 ]]
    stop "$SERVER"
}

@test "bodies of megabytes pass both ways" {
    serve_tls
    head -c 700000 /dev/urandom | base64 -w 0 >large
    jq -c --rawfile p large '{kind:"x",payload:$p,id:"large"}' -n >job.json
    curl -sS --cacert one.cert -H "Authorization: Bearer $(cat "$PINION_STATE/token")" \
        -H 'Content-Type: application/json' -d @job.json "$URL/v1/queues/q/jobs" | jq -e .id
    curl -sS --cacert one.cert -H "Authorization: Bearer $(cat "$PINION_STATE/token")" \
        "$URL/v1/jobs/q:large" | jq -j .payload | cmp - large
    stop "$SERVER"
}

@test "a renewed certificate comes with SIGHUP, a bad one does not" {
    serve_tls
    shows one
    # One connection that is open all the while.
    mkfifo requests
    openssl s_client -quiet -verify_quiet -connect "${URL#https://}" <requests >answers 2>/dev/null &
    echo $! >>"$CHILDREN"
    exec 9>requests
    ask() { printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n' >&9; }
    answers() { [ "$(grep -c 'HTTP/1.1 200' answers)" -eq "$1" ]; }
    ask
    eventually "the first answer" answers 1

    certificate two
    cp two.cert cert.pem
    refuses "key values mismatch"
    shows one
    rm cert.pem
    refuses "No such file"
    shows one
    cp two.cert cert.pem
    cp two.key key.pem
    kill -HUP "$SERVER"
    eventually "the new certificate" shows two
    ask
    eventually "another answer on the old connection" answers 2
    exec 9>&-
    stop "$SERVER"
}

@test "a pair that does not fit stops the start" {
    certificate two
    exits 2 serve --listen 127.0.0.1:0 --tls-cert one.cert --tls-key two.key
    [[ $stderr == *"two.key: expected the unencrypted private key of tls-cert"*mismatch* ]]
    exits 2 serve --listen 127.0.0.1:0 --tls-cert nowhere --tls-key one.key
    [[ $stderr == *"tls-cert nowhere: No such file"* ]]
    exits 2 serve --listen 127.0.0.1:0 --tls-cert one.cert
    [[ $stderr == *"expected tls-key with it"* ]]
    openssl ec -aes128 -passout pass:x -in one.key -out locked.key 2>/dev/null
    exits 2 serve --listen 127.0.0.1:0 --tls-cert one.cert --tls-key locked.key
    [[ $stderr == *"unencrypted"* ]]
}

@test "turning TLS off needs a restart" {
    cp one.cert cert.pem
    cp one.key key.pem
    printf '[serve]\nlisten = 127.0.0.1:0\ntls-cert = cert.pem\ntls-key = key.pem\n' >p.ini
    serve_ready tls -c p.ini
    URL=$(jq -r .http "$PINION_STATE/pinion.json")
    printf '[serve]\nlisten = 127.0.0.1:0\n' >p.ini
    kill -HUP "$SERVER"
    eventually "its word" said tls "event=restart_needed keys=.*tls-cert, tls-key"
    [ "$(get one /healthz)" = ok ]
    stop "$SERVER"
}
