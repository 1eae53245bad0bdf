#!/bin/sh
# case_worker.sh — does what the order on its standard input says; see tests/flow/cases.h.
read -r order || true # the payload need not end with a newline
verb=${order%% *}
text=${order#"$verb"}
text=${text# }

rest() {
    exec sleep "$((text / 1000)).$(printf %03d $((text % 1000)))"
}

refuse() { # STATUS
    printf '%s' "$text" >&2
    exit "$1"
}

case $verb in
done) printf '%s' "$text" ;;
slow) rest ;;
deaf)
    trap '' TERM # for sleep, too
    rest
    ;;
fail) refuse 1 ;;
reject) refuse 65 ;;
again) [ "$PINION_ATTEMPT" -gt 1 ] || refuse 1 ;;
flood) head -c "$text" /dev/zero | tr '\0' x ;;
bytes) printf '\377\376\001\200' ;;
count) printf %d $((${#order} + 1 + $(wc -c))) ;; # read took a newline
who) printf '%s %s %s' "$PINION_JOB_ID" "$PINION_KIND" "$PINION_ATTEMPT" ;;
crash) kill -SEGV $$ ;;
esac
