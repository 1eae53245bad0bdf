#!/usr/bin/env bats
# The man pages tell of each verb, flag, key, route and function, and render without a warning.

load world

root=$BATS_TEST_DIRNAME/../..

setup_file() {
    export PAGES=$BATS_FILE_TMPDIR/pages
    "$BATS_TEST_DIRNAME/../../docs/man/make.sh" "$PINION_BINARY" "$PAGES"
    local page
    for page in pinion.1 pinion.conf.5 pinion-api.7 pinion.3; do
        LC_ALL=C.UTF-8 MANWIDTH=200 \
            man --warnings -l "$PAGES/$page" >"$PAGES/$page.text" 2>"$PAGES/$page.said"
    done
}

setup() {
    cd "$BATS_TEST_TMPDIR"
}

@test "each page renders, without a warning" {
    local page
    for page in pinion.1 pinion.conf.5 pinion-api.7 pinion.3; do
        [ ! -s "$PAGES/$page.said" ] || { cat "$PAGES/$page.said"; return 1; }
        [ "$(wc -l <"$PAGES/$page.text")" -ge 80 ]
        # Nothing of the sources is left in it.
        ! grep -n -e '@[A-Z]*@' -e '](' "$PAGES/$page.text" || return 1
    done
}

@test "pinion.1 has each verb, and each flag in its place" {
    local command noun count=0
    sed -n '/^COMMON FLAGS/,/^VERBS/s/^ *--\([a-z-]*\).*/--\1/p' "$PAGES/pinion.1.text" | sort >common
    [ "$(wc -l <common)" -eq 7 ]
    # A part begins with "   pinion NOUN VERB USAGE"; a usage has no small letter in front.
    sed -n 's/^   pinion \([a-z]*\( [a-z]\+\)*\).*/\1/p' "$PAGES/pinion.1.text" >commands
    for noun in $("$PINION_BINARY" completion words -- '' | cut -f1); do
        grep -q -x "$noun" commands && continue
        "$PINION_BINARY" completion words -- "$noun" '' | cut -f1 | sort >has
        [ -s has ] && sed -n "s/^$noun //p" commands | sort | diff has -
    done
    while read -r command; do
        sed -n "/^   pinion $command\( \|\$\)/,/^   [p]inion /p" "$PAGES/pinion.1.text" |
            sed '1!{/^   pinion /d}' | sed -n 's/^ *\(-.,\)* *\(--[a-z0-9-]*\)\( .*\)*$/\2/p' |
            sort >shown
        # shellcheck disable=SC2086 # words
        "$PINION_BINARY" completion words -- $command -- | cut -f1 | grep -v -x -e --help |
            sort >has || true
        # Those that it does not show are common ones; it shows none that there is not.
        comm -23 has shown | comm -23 - common >missing
        comm -13 has shown >foreign
        [ ! -s missing ] && [ ! -s foreign ] ||
            { echo "pinion $command: $(cat missing) / $(cat foreign)"; return 1; }
        count=$((count + 1))
    done <commands
    [ "$count" -ge 45 ]
}

@test "pinion.conf.5 has each key, pinion-api.7 each route" {
    local key method path
    for key in $("$PINION_BINARY" completion words -- serve -- | cut -f1 | sed 's/^--//'); do
        case $key in config | help) continue ;; esac
        grep -q -x " *$key" "$PAGES/pinion.conf.5.text" || { echo "no key $key"; return 1; }
    done
    sed -n 's/.*{"\([A-Z]*\)", *"\(\/[^"]*\)".*/\1 \2/p' "$root/control/api/api.c" >routes
    [ "$(wc -l <routes)" -ge 40 ]
    while read -r method path; do
        grep -q -F -x "       $method $path" "$PAGES/pinion-api.7.text" ||
            { echo "no route $method $path"; return 1; }
    done <routes
}

@test "pinion.3 has each function" {
    local name
    for name in $(sed -n 's/.*[ *]\(pinion_[a-z_]*\) [0-9]*\.[0-9]*\.[0-9]*.*/\1/p' \
        "$BATS_TEST_DIRNAME/interface.txt") $(grep -o 'pinion_[a-z_]*(' "$root/include/pinion.h" |
        tr -d '('); do
        grep -q "\b$name\b" "$PAGES/pinion.3.text" || { echo "no function $name"; return 1; }
    done
}

@test "without scdoc there is completion all the same" {
    mkdir bin
    local tool
    for tool in sh sed awk cut grep mktemp mkdir rm dirname basename cat mv; do
        ln -s "$(command -v "$tool")" "bin/$tool"
    done
    PATH=$PWD/bin "$root/docs/man/make.sh" "$PINION_BINARY" made
    [ -s made/pinion.bash ] && [ -s made/_pinion ] && [ ! -e made/pinion.1 ]
}
