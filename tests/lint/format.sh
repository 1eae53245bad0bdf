#!/bin/sh
# format.sh — brings our C into the form of .clang-format, in place. A help, not a check.
set -eu

cd "$(dirname -- "$0")/../.."
command -v clang-format >/dev/null || {
    echo "format.sh: no clang-format, expected one (./setup packages)" >&2
    exit 1
}
find include base queue scheduler workers control cli examples tests \
    -type f -name '*.[ch]' -exec clang-format -i {} +
