#!/usr/bin/env bats
# The examples of docs/monitoring name only metrics that a server has, and do what they say.

load world.bash

MONITORING=$BATS_TEST_DIRNAME/../../docs/monitoring
setup() {
    world_begin
}

teardown() {
    world_end
}

# The names of metrics in what is read, less what Prometheus adds to those of a histogram.
names() {
    grep -o '\b\(pinion\|process\)_[a-z_]*' | sed 's/_bucket$//' | sort -u
}

@test "the rules are rules, and each is proven to speak and to be silent" {
    run -0 promtool check rules "$MONITORING/alerts.yml"
    run -0 promtool test rules "$MONITORING/alerts_test.yml"
    diff <(sed -n 's/^ *- alert: //p' "$MONITORING/alerts.yml" | sort) \
        <(grep -o 'alertname: *Pinion[A-Za-z]*' "$MONITORING/alerts_test.yml" |
            sed 's/.*: *//' | sort -u)
}

@test "what dashboard and rules ask for is there" {
    serve_ready one --listen 127.0.0.1:0 --webhook-allow 127.0.0.1 \
        --webhook hook=http://127.0.0.1:9/
    pinion enqueue pinion.noop --wait --wait-timeout "${WAIT_S}s"
    pinion enqueue hook --attempts 1 # so that a host of webhooks is known
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    eventually "the webhook" hooked
    curl -sS "$URL/metrics" | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort >has
    [ "$(wc -l <has)" -ge 20 ]
    jq -r '.panels[].targets[]?.expr' "$MONITORING/grafana.json" | names >dashboard
    grep -v '^ *\(#\|- alert\|summary\|description\)' "$MONITORING/alerts.yml" | names >rules
    [ "$(wc -l <dashboard)" -ge 15 ]
    [ "$(wc -l <rules)" -ge 10 ]
    run -0 comm -23 <(sort -u dashboard rules) has
    [ -z "$output" ] || { echo "no such metric: $output"; return 1; }
}

hooked() {
    curl -sS "$URL/metrics" | grep -q 'pinion_webhook_requests_total{'
}

@test "replies are counted by class, and who follows events" {
    serve_ready one --listen 127.0.0.1:0
    URL=http://$(jq -r .http "$PINION_STATE/pinion.json")
    curl -sS "$URL/nothing" "$URL/nothing/either" "$URL/healthz" >/dev/null
    counts 'pinion_http_replies_total{status="4xx"} 2'
    counts 'pinion_http_replies_total{status="2xx"} 2' # with the look before
    counts 'pinion_event_listeners 0'
    curl -sSN "$URL/v1/events" >events 3>&- &
    echo $! >>"$CHILDREN"
    eventually "a listener" counts 'pinion_event_listeners 1'
    kill $!
    eventually "that it left" counts 'pinion_event_listeners 0'
}

counts() { # LINE
    curl -sS "$URL/metrics" | grep -qxF "$1"
}

@test "the expressions of the dashboard can be read" {
    # $__rate_interval and the variables are Grafana's own.
    jq -r '.panels[].targets[]?.expr' "$MONITORING/grafana.json" |
        sed 's/\$__rate_interval/5m/g; s/\$[a-z]*/x/g' >expressions
    {
        printf 'groups:\n- name: dashboard\n  rules:\n'
        n=0
        while read -r expression; do
            printf -- "  - record: x:%s\n    expr: '%s'\n" "$((n += 1))" "$expression"
        done <expressions
    } >rules.yml
    run -0 promtool check rules rules.yml
    [[ "$output" == *"$(wc -l <expressions) rules found"* ]]
}
