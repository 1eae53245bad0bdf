#!/usr/bin/env bats
# The README's tour is typed as it stands, and so is every other page's; see console.sh.

console=$BATS_TEST_DIRNAME/console.sh
root=$BATS_TEST_DIRNAME/../..

@test "the tour of the README works as shown" {
    "$console" "$root/README.md"
}

@test "what the other pages show works as shown" {
    for page in "$root"/docs/*.md "$root"/docs/*/*.md; do
        if grep -q '^```console$' "$page"; then "$console" "$page"; fi
    done
}

@test "an answer that differs, and a service that fails, are noticed" {
    page=$BATS_TEST_TMPDIR/page.md
    printf '```console\n$ echo 5\n6\n```\n' >"$page"
    run "$console" "$page"
    [ "$status" -eq 1 ]
    [[ "$output" == *"--- shown:"*6*"--- came:"*5* ]]

    printf '```console\n$ pinion serve --concurrency none\n```\n' >"$page"
    run "$console" "$page"
    [ "$status" -eq 1 ]
    [[ "$output" == *"not ready: pinion serve --concurrency none"* ]]

    printf '```console\n$ pinion serve\n$ pinion queue pause default\npaused\n```\n' >"$page"
    timeout 60 "$console" "$page"

    printf '```console\n$ echo a \\\n  b\na b\n$ false\n$ echo $?\n1\n```\n' >"$page"
    "$console" "$page"
}

@test "files that pages link to are there" {
    for page in "$root"/*.md "$root"/docs/*.md "$root"/docs/*/*.md; do
        while read -r link; do
            [ -e "${page%/*}/$link" ] || { echo "$page: no $link" && false; }
        done < <(grep -o ']([^)#]*' "$page" | sed 's/^](//' | grep -v '^[a-z]*:' || true)
    done
}
