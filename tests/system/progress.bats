#!/usr/bin/env bats
# How far a job is, as a handler in C told it and everybody sees it. PINION_EMBED names the example
# whose jobs tell it.

load world.bash

setup() {
    world_begin
    "$PINION_EMBED" "$PINION_STATE" >embed.out
}

teardown() {
    world_end
}

@test "what a handler told is shown with the job that is kept" {
    serve_ready server --listen 127.0.0.1:0
    id=$(pinion job list --state done --json | jq -r '.items[0].id')
    [ "$(pinion job show "$id" --json | jq -c '[.result, .progress.percent, .progress.note]')" = \
        '["42",50,"thinking"]' ]
    [[ "$(pinion job show "$id" --json | jq -r .progress.at)" == 20*T*Z ]]
    [[ "$(pinion job show "$id")" == *progress*"50 %"*": thinking"* ]]
    [ "$(pinion job list --state done --json | jq -c '[.items[].progress.percent]')" = '[50,50,50]' ]
    pinion doctor
}

@test "over HTTP the note is for who may read content" {
    serve_ready server --listen 127.0.0.1:0
    url=http://$(jq -r .http "$PINION_STATE/pinion.json")
    token=$(cat "$PINION_STATE/token")
    id=$(pinion job list --state done --json | jq -r '.items[0].id')
    [ "$(curl -s "$url/v1/jobs/$id" | jq -c '[.progress.percent, .progress.note]')" = '[50,null]' ]
    [ "$(curl -s -H "Authorization: Bearer $token" "$url/v1/jobs/$id" | jq -r .progress.note)" = \
        thinking ]
    pinion enqueue nobody --id silent
    [ "$(curl -s "$url/v1/jobs/default:silent" | jq .progress)" = null ]
}
