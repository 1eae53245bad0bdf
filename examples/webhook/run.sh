#!/bin/sh
# run.sh — jobs that a service elsewhere does: its handler is a URL, and each attempt a signed POST.
#
# PINION names the program, default: pinion. Everything happens in a scratch folder.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
pinion=${PINION:-pinion}
scratch=$(mktemp -d)
receiver=
service=

finish()
{
    for pid in $service $receiver; do kill "$pid" 2>/dev/null || :; done
    wait
    rm -rf "$scratch"
}
trap finish EXIT
cd "$scratch"
export PINION_STATE="$scratch/state"
unset PINION_REDIS_URL

# until_there FILE TEXT: FILE has it, within 20 s.
until_there()
{
    tries=0
    until grep -q -- "$2" "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 400 ] || { echo "$1: no '$2'"; cat "$scratch/log"; exit 1; }
        sleep 0.05
    done
}

# expect WANTED COMMAND...: that is what it prints.
expect()
{
    wanted=$1
    shift
    got=$("$@") || :
    echo "$got"
    [ "$got" = "$wanted" ] || { echo "expected: $wanted"; cat log; exit 1; }
}

printf 'a secret of both\n' >secret
PYTHONDONTWRITEBYTECODE=1 python3 "$here/receiver.py" port secret &
receiver=$!
until_there port '^[0-9]'

# 127.0.0.0/8 is opened: else no webhook reaches this machine itself.
cat >pinion.ini <<END
[serve]
webhook-allow = 127.0.0.0/8

[webhook "words.count"]
url = http://127.0.0.1:$(cat port)/words
secret-file = $scratch/secret
timeout = 10s

[webhook "words.busy"]
url = http://127.0.0.1:$(cat port)/busy
secret-file = $scratch/secret
backoff = fixed:50ms

[webhook "words.unsigned"]
url = http://127.0.0.1:$(cat port)/words
END
"$pinion" serve -c pinion.ini --listen none 2>log &
service=$!
until_there log event=ready

expect '3 words' "$pinion" enqueue words.count 'one two three' --wait
expect '2 words' "$pinion" enqueue words.busy 'after all' --wait
expect '' "$pinion" enqueue words.unsigned 'whoever' --id forged --wait 2>said
until_there said 'HTTP 401: not from our Pinion'
