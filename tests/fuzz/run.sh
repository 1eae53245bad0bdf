#!/bin/sh
# run.sh PROGRAM SEEDS SECONDS — runs a fuzz target from a corpus that has one input a line.
# What libFuzzer finds, it leaves in the working folder.
set -eu

program=$1 seeds=$2 seconds=$3
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
awk -v dir="$corpus" '{ name = dir "/" NR; printf "%s", $0 >name; close(name) }' "$seeds"
export ASAN_OPTIONS="abort_on_error=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
export UBSAN_OPTIONS="abort_on_error=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}"
"$program" "$corpus" "-max_total_time=$seconds"
