#!/bin/sh
# lua.sh [ROOT] — do the Redis scripts parse, and do they leave Redis without globals of theirs?
#
# ROOT: default this repository. Redis runs Lua 5.1, so 5.1's compiler judges. Lines that begin
# with --@ speak to the build and are emptied, so that line numbers stay true.
set -eu

root=${1:-$(dirname -- "$0")/../..}
cd "$root"

luac=
for candidate in luac5.1 luac; do
    if command -v "$candidate" >/dev/null && "$candidate" -v 2>&1 | grep -q '^Lua 5\.1'; then
        luac=$candidate
        break
    fi
done
if [ -z "$luac" ]; then
    echo "lua.sh: no luac of Lua 5.1, expected one (package lua5.1; ./setup packages)" >&2
    exit 1
fi

scripts=$(find queue/scripts -type f -name '*.lua' 2>/dev/null | LC_ALL=C sort)
if [ -z "$scripts" ]; then
    echo "lua.sh: no script in $root/queue/scripts, expected some" >&2
    exit 1
fi

count=0
breaches=0
for script in $scripts; do
    count=$((count + 1))
    if ! code=$(sed -e '1s/^#!.*//' -e 's/^--@.*//' "$script" | "$luac" -l -p - 2>&1); then
        printf '%s\n' "$code" | sed "s|^[^ ]*luac[^:]*: stdin:|$script:|" | sed "s|stdin:|$script:|"
        breaches=$((breaches + 1))
        continue
    fi
    globals=$(printf '%s\n' "$code" | awk '$3 == "SETGLOBAL" { print $NF, $2 }')
    if [ -n "$globals" ]; then
        printf '%s\n' "$globals" | sed "s|^\(.*\) \[\(.*\)\]|$script:\2: sets the global \1, expected a local|"
        breaches=$((breaches + 1))
    fi
done

echo "lua.sh: $count scripts, $breaches with a breach"
[ "$breaches" -eq 0 ]
