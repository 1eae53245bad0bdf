#!/usr/bin/env bats
# ./setup in a system of our own making: apt, dpkg, id and sudo are doubles that write down how
# they were called. What it builds and tests is proven by whoever runs it.

setup() {
    ROOT=$BATS_TEST_DIRNAME/../..
    BIN=$BATS_TEST_TMPDIR/bin
    export CALLS=$BATS_TEST_TMPDIR/calls HAVE=$BATS_TEST_TMPDIR/have USER_ID=0 FAILURES=0
    mkdir "$BIN"
    : >"$CALLS"
    : >"$HAVE"
    local tool
    for tool in sh env cat dirname grep sed tr; do
        ln -s "$(command -v "$tool")" "$BIN/$tool"
    done
    double id 'echo "$USER_ID"'
    double dpkg-query 'for last; do :; done' 'grep -qx -- "$last" "$HAVE" && echo "ii "'
    double apt-cache '[ "$2" = libllhttp-dev ] && where="(none)"' \
        'printf "%s:\n  Candidate: %s\n" "$2" "${where:-1.0}"'
    double systemctl '[ "$1" = is-system-running ] || echo "systemctl $*" >>"$CALLS"' \
        'echo "${SYSTEMD:-offline}"'
    double redis-server 'echo "Redis server v=${REDIS:-7.0.15} sha=0"'
    double apt-get 'echo "apt-get $*" >>"$CALLS"' 'case " $* " in *" install "*) ;; *) exit ;; esac' \
        'if [ "$(grep -c install "$CALLS")" -le "$FAILURES" ]; then echo "E: asleep"; exit 100; fi' \
        'for word; do echo "$word"; done >>"$HAVE"'
}

double() { # NAME LINE...
    local name=$1
    shift
    printf '%s\n' '#!/bin/sh' "$@" >"$BIN/$name"
    chmod +x "$BIN/$name"
}

packages() {
    run env PATH="$BIN" CI=true "$ROOT/setup" packages
}

@test "setup: installs what is missing, then nothing more" {
    packages
    [ "$status" -eq 0 ]
    [ "$(grep -c update "$CALLS")" -eq 1 ]
    grep 'install --no-install-recommends .*gcc .*lua5.1 .*zsh node-llhttp' "$CALLS"
    : >"$CALLS"
    packages
    [ "$status" -eq 0 ]
    [ ! -s "$CALLS" ]
}

@test "setup: installs only what is missing" {
    packages
    grep -vx jq "$HAVE" >"$HAVE.less"
    mv "$HAVE.less" "$HAVE"
    packages
    [ "$status" -eq 0 ]
    [[ "$(tail -n 1 "$CALLS")" == *'--no-install-recommends jq' ]]
}

@test "setup: promtool comes without a service of prometheus" {
    packages
    [ "$status" -eq 0 ]
    ! grep systemctl "$CALLS" || return 1
    : >"$HAVE"
    : >"$CALLS"
    SYSTEMD=degraded packages
    [ "$status" -eq 0 ]
    [ "$(sed -n '/prometheus/s/.*\(mask\|install\|disable\) .*/\1/p' "$CALLS" | xargs)" = \
        "mask install mask disable" ]
    grep -x prometheus "$HAVE"
    # What fails is unmasked again, and tried once more.
    : >"$HAVE"
    : >"$CALLS"
    SYSTEMD=running FAILURES=1 packages
    [ "$status" -eq 0 ]
    [ "$(grep -c ' mask ' "$CALLS")" -eq "$(grep -c ' unmask ' "$CALLS")" ]
}

@test "setup: one failure of the mirror is survived, two are told" {
    FAILURES=1
    packages
    [ "$status" -eq 0 ]
    : >"$HAVE"
    : >"$CALLS"
    FAILURES=2
    packages
    [ "$status" -eq 1 ]
    [[ $output == *'E: asleep'*'cannot install: gcc'* ]]
    [ "$(grep -c install "$CALLS")" -eq 2 ]
}

@test "setup: without root and sudo it says what is missing" {
    USER_ID=1000
    packages
    [ "$status" -eq 1 ]
    [[ $output == *'missing packages: gcc'*'as root, or install sudo'* ]]
    [ ! -s "$CALLS" ]
}

@test "setup: without root it asks sudo, which may not ask back in CI" {
    USER_ID=1000
    double sudo 'echo "sudo $1" >>"$CALLS"' 'shift' 'exec "$@"'
    packages
    [ "$status" -eq 0 ]
    grep -x 'sudo -n' "$CALLS"
}

@test "setup: root is not needed when nothing is missing" {
    packages
    USER_ID=1000
    packages
    [ "$status" -eq 0 ]
}

@test "setup: an installation that left something out is an error" {
    double apt-get 'exit 0'
    packages
    [ "$status" -eq 1 ]
    [[ $output == *'still missing'* ]]
}

@test "setup: other systems and an old Redis are told what is expected" {
    packages
    REDIS=6.2.1 packages
    [ "$status" -eq 1 ]
    [[ $output == *'redis-server 7 or newer is needed, this system has 6'* ]]
    rm "$BIN/apt-get"
    packages
    [ "$status" -eq 1 ]
    [[ $output == *'no apt-get here'*'gcc'* ]]
}

@test "setup: bad arguments are refused, help is not" {
    run "$ROOT/setup" fly
    [ "$status" -eq 1 ]
    [[ $output == *'expected demo, test, build or packages'* ]]
    run "$ROOT/setup" test now
    [ "$status" -eq 1 ]
    run "$ROOT/setup"
    [ "$status" -eq 0 ]
    [[ $output == 'usage: ./setup VERB'* ]]
}

@test "setup: works with standard input closed" {
    run env PATH="$BIN" sh -c '"$1" packages <&-' sh "$ROOT/setup"
    [ "$status" -eq 0 ]
}
