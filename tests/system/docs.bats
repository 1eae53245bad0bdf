#!/usr/bin/env bats
# What the documents list is what the program has; what they show is typed by readme.bats.

root=$BATS_TEST_DIRNAME/../..

# The service for one look, with what is given besides; for errors before it starts.
refused()
{
    run timeout 20 "$@"
    [ "$status" -eq 2 ]
}

setup()
{
    cd "$BATS_TEST_TMPDIR"
    unset PINION_REDIS_URL PINION_LISTEN PINION_TLS_CERT PINION_TLS_KEY PINION_NAMESPACE PINION_LOG_LEVEL PINION_LOG_FORMAT
    export PINION_STATE=$BATS_TEST_TMPDIR/state
}

@test "configuration.md lists the keys of the service, each and no other" {
    "$PINION_BINARY" serve --help | sed '/^Example/,$d' |
        sed -n 's/^ *\(-.,\)* *--\([a-z-]*\).*/\2/p' | grep -v -x config | sort >has
    sed -n '/^## Keys/,/^## /s/^| `\([a-z-]*\)`.*/\1/p' "$root/docs/configuration.md" |
        sort >lists
    diff has lists
    [ "$(wc -l <lists)" -ge 15 ]
}

@test "each variable of configuration.md is read" {
    count=0
    while read -r variable; do
        case $variable in
        PINION_STATE) value=/dev/null ;; # any text is a path: one that cannot be a folder
        *) value='no such value!' ;;
        esac
        refused env "$variable=$value" "$PINION_BINARY" serve --listen none
        count=$((count + 1))
    done < <(sed -n 's/^| `[a-z-]*` | `\(PINION_[A-Z_]*\)`.*/\1/p' "$root/docs/configuration.md")
    [ "$count" -ge 8 ]
}

@test "defaults of configuration.md are those of the service" {
    for default in 256 10s 25s 127.0.0.1:7466; do
        grep -q "| \`*$default\`* |" "$root/docs/configuration.md"
    done
    "$PINION_BINARY" serve --listen 127.0.0.1:0 2>log 3>&- &
    until grep -q event=ready log; do kill -0 $! && sleep 0.05; done
    "$PINION_BINARY" server list --json >servers
    kill $! && wait $!
    [ "$(jq -c '.items[0] | [.concurrency, .lease_ms, .queues]' servers)" = \
        '[256,10000,["default"]]' ]
}

@test "the file of configuration.md is one that the service takes" {
    sed -n '/^```ini$/,/^```$/p' "$root/docs/configuration.md" | sed '1d;$d' >pinion.ini
    "$PINION_BINARY" serve -c pinion.ini --listen 127.0.0.1:0 2>log 3>&- &
    until grep -q '"event":"ready"' log; do kill -0 $! && sleep 0.05; done
    result=$("$PINION_BINARY" enqueue mail.welcome hello -q mail --wait --wait-timeout 20s)
    "$PINION_BINARY" server list --json >servers
    kill $! && wait $!
    [ "$result" = sent ]
    [ "$(jq -c '.items[0] | [.concurrency, .lease_ms, (.queues | sort)]' servers)" = \
        '[8,30000,["default","mail"]]' ]

    # The keys of each section, by what the service says of another.
    for section in queue command webhook; do
        printf '[%s "x"]\nnonsense = 1\n' "$section" >bad.ini
        refused "$PINION_BINARY" serve -c bad.ini
        for key in $(sed -n "s/^| \`\[$section .*\` | \(.*\) |\$/\1/p" "$root/docs/configuration.md" |
            tr -d '\`,'); do
            [[ "$output" == *"expected"*"$key"* ]]
        done
    done
}

@test "http.md lists the routes of the service, each and no other" {
    sed -n 's/.*{"\([A-Z]*\)", *"\(\/[^"]*\)".*/\1 \2/p' "$root/control/api/api.c" | sort >has
    sed -n 's/^| `\([A-Z]* \/[^`]*\)`.*/\1/p' "$root/docs/http.md" | sort >lists
    diff has lists
}

@test "concepts.md lists the flags of a new job, each and no other" {
    "$PINION_BINARY" enqueue --help |
        sed -n '/^Flags:/,/^      --redis/s/^  \(-.,\|   \) --\([a-z-]*\) .*/\2/p' |
        grep -v -x -e queue -e wait -e wait-timeout -e bulk -e redis | sort >has
    sed -n 's/^| `--\([a-z-]*\)`\(, `--\([a-z-]*\)`\)* | `.*/\1 \3/p' "$root/docs/concepts.md" |
        xargs -n 1 | sort >lists
    diff has lists
}

@test "operating.md lists the kinds of damage, each and no other, in the same words" {
    sed -n 's/^    {"\([a-z_]*\)", "\([^"]*\)",.*/\1 \2/p' "$root/queue/damage.c" >has
    sed -n '/^| damage |/,/^$/s/^| `\([a-z_]*\)` | \([^|]*\) |.*/\1 \2/p' \
        "$root/docs/operating.md" >lists
    diff has lists
    [ "$(wc -l <lists)" -ge 30 ]
}

@test "concepts.md lists the reasons why a job does not run, each and no other" {
    # Those of a parent's end stand in a table.
    {
        grep -o 'reason = .*;' "$root/control/explain.c"
        grep -o '{"parent_[a-z_]*"' "$root/control/explain.c"
    } | grep -o '"[a-z_]*"' | tr -d '"' | sort >has
    sed -n '/^| reason |/,/^$/s/^| \(`.*`\) | .*/\1/p' "$root/docs/concepts.md" |
        grep -o '[a-z_]*' | sort >lists
    diff has lists
}
