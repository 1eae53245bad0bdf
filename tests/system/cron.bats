#!/usr/bin/env bats
# `pinion cron`: an expression in words and in times; no Redis, no service.

load world.bash

setup() {
    world_begin
}

teardown() {
    world_end
}

next_of() { # SPEC FLAGS...: its next times, one a line
    pinion cron "$@" --json | jq -r '.next[]'
}

@test "words, times, and the zone that was asked for" {
    exits 0 cron '30 2 * * MON-FRI' --tz Europe/Berlin --from '2026-11-23 12:00' --count 2
    [[ "${lines[0]}" == *"02:30"*"Monday"* ]]
    [[ "$output" == *"Tue  2026-11-24T02:30:00+01:00"* ]]
    [ "$(pinion cron '0 0 1 1 *' --from 2026-06-01T00:00:00Z --count 1 --json |
        jq -c '[.spec, .tz, .next]')" = '["0 0 1 1 *","UTC",["2027-01-01T00:00:00+00:00"]]' ]
    # The same moment, whichever way it is said.
    [ "$(next_of '0 * * * *' --tz Europe/Berlin --from '2026-11-23 10:30' --count 1)" = \
        "$(next_of '0 * * * *' --tz Europe/Berlin --from 2026-11-23T09:30:00Z --count 1)" ]
}

@test "nights on which clocks change are marked, and follow the policy" {
    local ny=(--tz America/New_York --count 1)
    [ "$(next_of '30 2 * * *' "${ny[@]}" --from '2023-03-11 12:00')" = 2023-03-12T03:00:00-04:00 ]
    [ "$(next_of '30 2 * * *' "${ny[@]}" --from '2023-03-11 12:00' --dst skip)" = \
        2023-03-13T02:30:00-04:00 ]
    [ "$(next_of '30 1 * * *' "${ny[@]}" --from '2023-11-04 12:00')" = 2023-11-05T01:30:00-04:00 ]
    [ "$(next_of '30 1 * * *' "${ny[@]}" --from '2023-11-04 12:00' --dst once-late)" = \
        2023-11-05T01:30:00-05:00 ]
    [ "$(pinion cron '30 1 * * *' --tz America/New_York --from '2023-11-04 12:00' --count 3 \
        --dst both --json | jq -c .notes)" = '["overlap_first","overlap_second",null]' ]
    exits 0 cron '30 2 * * *' "${ny[@]}" --from '2023-03-11 12:00'
    [[ "$output" == *"the clocks jump over its time"* ]]
}

@test "what never comes is no error" {
    exits 0 cron '0 0 30 2 *'
    [[ "$output" == *never* ]]
    [ "$(pinion cron '0 0 30 2 *' --json | jq -c .next)" = '[]' ]
    exits 0 cron @reboot
    [ "$(pinion cron @reboot --json | jq -c .next)" = '[]' ]
    [ "$(next_of '@every 90s' --from 2026-11-23T09:19:00Z --count 1)" = 2026-11-23T09:19:30+00:00 ]
}

@test "what the dialect refuses ends with 2, and the column is marked" {
    exits 2 cron '0 0 32 * *'
    [ -z "$output" ]
    [[ "$stderr" == "pinion: day-of-month, column 5: expected"*"'32'"* ]]
    [ "$(sed -n 2p <<<"$stderr")" = '  0 0 32 * *' ]
    [ "$(sed -n 3p <<<"$stderr")" = '      ^' ]
    local spec
    for spec in '' '* * * *' '*/0 * * * *' '0/15 * * * *' '60 * * * *' '5-1 * * * *' '@Daily' \
        '? * * * *' '@every 1ms' "$(head -c 10000 /dev/zero | tr '\0' '*')"; do
        exits 2 cron "$spec"
        [[ "$stderr" == "pinion: "*expected* ]]
    done
}

@test "flags that make no sense are refused" {
    exits 2 cron '* * * * *' --tz Europe/Berln
    [[ "$stderr" == *"--tz: unknown time zone 'Europe/Berln': did you mean Europe/Berlin?"* ]]
    exits 2 cron '* * * * *' --tz ../../etc/passwd
    exits 2 cron '* * * * *' --dst sometimes
    exits 2 cron '* * * * *' --from yesterday
    exits 2 cron '* * * * *' --tz Europe/Berlin --from '2026-03-29 02:30'
    [[ "$stderr" == *"jump over it"* ]]
    exits 2 cron '* * * * *' --count 0
    exits 2 cron
    exits 2 cron '*' '*' '*' '*' '*'
}
