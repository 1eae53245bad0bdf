#!/bin/sh
# plugin.sh — serves with plugin.c (PINION_PLUGIN, built) and runs its two kinds of jobs.
set -eu

: "${PINION:?expected the path of the built pinion}" "${PINION_PLUGIN:?expected that of plugin.so}"
PINION_STATE=$(mktemp -d)
export PINION_STATE
"$PINION" serve --listen none --plugin "$PINION_PLUGIN" 2>"$PINION_STATE/log" &
server=$!
trap 'kill $server 2>/dev/null; wait $server || true; cat "$PINION_STATE/log"; rm -rf "$PINION_STATE"' EXIT

# The service has only just been started: asked for a time, a command waits for it to come.
[ "$("$PINION" enqueue text.reverse noinip --connect-timeout 20s --wait --wait-timeout 20s)" = \
    pinion ]
[ "$("$PINION" enqueue text.later --wait --wait-timeout 20s)" = 'after a beat' ]
echo "both kinds run"
