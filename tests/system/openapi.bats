#!/usr/bin/env bats
# The HTTP API by its own document: a client that is made from it exercises every operation.

load world.bash

setup() {
    world_begin
    serve_ready api --listen 127.0.0.1:0 -q default -q work --command wc='wc -w' \
        --command bad=false
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
}

teardown() {
    world_end
}

@test "every operation of the document does what it says, and refuses what it does not take" {
    python3 "$BATS_TEST_DIRNAME/openapi_client.py" "$URL" "$(cat "$PINION_STATE/token")" ||
        { tail -5 api.log; return 1; }
    ends "$SERVER" 0
}

@test "the document is kept by who asked for it before" {
    curl -sS -D head -o document "$URL/openapi.json"
    jq -e '.openapi == "3.1.0" and (.paths | length) > 40' document
    etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' head)
    [ "$(curl -sS -o again -w '%{http_code}' -H "If-None-Match: $etag" "$URL/openapi.json")" -eq 304 ]
    [ "$(curl -sS --compressed "$URL/openapi.json" | sha256sum)" = "$(sha256sum <document)" ]
    stop "$SERVER"
}
