#!/usr/bin/env bats
# Tokens: made, used, revoked, with a service that runs and without one; what is damaged.

load world.bash

setup() {
    world_begin
    umask 022
}

teardown() {
    world_end
}

start() {
    serve_ready api --listen 127.0.0.1:0 "$@"
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
}

# status_of TOKEN METHOD PATH [FLAGS...]
status_of() {
    local token=$1 method=$2 path=$3
    shift 3
    curl -sS -o answer -w '%{http_code}' -X "$method" -H "Authorization: Bearer $token" "$@" "$URL$path"
}

answers() { # STATUS TOKEN METHOD PATH...
    local expected=$1
    shift
    [ "$(status_of "$@")" = "$expected" ]
}

unknown() { # TOKEN: it is none; after some such, less politely
    [[ $(status_of "$1" GET /v1/queues/mail.eu) = 4[02][19] ]]
}

@test "a token is printed once, kept hashed, and good at once, until it is revoked" {
    start
    ci=$(pinion token make ci --role enqueue --queue mail.)
    [[ $ci =~ ^pinion_[0-9a-f]{64}$ ]]
    [ "$(stat -c %a "$PINION_STATE/tokens")" = 600 ]
    run ! grep -rq "$ci" "$PINION_STATE"
    grep -q "^ci enqueue mail\.\* .* never $(printf %s "$ci" | sha256sum | cut -d' ' -f1)$" \
        "$PINION_STATE/tokens"
    eventually "the token is known" answers 201 "$ci" POST /v1/queues/mail.eu/jobs --json '{"kind":"a"}'
    answers 403 "$ci" POST /v1/queues/other/jobs --json '{"kind":"a"}'
    grep -q 'for queues whose names begin with mail\.' answer
    answers 403 "$ci" POST /v1/queues/mail.eu/pause
    grep -q 'expected admin' answer
    [ "$(pinion token revoke ci)" = 'revoked ci' ]
    eventually "the token is not known any more" unknown "$ci"
    exits 3 token revoke ci
    [ "$stderr" = 'pinion: token ci: not found; pinion token list has them' ]
    run ! grep -q "$ci" api.log
}

@test "tokens made before the first start, listed, for people and programs" {
    pinion token make boss --role admin --expires 30d >/dev/null
    pinion token make worker --role work,enqueue --queue mail. --json >made
    [ "$(jq -c '[.name, .roles, .queues, .expires_at]' made)" = \
        '["worker",["enqueue","work"],"mail.",null]' ]
    [ "$(stat -c %a "$PINION_STATE")" = 700 ]
    pinion token list | sed -n 2,3p >listed
    grep -qE '^boss +admin +\* ' listed
    grep -qE '^worker +enqueue,work +mail\.\* .* never$' listed
    [ "$(pinion token list --json | jq -c '[.items[].name]')" = '["boss","worker"]' ]
    [ "$(pinion token list --json | jq '[.items[] | has("token")] | any')" = false ]
    start
    answers 200 "$(jq -r .token made)" GET /v1/queues
}

@test "the list comes in pages, by name, whatever is revoked between two of them" {
    for name in d b e a c; do pinion token make "$name" --role read >/dev/null; done
    page() { pinion token list --json "$@" | jq -c '[[.items[].name], .next]'; }
    [ "$(page)" = '[["a","b","c","d","e"],null]' ]
    [ "$(page --limit 5)" = '[["a","b","c","d","e"],null]' ]
    [ "$(page --limit 4)" = '[["a","b","c","d"],"d"]' ]
    [ "$(page --limit 2)" = '[["a","b"],"b"]' ]
    pinion token revoke b >/dev/null
    [ "$(page --limit 2 --after b)" = '[["c","d"],"d"]' ]
    [ "$(page --limit 2 --after d)" = '[["e"],null]' ]
    [ "$(page --after e)" = '[[],null]' ]
    pinion token list --limit 1 >listed 2>told
    [ "$(wc -l <listed)" -eq 2 ]
    [ "$(cat told)" = "pinion: there may be more: --after 'a'" ]
    exits 2 token list --limit 0
}

@test "what is not a token is refused, and makes nothing" {
    exits 2 token make
    exits 2 token make ci
    [[ $stderr = *'expected --role with read, enqueue, work or admin'* ]]
    exits 2 token make ci --role root
    [[ $stderr = *"role 'root': expected read, enqueue, work or admin"* ]]
    exits 2 token make 'c i' --role read
    exits 2 token make ci --role read --queue 'mail*'
    exits 2 token make ci --role read --expires 999ms
    [ ! -e "$PINION_STATE/tokens" ]
    pinion token make ci --role read >/dev/null
    exits 4 token make ci --role admin
    [[ $stderr = *'there is a token ci already'* ]]
    [ "$(pinion token list --json | jq -c '[.items[].roles[]]')" = '["read"]' ]
}

@test "a damaged file stops the start; a running service keeps what it knew, and says so" {
    ci=$(pinion token make ci --role read)
    cp -p "$PINION_STATE/tokens" good
    head -c -10 good >"$PINION_STATE/tokens"
    exits 2 serve --listen 127.0.0.1:0
    [[ $stderr = *"$PINION_STATE/tokens: line 3: expected a hash of 64 hex digits"* ]]
    exits 2 token make more --role read
    cp -p good "$PINION_STATE/tokens"
    chmod 640 "$PINION_STATE/tokens"
    exits 2 serve --listen 127.0.0.1:0
    [[ $stderr = *'expected mode 0600, not 0640: chmod 600 it'* ]]
    chmod 600 "$PINION_STATE/tokens"
    for link in good /dev/null; do # others may own what it points to
        ln -sf "$PWD/$link" "$PINION_STATE/tokens"
        exits 2 serve --listen 127.0.0.1:0
    done
    rm "$PINION_STATE/tokens"
    (umask 077 && cat good >"$PINION_STATE/tokens")
    truncate -s 320000 "$PINION_STATE/tokens"
    exits 2 token list
    [[ $stderr = *'line 4: token name'* ]]
    truncate -s 320001 "$PINION_STATE/tokens"
    exits 2 token list
    [[ $stderr = *'expected at most 320000 bytes'* ]]
    cat good >"$PINION_STATE/tokens"
    start
    answers 200 "$ci" GET /v1/queues
    head -c -10 good >"$PINION_STATE/tokens"
    eventually "it says so" said api 'event=tokens_refused.*line 3'
    answers 200 "$ci" GET /v1/queues
    kill -HUP "$SERVER"
    eventually "the reload is refused" said api 'event=reload_refused.*line 3'
    rm "$PINION_STATE/tokens"
    eventually "no file is no token" unknown "$ci"
    answers 200 "$(cat "$PINION_STATE/token")" GET /v1/queues
}

@test "many at the same time lose no token" {
    for i in $(seq 8); do
        pinion token make "t$i" --role read >"secret$i" 3>&- &
        pids[i]=$!
    done
    for i in $(seq 8); do wait "${pids[i]}"; done
    [ "$(pinion token list --json | jq '.items | length')" -eq 8 ]
    [ "$(cat secret? | sort -u | wc -l)" -eq 8 ]
}

@test "what root makes in the folder of another user, that user's service can read" {
    [ "$(id -u)" -eq 0 ] || skip "only root can"
    mkdir -m 700 "$PINION_STATE"
    chown 65534:65534 "$PINION_STATE"
    pinion token make ci --role read >/dev/null
    [ "$(stat -c '%u:%g %a' "$PINION_STATE/tokens")" = '65534:65534 600' ]
    [ "$(ls -A "$PINION_STATE")" = tokens ]
}
