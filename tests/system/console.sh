#!/usr/bin/env bash
# console.sh DOCUMENT — types what the document's ```console blocks show, and compares the answers.
#
#     $ COMMAND        in one shell, in the order of the page; a line that ends with \ goes on
#     ANSWER           what must come: ... fits anything; ids, times, durations and rates fit any
#
# `pinion serve` runs in the background until the next one, or the end, where Ctrl-C must end it
# with exit status 0. Its answer is not compared. PINION_BINARY is the program; the folder of the
# document's repository is not touched: everything happens in a scratch folder.
set -u

READY_SECONDS_MAX=20

document=$(realpath "$1")
scratch=$(mktemp -d)
service=
failures=0

# The answer of one command is compared as one line of text where all that varies has a name.
normal()
{
    sed -E -e 's/[0-9A-HJKMNP-TV-Z]{26}/ID/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\.[0-9]+)?(Z| ?[+-][0-9]{2}:[0-9]{2})/TIME/g' \
        -e 's/127\.0\.0\.1:[0-9]+/ADDRESS/g' -e 's/\b[0-9a-f]{12}\b/SERVER/g' \
        -e 's/\b([0-9.]+(us|ms|s|m|h))+\b/DURATION/g' -e 's/\([0-9]+\/s\)/(RATE)/g' \
        -e 's/ +/ /g' -e 's/[ \r]+$//'
}

fits()
{
    local wanted
    wanted=$(normal <"$scratch/wanted" | sed -e 's/[][*?\\]/\\&/g' -e 's/\.\.\./*/g')
    # shellcheck disable=SC2053 # the right side is a pattern
    [[ $(normal <"$scratch/got") == $wanted ]]
}

stop_service()
{
    [ -n "$service" ] || return 0
    kill -INT "$service" 2>/dev/null
    wait "$service" || {
        echo "pinion serve ended with exit status $?:" && cat "$scratch/serve.log"
        failures=$((failures + 1))
    }
    service=
}

trap 'stop_service; rm -rf "$scratch"' EXIT

serve()
{
    stop_service
    : >"$scratch/serve.log" # now: the background would be late, and the last one was ready as well
    eval "exec $1" 2>>"$scratch/serve.log" &
    service=$!
    local until=$((SECONDS + READY_SECONDS_MAX))
    while ! grep -q event=ready "$scratch/serve.log"; do
        if ! kill -0 "$service" 2>/dev/null || [ "$SECONDS" -ge "$until" ]; then
            echo "not ready: $1" && cat "$scratch/serve.log"
            exit 1
        fi
        sleep 0.05
    done
    http=$(sed -n 's/.*event=ready http=\([^ ]*\).*/\1/p' "$scratch/serve.log")
    http=${http#https://}
}

status=0
set_status() { return "$status"; } # so that $? is what it would be in a terminal

type_command()
{
    local command=$1
    if [[ "$command " == "pinion serve "* && $command != *--help* ]]; then
        serve "$command"
        return
    fi
    set_status
    eval "${command//127.0.0.1:7466/$http}" >"$scratch/got" 2>&1 </dev/null
    status=$?
    if ! fits; then
        printf '%s: $ %s\n--- shown:\n%s\n--- came:\n%s\n' "${document##*/}" "$command" \
            "$(cat "$scratch/wanted")" "$(cat "$scratch/got")"
        failures=$((failures + 1))
    fi
}

# What is typed, as lines of $, and what must come, as lines of >.
awk '/^```console$/ { inside = 1; next }
    /^```/ { inside = 0 }
    !inside { next }
    more { print "+" $0; more = /\\$/; next }
    /^\$ / { print "$" substr($0, 3); more = /\\$/; next }
    { print ">" $0 }' "$document" >"$scratch/lines"
echo "$" >>"$scratch/lines" # so that the last one is typed as well

mkdir "$scratch/home"
cd "$scratch/home" || exit 1
unset PINION_REDIS_URL PINION_STATE PINION_NAMESPACE PINION_LOG_LEVEL PINION_LOG_FORMAT
export HOME=$PWD XDG_STATE_HOME=$PWD/state PINION_LISTEN=127.0.0.1:0
PATH=$(dirname "$PINION_BINARY"):$PATH
typed=0
pending=
http=127.0.0.1:7466
while IFS= read -r line <&3; do
    case $line in
    '$'*)
        [ -z "$pending" ] || { type_command "$pending" && :; typed=$((typed + 1)); }
        pending=${line#$}
        : >"$scratch/wanted"
        ;;
    +*) pending=${pending%\\}${line#+} ;;
    *) printf '%s\n' "${line#>}" >>"$scratch/wanted" ;;
    esac
done 3<"$scratch/lines"
stop_service
echo "${document##*/}: $typed commands, $failures failures"
[ "$failures" -eq 0 ] && [ "$typed" -gt 0 ]
