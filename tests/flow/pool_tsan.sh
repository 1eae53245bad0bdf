#!/bin/sh
# pool_tsan.sh COMPILER SOURCE EV_INCLUDE — test_pool.c under ThreadSanitizer.
set -eu

compiler=$1
source=$2
ev=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$compiler" -D_GNU_SOURCE -std=gnu11 -g -O1 -fsanitize=thread -fno-strict-aliasing \
    -I"$source" -isystem "$ev" \
    "$source"/tests/flow/test_pool.c "$source"/tests/support/property.c \
    "$source"/workers/pool.c "$source"/scheduler/ticker.c "$source"/scheduler/wheel.c \
    "$source"/base/*.c -o "$work/test_pool" -lcmocka -lev -lm -lpthread

# Its shadow memory wants addresses that are not too random.
TSAN_OPTIONS=halt_on_error=1:exitcode=66 setarch "$(uname -m)" -R "$work/test_pool"
