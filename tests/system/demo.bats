#!/usr/bin/env bats
# The demo from outside: what it refuses, and what it leaves behind when it is interrupted. That it
# works is a test of its own: examples.demo.

setup()
{
    demo=$BATS_TEST_DIRNAME/../../examples/demo.sh
    export PINION=$PINION_BINARY
    export PINION_DEMO_WORK=${PINION_BINARY%/*}/examples/demo_work
    export TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
}

@test "a program or a folder that is not there is named" {
    PINION=/nowhere/pinion run "$demo" "$BATS_TEST_DIRNAME"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no program /nowhere/pinion"* ]]

    run "$demo" /nowhere/files
    [ "$status" -eq 1 ]
    [[ "$output" == *"no folder /nowhere/files"* ]]

    mkdir "$BATS_TEST_TMPDIR/empty"
    run "$demo" "$BATS_TEST_TMPDIR/empty"
    [ "$status" -eq 1 ]
    [[ "$output" == *"no readable file below $BATS_TEST_TMPDIR/empty"* ]]
    [ -z "$(ls -A "$TMPDIR")" ]
}

@test "names with blanks, quotes and backslashes are files like others" {
    mkdir "$BATS_TEST_TMPDIR/odd"
    for name in 'a b' "it's" 'say "so"' 'back\slash' '{"id":"x"}' plain; do
        echo "$name" >"$BATS_TEST_TMPDIR/odd/$name"
    done
    run "$demo" "$BATS_TEST_TMPDIR/odd"
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$output" == *"jobs done       6 of 6"* ]]
}

@test "a result that is wrong is noticed" {
    # The same program, but the checksum that it logs is always 1.
    cat >"$BATS_TEST_TMPDIR/liar" <<EOF
#!/bin/sh
"$PINION_DEMO_WORK" "\$1.true" "\${2:-}" || exit
tail -n 1 "\$1.true" | sed 's/ done [0-9]*/ done 1/' >>"\$1"
EOF
    chmod +x "$BATS_TEST_TMPDIR/liar"
    mkdir "$BATS_TEST_TMPDIR/one"
    echo hello >"$BATS_TEST_TMPDIR/one/file"
    PINION_DEMO_WORK=$BATS_TEST_TMPDIR/liar run "$demo" "$BATS_TEST_TMPDIR/one"
    echo "$output"
    [ "$status" -eq 1 ]
    [[ "$output" == *"the results are not those of cksum"* ]]
}

@test "Ctrl-C leaves no process and no file" {
    mkfifo "$BATS_TEST_TMPDIR/out"
    # A session of its own, for a terminal sends the signal to the whole group; and with the signal
    # as a terminal's programs have it, for a shell in the background ignores it.
    setsid env --default-signal=INT "$demo" "$BATS_TEST_DIRNAME/../.." \
        >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    demo_pid=$!
    exec 4<"$BATS_TEST_TMPDIR/out"
    while read -r line <&4; do
        [[ "$line" != *"jobs enqueued"* ]] || break
    done
    group=$(ps -o pgid= -p "$demo_pid" | tr -d ' ')
    kill -INT -- "-$group"
    cat <&4 # until all who hold it have ended
    status=0
    wait "$demo_pid" || status=$?
    [ "$status" -eq 130 ]
    [ -z "$(ls -A "$TMPDIR")" ]
}
