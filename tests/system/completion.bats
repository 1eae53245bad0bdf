#!/usr/bin/env bats
# Completion: what the program offers, and what bash and zsh make of it when somebody presses Tab.

load world

setup_file() {
    export PINION_STATE=$BATS_FILE_TMPDIR/state HOME=$BATS_FILE_TMPDIR
    cd "$BATS_FILE_TMPDIR"
    setpriv --pdeathsig KILL "$PINION_BINARY" serve --listen none -q default -q mail \
        --command wc='wc -w' --command user.*=true 2>serve.log 3>&- &
    echo $! >serve.pid
    within 20 "the service" grep -q event=ready serve.log
    "$PINION_BINARY" enqueue nobody text -q mail --id a-1
    "$PINION_BINARY" enqueue nobody text -q mail --id b-1 --in 1h
    "$PINION_BINARY" enqueue nobody text --id c-1
    "$PINION_BINARY" job cancel default:c-1
    "$PINION_BINARY" schedule add nightly --cron '0 3 * * *' wc
    "$PINION_BINARY" batch open parts -q mail
    "$PINION_BINARY" token make reader --role read
    mkdir "$BATS_FILE_TMPDIR/bin"
    ln -s "$PINION_BINARY" "$BATS_FILE_TMPDIR/bin/pinion"
}

teardown_file() {
    ends_below "$BATS_FILE_TMPDIR" "$(cat "$BATS_FILE_TMPDIR/serve.pid")"
}

setup() {
    unset PINION_REDIS_URL
    cd "$BATS_TEST_TMPDIR"
}

offers() { # "WORD WORD" LINE...: exactly these, in any order
    local expected=$1 got
    shift
    got=$("$PINION_BINARY" completion words -- "$@" 2>&1 | cut -f1 | sort | xargs)
    [ "$got" = "$(tr ' ' '\n' <<<"$expected" | sort | xargs)" ] ||
        { echo "pinion $*: offered '$got', expected '$expected'"; return 1; }
}

# Every command, "VERB" or "NOUN VERB", by the program's own tables.
commands() {
    local noun verb
    for noun in $("$PINION_BINARY" completion words -- '' | cut -f1); do
        if "$PINION_BINARY" "$noun" --help | grep -q '^Usage: pinion [a-z]* VERB'; then
            for verb in $("$PINION_BINARY" completion words -- "$noun" '' | cut -f1); do
                echo "$noun $verb"
            done
        else
            echo "$noun"
        fi
    done
}

@test "verbs, words of nouns, and what comes behind help" {
    [ "$("$PINION_BINARY" completion words -- '' | cut -f1 | xargs)" = \
        "$("$PINION_BINARY" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | grep -v pinion | xargs)" ]
    offers queue qu
    offers 'pause purge' queue p
    offers 'pause purge' help queue p
    offers '' nonsense p
    offers '' queue nonsense p
    offers '--help' queue --he
}

@test "every command: its flags are those of its help, and an unknown one exits with 2" {
    local command count=0
    while read -r command; do
        # shellcheck disable=SC2086 # words
        "$PINION_BINARY" $command --help >help
        grep -q "^Usage: pinion $command" help
        grep -q '^Example' help
        # shellcheck disable=SC2086
        "$PINION_BINARY" completion words -- $command -- | cut -f1 | sort >offered
        sed -n '/^Example/q; s/^  \(-.,\|   \) \(--[a-z-]*\)\( .*\)*$/\2/p' help | sort >shown
        grep -v -x -e --help offered | diff - <(grep -v -x -e --help shown)
        grep -q -x -e --help offered
        # shellcheck disable=SC2086
        run "$PINION_BINARY" $command --no-such-flag
        [ "$status" -eq 2 ] && [[ "$output" == *no-such-flag* ]]
        # Whatever tells something tells it to programs too.
        [[ "$command" == serve || "$command" == completion* ]] || grep -q -x -e --json offered
        count=$((count + 1))
    done < <(commands)
    [ "$count" -ge 45 ]
}

@test "names, as they are at this moment" {
    offers 'default mail' queue pause ''
    offers mail queue show m
    offers '' queue show mail ''
    offers 'mail:a-1 mail:b-1' job show mail:
    offers 'mail:a-1 mail:b-1 default:c-1' job show ''
    offers 'a-1 b-1' job show -q mail ''
    offers 'default:c-1' job retry ''
    offers 'mail:b-1' job run ''
    offers 'mail:a-1 mail:b-1' job cancel mail:a-1 ''
    offers 'wc user. pinion.noop pinion.sleep' enqueue ''
    offers wc enqueue w
    offers 'default mail' enqueue wc -q ''
    offers '--queue=default --queue=mail' enqueue wc --queue=
    offers '' enqueue wc ''
    offers nightly schedule show ''
    offers nightly schedule remove nightly ''
    offers wc schedule add n --cron '0 3 * * *' w
    offers parts batch show -q mail ''
    offers '' batch show ''
    offers reader token revoke ''
    offers "$("$PINION_BINARY" server list --json | jq -r '.items[].name')" server stop ''
    offers 'both once-late skip vixie' schedule add n --dst ''
    offers 'dead done' job list --state d
    offers '--state=dead --state=done' job list --state=d
    offers 'drain' bench enqueue dr
    offers ':file' schedule import ''
    offers ':folder' queue list --state ''
}

@test "nobody to ask: it is quick, and silent" {
    offers '' queue show --redis unix:/nowhere ''
    offers '' job show --redis redis://no.such.host ''
    offers '' queue show --namespace 'no such' ''
    PINION_STATE=$PWD/none offers '' token revoke ''
    run "$PINION_BINARY" completion words -- queue show --redis unix:/nowhere ''
    [ "$status" -eq 0 ] && [ -z "$output" ]
    "$PINION_BINARY" completion words -- queue show --redis 'what?' ''
}

# bash LINE: what COMPREPLY holds when Tab is pressed behind it, one a line.
in_bash() {
    PATH=$BATS_FILE_TMPDIR/bin:$PATH bash --norc -c '
        source <(pinion completion bash)
        COMP_LINE=$1 COMP_POINT=${#1}
        compopt() { :; } # it stands for a completion under way
        _pinion
        printf "%s\n" "${COMPREPLY[@]}"' bash "$1" | sort | xargs
}

@test "a token that is revoked, for programs" {
    "$PINION_BINARY" token make gone --role read >/dev/null
    [ "$("$PINION_BINARY" token revoke gone --json | jq -c .)" = '{"name":"gone","revoked":true}' ]
}

@test "bash: words, ids with their colon, values behind =" {
    [ "$(in_bash 'pinion queue pa')" = pause ]
    [ "$(in_bash 'pinion queue pause ')" = 'default mail' ]
    [ "$(in_bash 'pinion job show mail:')" = 'a-1 b-1' ]
    [ "$(in_bash 'pinion job show mail:a')" = a-1 ]
    [ "$(in_bash 'pinion enqueue wc --queue=m')" = mail ]
    touch here.cron
    [ "$(in_bash 'pinion schedule import her')" = here.cron ]
    mkdir folder
    [ "$(in_bash 'pinion queue list --state f')" = folder ]
    [ "$(in_bash 'pinion queue list --redis unix:/nowhere -q ')" = '' ]
}

@test "bash, at a terminal: Tab writes the word" {
    cat >rc <<END
PS1='ready> ' PATH=$BATS_FILE_TMPDIR/bin:\$PATH
source <(pinion completion bash)
END
    python3 "$BATS_TEST_DIRNAME/top_drive.py" 'see ready>' 'type pinion job sh\t' \
        'see pinion job show' 'type mail:a\t' 'see pinion job show mail:a-1' 'type \x15' \
        'type pinion queue pau\tma\t' 'see pinion queue pause mail' -- \
        env TERM=dumb INPUTRC=/dev/null sh -c 'exec bash --noprofile --rcfile rc -i 2>&1'
}

@test "zsh, at a terminal: Tab writes the word" {
    zsh -fc 'exit 0'
    "$PINION_BINARY" completion zsh >_pinion
    cat >.zshrc <<END
PS1='ready> ' PATH=$BATS_FILE_TMPDIR/bin:\$PATH
unsetopt PROMPT_SP; unset zle_bracketed_paste
fpath=($PWD \$fpath); autoload -Uz compinit; compinit -u -d $PWD/dump
END
    ZDOTDIR=$PWD python3 "$BATS_TEST_DIRNAME/top_drive.py" 'see ready>' 'type pinion job sh\t' \
        'see pinion job show' 'type mail:a\t' 'see pinion job show mail:a-1' 'type \x15' \
        'type pinion queue pau\tma\t' 'see pinion queue pause mail' -- \
        env TERM=dumb zsh -i
}
