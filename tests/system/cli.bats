#!/usr/bin/env bats
# The command against a private Redis, without any server: what it makes, tells and refuses.
# PINION_BINARY names the program.

bats_require_minimum_version 1.5.0

VERBS=("serve" "enqueue" "job" "job list" "job show" "job result" "job cancel" "job retry" "job run"
    "job delete" "queue" "queue list" "queue show" "queue pause" "queue resume" "queue bound" "queue drain" "queue purge" "schedule"
    "schedule add" "schedule list" "schedule show" "schedule next" "schedule pause" "schedule resume"
    "schedule run" "schedule backfill" "schedule remove" "schedule import" "server" "server list"
    "cron" "top" "doctor" "bench" "version")

setup_file() {
    export REDIS_SOCKET=$BATS_FILE_TMPDIR/redis.sock
    redis-server --port 0 --unixsocket "$REDIS_SOCKET" --save '' --dir "$BATS_FILE_TMPDIR" \
        >"$BATS_FILE_TMPDIR/redis.log" 2>&1 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/redis.pid"
    eventually "the private Redis" redis_answers
}

teardown_file() {
    REDIS_PID=$(cat "$BATS_FILE_TMPDIR/redis.pid")
    kill "$REDIS_PID"
    eventually "its end" redis_is_gone # or it writes while its folder is removed
}

redis_is_gone() {
    [ ! -e "/proc/$REDIS_PID/stat" ] || grep -q ') Z ' "/proc/$REDIS_PID/stat"
}

setup() {
    export PINION_REDIS_URL=unix:$REDIS_SOCKET HOME=$BATS_TEST_TMPDIR
    unset PINION_STATE XDG_STATE_HOME
    cd "$BATS_TEST_TMPDIR"
    redis config set maxmemory-policy noeviction maxmemory 0
    redis flushall
}

redis() {
    redis-cli -s "$REDIS_SOCKET" "$@" >/dev/null
}

redis_answers() {
    redis-cli -s "$REDIS_SOCKET" ping 2>/dev/null | grep -q PONG
}

pinion() {
    "$PINION_BINARY" "$@"
}

# eventually WHAT COMMAND...: until it succeeds; fails after ten seconds.
eventually() {
    local what=$1 deadline=$((SECONDS + 10))
    shift
    until "$@"; do
        [ $SECONDS -lt $deadline ] || { echo "$what: not within ten seconds"; return 1; }
        sleep 0.02
    done
}

# exits STATUS ARGUMENTS...: its exit status; $output and $stderr are kept apart.
exits() {
    local expected=$1
    shift
    run --separate-stderr "$PINION_BINARY" "$@"
    [ "$status" -eq "$expected" ] ||
        { echo "pinion $* ended with $status, expected $expected: $output $stderr"; return 1; }
}

# refuses STATUS WORDS ARGUMENTS...: nothing on stdout, and these words on stderr.
refuses() {
    local expected=$1 words=$2
    shift 2
    exits "$expected" "$@"
    [ -z "$output" ] || { echo "pinion $* printed: $output"; return 1; }
    [[ "$stderr" == "pinion: "* ]] || { echo "pinion $* said: $stderr"; return 1; }
    [[ "$stderr" == *"$words"* ]] || { echo "pinion $*: no '$words' in: $stderr"; return 1; }
}

repeat() { # CHARACTER COUNT
    head -c "$2" /dev/zero | tr '\0' "$1"
}

ready() { # QUEUE: how many jobs are ready there
    pinion queue show "$1" --json 2>/dev/null | jq .counts.ready
}

good_lines() { # COUNT
    seq "$1" | sed 's/.*/{"kind":"wc","payload":"line &"}/'
}

# ---- help and flags

@test "every verb has help with an example, by flag and by word" {
    local verb
    exits 0 --help
    for verb in "${VERBS[@]}"; do
        # shellcheck disable=SC2086
        exits 0 $verb --help
        [[ "$output" == *"Usage: pinion $verb"* && "$output" == *"Example"* ]]
        [ -z "$stderr" ]
        local by_flag=$output
        # Flags fit a terminal of 80 columns; serve prints its own.
        [ "$verb" = serve ] || [ -z "$(sed -n '/^Flags:/,/^Example/{/^.\{81\}/p}' <<<"$output")" ]
        # shellcheck disable=SC2086
        exits 0 help $verb
        [ "$output" = "$by_flag" ]
    done
    exits 0 job help show
    [[ "$output" == *"Usage: pinion job show"* ]]
}

@test "what is not a verb or a flag is refused, with a way out" {
    refuses 2 "unknown verb 'enqeue'" enqeue wc
    refuses 2 "expected pinion serve, enqueue" nothing
    refuses 2 "pinion job list, show, explain, result, cancel, retry, run, edit or delete" job
    refuses 2 "unknown verb 'lst'" job lst
    refuses 2 "'--json': flags stand behind the verb: expected pinion serve," --json queue list
    refuses 2 "unknown flag '--colour'; see pinion enqueue --help" enqueue wc --colour
    refuses 2 "unknown flag '-Z'" job list -Z
    refuses 2 "--json=yes takes no value" job list --json=yes
    refuses 2 "--queue: expected QUEUE" enqueue wc --queue
    refuses 2 "expected a KIND" enqueue
    refuses 2 "expected the ID of a job" job show
    refuses 2 "expected the name of a QUEUE" queue pause
    refuses 2 "'three' is one argument too many" enqueue one two three
    refuses 2 "--wait with it" enqueue wc --wait-timeout 1s
}

@test "version" {
    exits 0 version
    [[ "$output" =~ ^pinion\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    local text=$output
    exits 0 --version
    [ "$output" = "$text" ]
    [ "$(pinion version --json | jq -r '"pinion " + .version')" = "$text" ]
}

@test "output that cannot be written is a failure" {
    run bash -c '"$PINION_BINARY" version >/dev/full'
    [ "$status" -eq 1 ]
    [[ "$output" == *"cannot write the output"* ]]
}

# ---- enqueue

@test "enqueue prints the id alone, and the job is there" {
    local id
    exits 0 enqueue wc 'how many words'
    id=$output
    [[ "$id" =~ ^default:[0-9A-Z]{26}$ ]]
    exits 0 job show "$id"
    [[ "$output" == *"how many words"* && "$output" == *ready* ]]
    [ "$(pinion job show "$id" --json | jq -r '.state + " " + .payload')" = "ready how many words" ]
}

@test "an id makes one job: again is existing, other content a conflict" {
    exits 0 enqueue wc text -q mail --id a-1 --json
    [ "$(jq -c . <<<"$output")" = '{"id":"mail:a-1","existing":false}' ]
    exits 0 enqueue wc text -q mail --id a-1
    [ "$output" = mail:a-1 ]
    exits 0 enqueue wc text -q mail --id a-1 --json
    [ "$(jq .existing <<<"$output")" = true ]
    refuses 4 "mail:a-1" enqueue wc other -q mail --id a-1
    [ "$(ready mail)" -eq 1 ]
}

@test "a unique key has one job, and the newest may replace it" {
    exits 0 enqueue wc one -q mail --unique a:1
    local id=$output
    exits 0 enqueue wc two -q mail --unique a:1=start
    [ "$output" = "$id" ]
    exits 0 enqueue wc three -q mail --unique a:1=1h --replace --json
    [ "$(jq -c . <<<"$output")" = "{\"id\":\"$id\",\"existing\":true,\"replaced\":true}" ]
    [ "$(pinion job show "$id" --json | jq -rc '[.payload, .unique]')" = '["three","a:1=1h"]' ]
    [ "$(ready mail)" -eq 1 ]
    printf '{"kind":"wc","unique":"b"}\n{"kind":"wc","unique":"b"}\n' > two
    exits 0 enqueue -q mail --bulk two --json
    [ "$(jq -sc 'map(.existing)' <<<"$output")" = '[false,true]' ]
    [ "$(jq -s 'map(.id) | unique | length' <<<"$output")" -eq 1 ]
    refuses 2 "--unique 'a b': expected a KEY" enqueue wc x --unique 'a b'
    refuses 2 "--unique span 'soon': expected start, done or a duration" enqueue wc x --unique a=soon
    refuses 2 "--replace: expected --unique with it" enqueue wc x --replace
    printf '{"kind":"wc","unique":"=1s"}\n' > bad
    refuses 2 "bad:1: unique '=1s': expected a KEY" enqueue --bulk bad
}

@test "what waits can be edited" {
    exits 0 enqueue wc old --id e
    exits 0 job edit default:e --payload new --priority 0 --in 1h
    [ "$output" = edited ]
    [ "$(pinion job show default:e --json | jq -rc '[.state, .payload, .priority]')" = \
        '["scheduled","new",0]' ]
    printf 'from stdin' | pinion job edit -q default e --payload - --in 0 --json |
        jq -e '.status == "edited"'
    [ "$(pinion job show default:e --json | jq -rc '[.state, .payload]')" = '["ready","from stdin"]' ]
    refuses 2 "nothing to change: expected a payload, a time or a priority" job edit default:e
    refuses 2 "--in and --at: expected one of them" job edit default:e --in 1s --at 10:00
    refuses 2 "expected a whole number from 0 to 9" job edit default:e --priority 10
    refuses 3 "not found" job edit default:none --priority 1
    exits 0 job cancel default:e
    refuses 4 "it is cancelled: expected one that waits" job edit default:e --priority 1
}

@test "a retry is refused while another job holds its unique key" {
    exits 0 enqueue wc one --unique a --id first
    exits 0 job cancel default:first
    exits 0 enqueue wc two --unique a --id second
    refuses 4 "another job holds its unique key" job retry default:first
    exits 0 job delete --yes default:second
    exits 0 job retry default:first
}

@test "each option reaches the job" {
    exits 0 enqueue wc text --priority 0 --attempts 3 --backoff fixed:10s --timeout 30s \
        --lease 5s --expires 1h --retain 10m
    pinion job show "$output" --json | jq -e '.priority == 0 and .attempts_max == 3 and
        .backoff == "fixed:10s" and .timeout_ms == 30000 and .lease_ms == 5000 and
        .retain_ms == 600000 and .expires_at != null and .attempt == 0'
}

@test "a delayed job is scheduled, and run makes it ready" {
    exits 0 enqueue wc later --in 1h --id late
    [ "$(pinion job show default:late --json | jq -r .state)" = scheduled ]
    exits 0 enqueue wc dated --at 2199-01-01T00:00:00Z --id dated
    [ "$(pinion job show default:dated --json | jq -r .run_at)" = 2199-01-01T00:00:00.000Z ]
    exits 0 job run default:late
    [ "$output" = ready ]
    [ "$(pinion job show default:late --json | jq -r .state)" = ready ]
    refuses 2 "--in and --at: expected one of them" enqueue wc --in 1h --at 2199-01-01T00:00:00Z
}

@test "a payload from stdin, also of bytes" {
    exits 0 enqueue wc - --id text <<<"one two"
    [ "$(pinion job show default:text --json | jq -r .payload)" = "one two" ]
    printf '\0\377' | pinion enqueue wc - --id bytes
    [ "$(pinion job show default:bytes --json | jq -r .payload_base64)" = AP8= ]
    pinion enqueue wc --id empty
    [ "$(pinion job show default:empty --json | jq -c .payload)" = '""' ]
}

@test "limits at their edge and one past it" {
    repeat a 1048576 >edge
    repeat a 1048577 >past
    exits 0 enqueue wc - --id edge <edge
    [ "$(pinion job show default:edge --json | jq '.payload | length')" -eq 1048576 ]
    refuses 2 "at most 1048576 bytes" enqueue wc - <past
    exits 0 enqueue wc -q "$(repeat q 64)"
    refuses 2 "expected 1 to 64" enqueue wc -q "$(repeat q 65)"
    exits 0 enqueue "$(repeat k 128)"
    refuses 2 "expected 1 to 128" enqueue "$(repeat k 129)"
    exits 0 enqueue wc --id "$(repeat i 64)"
    refuses 2 "expected 1 to 64" enqueue wc --id "$(repeat i 65)"
    exits 0 enqueue wc --priority 9
    refuses 2 "from 0 to 9" enqueue wc --priority 10
    exits 0 enqueue wc --attempts 1000
    refuses 2 "from 1 to 1000" enqueue wc --attempts 1001
    refuses 2 "from 1 to 1000" enqueue wc --attempts 0
    exits 0 enqueue wc --lease 1h
    refuses 2 "from 1s to 1h" enqueue wc --lease 3600001ms
    refuses 2 "from 1s to 1h" enqueue wc --lease 999ms
    exits 0 job list --limit 10000
    refuses 2 "from 1 to 10000" job list --limit 10001
}

@test "bad values are refused in words, and nothing is made" {
    refuses 2 "queue name 'a b'" enqueue wc -q 'a b'
    refuses 2 "queue name 'a:b'" enqueue wc -q a:b
    refuses 2 "kind 'a b'" enqueue 'a b'
    refuses 2 "expected a whole number" enqueue wc --priority high
    refuses 2 "--in" enqueue wc --in 5x
    refuses 2 "--at" enqueue wc --at yesterday
    refuses 2 "sometimes" enqueue wc --backoff sometimes
    refuses 2 "--namespace" enqueue wc --namespace 'a b'
    [ "$(redis-cli -s "$REDIS_SOCKET" keys '*:jobs')" = "" ]
}

# ---- waiting

@test "--wait-timeout ends with 12, and says what the job was waiting for" {
    refuses 12 "no server is alive" enqueue nosuchkind --wait --wait-timeout 100ms
    refuses 12 "delayed until" enqueue wc --in 1h --wait --wait-timeout 100ms
    pinion queue pause mail
    refuses 12 "queue 'mail' is paused" enqueue wc -q mail --wait --wait-timeout 100ms
}

@test "--wait ends with 11 when the job is cancelled" {
    pinion enqueue wc --id a --wait >out 2>err 3>&- &
    local waiter=$! status=0
    eventually "the job" pinion job show default:a >/dev/null 2>&1
    [ "$(pinion job show default:a --json | jq .retain_ms)" -eq 600000 ]
    pinion job cancel default:a
    wait $waiter || status=$?
    [ "$status" -eq 11 ]
    grep -q "was cancelled" err
    refuses 11 "was cancelled" enqueue wc --id a --retain 10m --wait
    pinion enqueue wc --id b # by someone who does not wait
    pinion job cancel default:b
    refuses 11 "was cancelled" enqueue wc --id b --wait
    refuses 4 "other content" enqueue wc text --id b --wait
}

# ---- bulk

@test "bulk: a file of jobs" {
    good_lines 1000 >jobs
    exits 0 enqueue --bulk jobs
    [ -z "$output" ]
    [[ "$stderr" == *"1000 jobs enqueued"* ]]
    [ "$(ready default)" -eq 1000 ]
    [ "$(pinion job list --limit 1 --json | jq -r '.items[0].payload')" = "line 1" ]
}

@test "bulk: one bad line among 1,000, and nothing is made" {
    local bad
    for bad in '{"kind":"wc"' '{"kind":"wc","kind":"wc"}' '{"kind":"wc","colour":1}' '{}' 'x' \
        '{"kind":"wc","priority":10}'; do
        good_lines 1000 >jobs
        sed -i "700s/.*/$bad/" jobs
        refuses 2 "jobs:700: " enqueue --bulk jobs
    done
    sed -i '700s/.*/{"kind":"wc","colour":1}/' jobs
    refuses 2 "jobs:700: key colour is unknown" enqueue --bulk jobs
    refuses 3 "not found" queue show default
}

@test "bulk: what stopped it is one line: where, why, and how many were taken" {
    pinion queue bound small --max-jobs 3
    good_lines 2 >jobs
    exits 0 enqueue --bulk jobs -q small
    [[ "$stderr" == "pinion: 2 jobs enqueued, in "* ]]
    echo '{"kind":"wc","colour":1}' >bad
    exits 2 enqueue --bulk bad
    [[ "$stderr" == "pinion: bad:1: key colour is unknown: "*"; 0 jobs enqueued" ]]
    exits 2 enqueue --bulk - <bad
    [[ "$stderr" == "pinion: stdin:1: key colour is unknown: "*"; 0 jobs enqueued" ]]
    exits 0 enqueue wc -q small
    printf '%s\n' '{"kind":"wc"}' '{"kind":"wc","queue":"small"}' >mixed
    exits 5 enqueue --bulk mixed
    [[ "$stderr" == "pinion: mixed:2: queue small: "*"; 1 job enqueued" ]]
    echo '{"kind":"wc","after":["none"]}' >after
    exits 3 enqueue --bulk after
    [[ "$stderr" == "pinion: after:1: after 'default:none': "*"; 0 jobs enqueued" ]]
}

@test "bulk: a pipe that is given as a file is checked whole, too" {
    run bash -c '"$PINION_BINARY" enqueue --bulk <(printf "{\"kind\":\"wc\"}\n{\"kind\":\"a b\"}\n")'
    [ "$status" -eq 2 ]
    refuses 3 "not found" queue show default
    run bash -c '"$PINION_BINARY" enqueue --bulk <(printf "{\"kind\":\"wc\"}\n\n{\"kind\":\"wc\"}")'
    [ "$status" -eq 0 ]
    [ "$(ready default)" -eq 2 ]
}

@test "bulk: a stream is sent as it comes, and stops at the first bad line" {
    mkfifo pipe
    pinion enqueue --bulk - --json <pipe >out 2>err 3>&- &
    local streamer=$! status=0
    exec 9>pipe
    good_lines 3 >&9
    three_are_ready() { [ "$(ready default)" = 3 ]; }
    eventually "three jobs before the stream has ended" three_are_ready
    good_lines 2 >&9
    echo '{"kind":"wc","priority":-1}' >&9
    exec 9>&-
    wait $streamer || status=$?
    [ "$status" -eq 2 ]
    grep -q "^pinion: stdin:6: key priority: expected a whole number.*; 5 jobs enqueued$" err
    [ "$(wc -l <err)" -eq 1 ]
    [ "$(jq -s 'map(select(.existing == false)) | length' out)" -eq 5 ]
    [ "$(ready default)" -eq 5 ]
}

@test "bulk: flags are defaults, a line beats them" {
    printf '%s\n' '{}' '{"kind":"x","queue":"other","priority":1,"run_at":"2199-01-01T00:00:00Z"}' \
        '{"payload":{"b": [1, 2.50]}}' >jobs
    exits 0 enqueue wc --bulk jobs -q mail --priority 7 --in 1h --json
    [ "$(jq -s length <<<"$output")" -eq 3 ]
    pinion job list -q mail --json |
        jq -e '[.items[] | [.kind, .state, .priority]] == [["wc","scheduled",7],["wc","scheduled",7]]'
    pinion job list -q mail --json | jq -e '.items | map(.payload) | index("{\"b\":[1,2.50]}")'
    pinion job list -q other --json |
        jq -e '.items[0] | [.kind, .priority, .run_at] == ["x", 1, "2199-01-01T00:00:00.000Z"]'
    refuses 2 "--id" enqueue --bulk jobs --id a
    refuses 2 "one of them" enqueue --bulk jobs --wait
    refuses 2 "payloads" enqueue wc text --bulk jobs
    refuses 2 "No such file" enqueue --bulk nowhere
    refuses 2 "folder" enqueue --bulk .
}

@test "bulk: queues may be mixed, order is kept, a conflict is told by its line" {
    seq 2000 | sed 's/.*/{"kind":"wc","payload":"&","queue":"q'"'"'&/; s/'"'"'\(.*\)\(.\)$/\2"}/' >jobs
    jq -es 'map(.queue) | unique | length == 10' jobs
    exits 0 enqueue --bulk jobs --json
    jq -es --slurpfile jobs jobs '[.[].id | split(":")[0]] == [$jobs[].queue]' <<<"$output"
    pinion job list -q q7 --limit 10000 --json |
        jq -e '[.items[].payload | tonumber] == [range(7; 2000; 10)]'
    printf '%s\n' '{"kind":"wc","id":"a"}' '{"kind":"wc","id":"a"}' '{"kind":"other","id":"a"}' \
        '{"kind":"wc","id":"b"}' >ids
    exits 4 enqueue --bulk ids --json
    [[ "$stderr" == *"ids:3: job default:a exists already"* ]]
    [[ "$stderr" == *"3 jobs enqueued, 1 of them existed already, 1 refused, in "* ]]
    [ "$(jq -sc 'map(.existing)' <<<"$output")" = '[false,true,null,false]' ]
    [ "$(jq -sr '.[2].error.code' <<<"$output")" = conflict ]
}

# ---- jobs

@test "job list: pages over all states, by state and by kind" {
    good_lines 5 >jobs
    pinion enqueue --bulk jobs
    pinion enqueue other --in 1h --id late
    pinion enqueue other --id gone
    pinion job cancel default:gone
    exits 0 job list
    [[ "${lines[0]}" == ID*STATE*KIND* ]]
    [ "${#lines[@]}" -eq 8 ]
    local cursor="" ids="" page
    while [ "$cursor" != null ]; do
        page=$(pinion job list --limit 2 ${cursor:+--after "$cursor"} --json)
        [ "$(jq '.items | length' <<<"$page")" -le 2 ]
        ids+=$(jq -r '.items[].id' <<<"$page")$'\n'
        cursor=$(jq -r .next <<<"$page")
    done
    [ "$(grep -c . <<<"$ids")" -eq 7 ]
    [ "$(grep . <<<"$ids" | sort -u | wc -l)" -eq 7 ]
    [ "$(pinion job list --state cancelled --json | jq -r '.items[].id')" = default:gone ]
    [ "$(pinion job list --kind other --json | jq '.items | length')" -eq 2 ]
    refuses 2 "state 'running'" job list --state running
    refuses 2 "cursor 'x'" job list --after x
    refuses 2 "another state" job list --state dead --after ready
    exits 0 job list -q nowhere
    [[ "$stderr" == *"no such job in queue 'nowhere'"* ]]
}

@test "job cancel, retry and run: one status per id" {
    pinion enqueue wc --id a
    pinion enqueue wc --id b
    exits 0 job cancel default:a
    [ "$output" = cancelled ]
    exits 3 job cancel -q default b nowhere
    [ "$output" = "b: cancelled" ]
    [[ "$stderr" == *"nowhere: not found"* ]]
    refuses 4 "it is cancelled: expected scheduled or retry" job run default:a
    exits 0 job retry default:a default:b
    [ "${lines[0]}" = "default:a: ready" ]
    exits 0 job cancel default:a --json
    jq -e '.items == [{"id":"default:a","status":"cancelled"}]' <<<"$output"
    exits 3 job cancel default:nowhere --json
    jq -e '.items[0].error.code == "not_found"' <<<"$output"
    refuses 3 "default:nowhere: not found" job show default:nowhere
    refuses 2 "expected QUEUE:ID" job show nowhere
    refuses 2 "expected QUEUE:ID" job cancel default:a 'a b'
}

@test "text of jobs cannot speak to the terminal" {
    pinion enqueue wc $'\e[31mred\a\nline' --id a
    exits 0 job list
    [[ "$output" != *$'\e'* && "$output" == *"?[31mred? line"* ]]
    exits 0 job show default:a
    [[ "$output" != *$'\e'* && "$output" == *"?[31mred? line"* ]]
}

@test "a table is cut to the width of a terminal, and only there" {
    pinion enqueue wc "$(repeat x 300)"
    run bash -c 'NO_COLOR=1 script -qec "stty cols 60; $PINION_BINARY job list" /dev/null </dev/null'
    [ "$status" -eq 0 ]
    [[ "${lines[0]}" == ID* ]]
    local line
    for line in "${lines[@]}"; do
        line=${line%$'\r'}
        [ "${#line}" -le 60 ] || { echo "${#line} columns: $line"; return 1; }
    done
    exits 0 job list
    [[ "${lines[1]}" == *xxx... ]]
    [ "${#lines[1]}" -gt 200 ]
}

# ---- queues and servers

@test "queues are listed, shown, paused and resumed" {
    pinion enqueue wc -q b
    pinion enqueue wc -q a
    exits 0 queue list
    [[ "${lines[1]}" == "a "* && "${lines[2]}" == "b "* ]]
    pinion queue list --json | jq -e '[.items[] | [.queue, .paused, .counts.ready, .totals.enqueued]]
        == [["a", false, 1, 1], ["b", false, 1, 1]]'
    exits 0 queue pause a
    [ "$output" = paused ]
    [ "$(pinion queue show a --json | jq .paused)" = true ]
    [[ "$(pinion queue show a)" == *paused* ]]
    exits 0 queue resume a --json
    [ "$(jq -c . <<<"$output")" = '{"queue":"a","paused":false}' ]
    [ "$(pinion queue show a --json | jq .paused)" = false ]
    refuses 3 "queue nowhere: not found" queue show nowhere
    refuses 2 "queue name 'a b'" queue pause 'a b'
}

@test "servers: none" {
    exits 0 server list
    [[ "$output" == SERVER* ]]
    pinion server list --json | jq -e '. == {"items":[],"next":null}'
}

# ---- a queue that nobody named before

@test "a change of a queue that is new says so, and is made" {
    local change
    for change in pause resume "drain --no-wait" "drain --off" "bound --max-jobs 5" \
        "limit --concurrency 2"; do
        redis flushall
        # shellcheck disable=SC2086
        exits 0 queue ${change%% *} mial ${change#"${change%% *}"} # a typing error
        [[ "$stderr" == "pinion: queue mial is new: no job was ever enqueued there, "* ]] ||
            { echo "queue $change: $stderr"; return 1; }
        # shellcheck disable=SC2086
        exits 0 queue ${change%% *} mial ${change#"${change%% *}"}
        [ "$stderr" = "" ]
        exits 0 queue list
        [[ "$output" == *mial* ]]
    done
    exits 0 enqueue wc -q mail
    exits 0 queue pause mail
    [ "$stderr" = "" ]
    exits 0 queue limit other # only looks
    [ "$stderr" = "" ]
}

# ---- Redis

@test "an unreachable Redis: exit 6 at once, or after the connect timeout" {
    local began=$SECONDS
    refuses 6 "no Redis at" queue list --redis "unix:$BATS_TEST_TMPDIR/none"
    PINION_STATE=$PWD/none PINION_REDIS_URL='' refuses 6 "no pinion serve in $PWD/none" queue list
    refuses 6 "no Redis at" enqueue wc --redis "unix:$BATS_TEST_TMPDIR/none" --connect-timeout 200ms
    refuses 6 "127.0.0.1:1" job list --redis redis://127.0.0.1:1 --connect-timeout 200ms
    [ $((SECONDS - began)) -lt 5 ]
    refuses 2 "redis://" enqueue wc --redis ftp://x
}

@test "a Redis that may evict jobs is refused, unless that is allowed" {
    redis config set maxmemory-policy allkeys-lru maxmemory 100mb
    refuses 6 "allow-eviction" enqueue wc
    exits 0 enqueue wc --allow-eviction
}

@test "a Redis that is full is busy" {
    pinion enqueue wc --id a
    redis config set maxmemory 1
    exits 5 enqueue wc
    good_lines 3 >jobs
    exits 5 enqueue --bulk jobs
    [[ "$stderr" == "pinion: jobs:1: "*maxmemory*"; 0 jobs enqueued" ]]
    exits 0 job cancel default:a
}

@test "records of another format are left alone" {
    redis set pinion:format 99
    refuses 6 "99" enqueue wc
    exits 0 enqueue wc --namespace mine
}

@test "namespaces do not meet" {
    pinion enqueue wc --id a --namespace mine
    refuses 3 "not found" job show default:a
    exits 0 job show default:a --namespace mine
}

@test "which Redis: the flag, the environment, the named folder, the user's folder" {
    local none=unix:$BATS_TEST_TMPDIR/none
    mkdir -p named mine/pinion
    printf '{"redis":"unix:%s"}' "$REDIS_SOCKET" >named/pinion.json
    PINION_REDIS_URL=$none exits 0 queue list --redis "unix:$REDIS_SOCKET"
    PINION_REDIS_URL=$none exits 6 queue list --state named --connect-timeout 100ms
    unset PINION_REDIS_URL
    exits 0 queue list --state named
    exits 0 job list --state named --state dead
    exits 0 job list --state ready --state "$PWD/named"
    PINION_STATE=$PWD/named exits 0 queue list
    XDG_STATE_HOME=$PWD/mine refuses 6 "no pinion serve in" queue list --connect-timeout 100ms
    cp named/pinion.json mine/pinion/
    XDG_STATE_HOME=$PWD/mine exits 0 queue list
}

@test "job delete: only with --yes or by a person, and never what runs" {
    pinion enqueue wc --id a
    pinion enqueue wc --id b --in 1h
    refuses 2 "Delete 2 jobs: expected --yes, or a terminal" job delete default:a default:b
    [ "$(pinion queue show default --json | jq .counts.ready)" -eq 1 ]
    exits 3 job delete -y default:a default:b default:c
    [ "${lines[*]}" = "default:a: deleted default:b: deleted" ]
    [[ "$stderr" == *"default:c: not found"* ]]
    [ "$(pinion queue show default --json | jq -c '[.counts.ready, .counts.scheduled,
        .totals.deleted]')" = '[0,0,2]' ]
    refuses 3 "default:a: not found" job show default:a
    [ "$(pinion enqueue wc --id a)" = default:a ] # its id is taken for a day
    refuses 3 "default:a: not found" job show default:a
}

@test "a service that is about to start is waited for" {
    unset PINION_REDIS_URL
    mkdir soon
    pinion enqueue wc --id a --state soon --connect-timeout 10s >out 2>err 3>&- &
    local waiter=$!
    printf '{"redis":"unix:%s"}' "$REDIS_SOCKET" >soon/new
    mv soon/new soon/pinion.json
    wait $waiter
    [ "$(cat out)" = default:a ]
}

# Half a second: a busy machine may use it up for other things, but not each time.
started_together() {
    rm -rf soon
    (sleep 0.1 && mkdir soon && printf '{"redis":"unix:%s"}' "$REDIS_SOCKET" >soon/new &&
        mv soon/new soon/pinion.json) 3>&- &
    "$PINION_BINARY" enqueue wc --id a --state soon
    local status=$?
    wait
    return $status
}

@test "a command and its service may be started at the same moment" {
    unset PINION_REDIS_URL
    eventually "the job" started_together
}

@test "--json of every listing and thing is JSON, one line each" {
    pinion enqueue wc --id a -q mail
    local verb
    for verb in "job list -q mail" "job show mail:a" "queue list" "queue show mail" "server list" \
        "version" "job cancel mail:a" "job retry mail:a" "job delete mail:a --yes" \
        "queue pause mail" "queue resume mail"; do
        # shellcheck disable=SC2086
        exits 0 $verb --json
        [ "${#lines[@]}" -eq 1 ]
        jq -e 'type == "object"' <<<"$output"
    done
}

# ---- colours, progress

@test "colours: only on a terminal, never with NO_COLOR, and as --color says" {
    local listing="$PINION_BINARY queue list"
    exits 0 enqueue wc
    exits 0 queue pause default
    ! $listing | grep -q $'\033' || return 1
    TERM=xterm script -qec "$listing" /dev/null | grep -q $'\033\\[0;33mpaused\033\\[0m'
    ! NO_COLOR=1 TERM=xterm script -qec "$listing" /dev/null | grep -q $'\033' || return 1
    ! TERM=dumb script -qec "$listing" /dev/null | grep -q $'\033' || return 1
    ! TERM=xterm script -qec "$listing --color never" /dev/null | grep -q $'\033' || return 1
    NO_COLOR=1 $listing --color always | grep -q $'\033'
    # The same text, with and without.
    listing="$PINION_BINARY job list"
    diff <($listing) <($listing --color always | sed $'s/\033\\[[0-9;]*m//g')
    ! $listing --json --color always | grep -q $'\033' || return 1
    refuses 2 "--color 'red': expected auto, always or never" queue list --color red
}

@test "progress: on a terminal's stderr only, and gone at the end" {
    good_lines 20000 >jobs
    script -qec "$PINION_BINARY enqueue --bulk jobs" /dev/null >shown
    grep -q '\] *[0-9]*% [0-9]* of 20000 enqueued' shown
    grep -q $'\r\033\\[K' shown
    exits 0 enqueue --bulk jobs
    [[ "$stderr" != *'['* ]]
    script -qec "$PINION_BINARY doctor" /dev/null | grep -q 'entries looked at'
    exits 0 job cancel --all --state ready --yes
    script -qec "$PINION_BINARY job retry --all --state cancelled --yes" /dev/null |
        grep -q '\] *[0-9]*% [0-9]* of 40000 looked at'
}

@test "pages: --limit, and --after goes on where it ended" {
    local i
    for i in a b c d e; do pinion enqueue wc -q "q-$i" --batch "b-$i" >/dev/null; done
    exits 0 queue list --limit 2
    [ "$(tail -n +2 <<<"$output" | cut -d' ' -f1 | xargs)" = 'q-a q-b' ]
    [[ "$stderr" == "pinion: there may be more: --after 'q-b'" ]]
    exits 0 queue list -n 2 --after q-b --json
    [ "$(jq -c '[.items[].queue, .next]' <<<"$output")" = '["q-c","q-d","q-d"]' ]
    exits 0 queue list -n 2 --after q-c
    [ "$(tail -n +2 <<<"$output" | cut -d' ' -f1 | xargs)" = 'q-d q-e' ] && [ -z "$stderr" ]
    exits 0 queue list --after q-e --json
    [ "$(jq -c . <<<"$output")" = '{"items":[],"next":null}' ]
    refuses 2 "expected a whole number from 1 to 100000" queue list --limit 0
    refuses 2 "expected a whole number from 1 to 100000" server list --limit 100001
    exits 0 queue list --limit 100000
    refuses 2 "expected the \`next\` of a listing" batch list --after x
    for i in $(seq 700); do echo "{\"kind\":\"wc\",\"queue\":\"many\",\"batch\":\"batch-$i\"}"; done >jobs
    pinion enqueue --bulk jobs 2>/dev/null
    exits 0 batch list -q many -n 10
    [[ "$stderr" == *"--after '"[0-9]*"'" ]]
    local after='' names=''
    while :; do
        exits 0 batch list -q many -n 100 --json ${after:+--after $after}
        names+=$(jq -r '.items[].batch' <<<"$output")$'\n'
        after=$(jq -r '.next // empty' <<<"$output")
        [ -n "$after" ] || break
    done
    [ "$(sort -u <<<"$names" | grep -c batch-)" -eq 700 ]
    [ "$(pinion batch list -q many --json | jq '[.items[].batch] | unique | length')" -eq 700 ]
}
