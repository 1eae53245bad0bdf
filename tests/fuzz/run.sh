#!/bin/sh
# run.sh PROGRAM SEEDS SECONDS [FILE...] — runs a fuzz target from a corpus.
# SEEDS has one input a line; each FILE is one as a whole, or is left out where there is none.
# What libFuzzer finds, it leaves in the working folder.
set -eu

program=$1 seeds=$2 seconds=$3
shift 3
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
awk -v dir="$corpus" '{ name = dir "/" NR; printf "%s", $0 >name; close(name) }' "$seeds"
count=0
for file; do
    count=$((count + 1))
    if [ -r "$file" ]; then cp "$file" "$corpus/file-$count"; fi
done
export ASAN_OPTIONS="abort_on_error=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="abort_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
"$program" "$corpus" "-max_total_time=$seconds"
