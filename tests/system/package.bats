#!/usr/bin/env bats
# The .deb: what is in it, and its life in a system of its own: installed, started as its unit says,
# removed, purged. Nothing is compiled; the packages are made of what this build has.

load world.bash

setup_file() {
    : "${PINION_BUILD:?expected the build folder}"
    cpack --config "$PINION_BUILD/CPackConfig.cmake" -B "$BATS_FILE_TMPDIR/made" \
        >"$BATS_FILE_TMPDIR/cpack.log" || { cat "$BATS_FILE_TMPDIR/cpack.log"; return 1; }
    DEB=$(echo "$BATS_FILE_TMPDIR"/made/pinion_*.deb)
    DEV=$(echo "$BATS_FILE_TMPDIR"/made/libpinion-dev_*.deb)
    export DEB DEV ROOT=$BATS_FILE_TMPDIR/root
    # An empty system: dpkg's lists, and the files of users.
    mkdir -p "$ROOT"/var/lib/dpkg/{info,updates,triggers} "$ROOT"/etc "$ROOT"/var/lib "$ROOT"/run
    : >"$ROOT/var/lib/dpkg/status" >"$ROOT/etc/passwd" >"$ROOT/etc/group" >"$ROOT/etc/shadow"
    : >"$ROOT/etc/gshadow"
}

setup() {
    world_begin
}

teardown() {
    world_end
}

# As root of that system; elsewhere than in a container one is root in a namespace only.
dpkg_there() {
    local become=()
    [ "$(id -u)" -eq 0 ] || become=(unshare --map-root-user)
    "${become[@]}" dpkg --root="$ROOT" --force-script-chrootless --force-depends --log=/dev/null "$@"
}

unit() { # KEY
    sed -n "s/^$1=//p" "$ROOT/lib/systemd/system/pinion.service" \
        "$ROOT/usr/lib/systemd/system/pinion.service" 2>/dev/null
}

@test "the packages hold what they should, and ask for what they need" {
    dpkg-deb --contents "$DEB" | awk '{print $6}' >files
    for file in /usr/bin/pinion /usr/lib/systemd/system/pinion.service /etc/pinion/pinion.ini \
        /usr/share/doc/pinion/copyright; do
        grep -qx ".$file" files || { echo "no $file in:"; cat files; return 1; }
    done
    run ! grep -q '/usr/local\|/usr/include\|\.a$\|/usr/etc' files
    dpkg-deb --contents "$DEV" | awk '{print $6}' >files
    grep -qx ./usr/include/pinion.h files
    grep -q 'libpinion\.a$' files
    grep -q 'libpinion\.so\.' files
    for needed in redis-server tzdata libssl3 libev4 libjansson4 libc6; do
        dpkg-deb --field "$DEB" Depends | grep -q "\b$needed\b" || { echo "no $needed"; return 1; }
    done
    # Ours is all root's, and nobody else may write to it.
    dpkg-deb --contents "$DEB" | grep -v '^l' >modes
    run ! grep -v '^[d-]rw.r-.r-. root/root ' modes
}

@test "the unit is one that systemd reads, and is well guarded" {
    dpkg_there --install "$DEB"
    [ "$(unit Type)" = notify ]
    [ "$(unit KillMode)" = mixed ]
    [ "$(unit WatchdogSec)" -gt 0 ]
    [ "$(unit Delegate)" = yes ]
    # What it misses is the rest of the system, which this root does not have.
    systemd-analyze --root="$ROOT" verify pinion.service >verified 2>&1 || true
    run ! grep -i 'unknown\|invalid\|ignoring\|failed to parse' verified
    run -0 systemd-analyze --root="$ROOT" security --offline=true --no-pager --threshold=25 \
        pinion.service
}

@test "installed: there is a user; it starts, works, and stops as the unit says" {
    grep -q '^pinion:.*:/var/lib/pinion:/usr/sbin/nologin$' "$ROOT/etc/passwd"
    # systemd's part: the state folder, the manager's socket, the command of the unit.
    mkdir -m 0750 "$ROOT/var/lib/pinion"
    : >told
    socat -u UNIX-RECV:manager OPEN:told,append 3>&- &
    echo $! >>"$CHILDREN"
    eventually "a socket" [ -S manager ]
    unit ExecStart | sed "s#/usr/bin\|/var/lib\|/etc/#$ROOT&#g" >command
    PINION_BINARY=$ROOT/usr/bin/pinion
    NOTIFY_SOCKET=$PWD/manager WATCHDOG_USEC=300000 setpriv --pdeathsig KILL \
        xargs -a command -- env >service.out 2>service.log 3>&- &
    SERVICE=$!
    echo "$SERVICE" >>"$CHILDREN"
    eventually "READY" grep -q READY=1 told
    eventually "the watchdog" grep -q WATCHDOG=1 told
    export PINION_STATE=$ROOT/var/lib/pinion
    run -0 pinion enqueue pinion.noop --id first --wait --wait-timeout "${WAIT_S}s"
    pinion enqueue pinion.noop --in 1d --id kept
    # mixed: SIGTERM for the service alone; its Redis ends with it.
    main=$(jq .pid "$PINION_STATE/pinion.json")
    kill -TERM "$main"
    eventually "the end" gone "$main"
    grep -q STOPPING=1 told
    run ! pgrep -f "$PINION_STATE"
}

@test "upgraded, it keeps its configuration and its jobs; removed, its jobs; purged, nothing" {
    echo '; mine' >>"$ROOT/etc/pinion/pinion.ini"
    dpkg_there --force-confold --install "$DEB"
    grep -q '^; mine' "$ROOT/etc/pinion/pinion.ini"

    dpkg_there --remove pinion
    [ ! -e "$ROOT/usr/bin/pinion" ]
    [ ! -d "$ROOT/usr" ]
    [ -d "$ROOT/var/lib/pinion/store" ]
    [ -e "$ROOT/etc/pinion/pinion.ini" ]

    dpkg_there --purge pinion
    run ! grep pinion "$ROOT/etc/passwd" "$ROOT/etc/group" "$ROOT/etc/shadow" "$ROOT/etc/gshadow"
    [ -z "$(find "$ROOT" -path "$ROOT/var/lib/dpkg" -prune -o -name '*pinion*' -print)" ]
}
