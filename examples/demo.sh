#!/bin/sh
# demo.sh [FOLDER] — every file below FOLDER (default: /usr/share/doc, at most 2,000) becomes a job.
#
# A private service runs them: checksum and compressed size of each file. Some are delayed, some
# fail on their first attempt. At the end every checksum is compared with what cksum says, and
# nothing is left behind. Exit status 0: each job was done, each result is right, none began early.
#
# PINION names the program; ./setup demo sets it. PINION_DEMO_WORK names demo_work, if it is not in
# the folder examples beside that.
set -eu

FILES_MAX=2000
DELAYED=20         # so many wait 1 to 3 s
FLAKY_EVERY=50     # one of so many fails on its first attempt
SECONDS_MAX=300    # longer than that is a failure
EARLY_MS=20        # so wrong may the service be about the clock of Redis
LINES_EVERY=5      # turns of the progress, where it is not one line on a terminal

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PINION=${PINION:-$here/../build/release/pinion}
PINION_DEMO_WORK=${PINION_DEMO_WORK:-$(dirname -- "$PINION")/examples/demo_work}
folder=${1:-/usr/share/doc}
service=
home=

die()
{
    echo "demo: $*" >&2
    exit 1
}

clean_up()
{
    trap '' INT TERM HUP
    if [ -n "$service" ]; then
        kill "$service" 2>/dev/null || true
        wait "$service" || true
    fi
    [ -z "$home" ] || rm -rf "$home"
}

trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the jobs ------------------------------------------------------------------------------------

# Names that are not plain ASCII would need more than this script to become JSON.
list_files()
{
    find "$folder" -type f -readable | LC_ALL=C grep -v '[^ -~]' | LC_ALL=C sort |
        head -n "$FILES_MAX"
}

# A line of JSON for each path on stdin.
write_jobs()
{
    sed 's/["\\]/\\&/g' | awk -v total="$total" -v delayed_max="$DELAYED" -v every="$FLAKY_EVERY" '
        BEGIN { step = total / delayed_max; if (step < 2) step = 2 }
        {
            printf "{\"id\":\"file-%d\",\"payload\":\"%s\"", NR, $0
            if (NR % every == 1) printf ",\"kind\":\"squeeze.flaky\""
            else if (delayed < delayed_max && NR >= (delayed + 1) * step)
                printf ",\"kind\":\"squeeze\",\"priority\":0,\"in_ms\":%d", 1000 + delayed++ * 100
            else printf ",\"kind\":\"squeeze\""
            print "}"
        }'
}

# ---- the service ---------------------------------------------------------------------------------

# As a word that --command splits off.
quoted()
{
    printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

start_service()
{
    work="$(quoted "$PINION_DEMO_WORK") $(quoted "$home/work.log")"
    "$PINION" serve --listen none --queue docs --concurrency $((2 * $(nproc))) \
        --command squeeze="$work" --command squeeze.flaky="$work fail-first" \
        2>"$home/serve.log" &
    service=$!
}

# Of the queue's counts: one state.
count_of()
{
    expr "$counts" : ".*\"counts\":{[^}]*\"$1\":\([0-9]*\)" || true
}

follow()
{
    began=$(date +%s)
    turn=0
    while
        kill -0 "$service" 2>/dev/null || die "the service has ended:
$(tail -n 3 "$home/serve.log")"
        counts=$("$PINION" queue show docs --json)
        finished=$(count_of 'done')
        [ "$(count_of dead)" -eq 0 ] ||
            die "a job is dead: $("$PINION" job list -q docs -s dead -n 1)"
        progress
        [ "$finished" -lt "$total" ]
    do
        [ $(($(date +%s) - began)) -lt "$SECONDS_MAX" ] || die "not done after $SECONDS_MAX s"
        turn=$((turn + 1))
        sleep 0.2
    done
    [ ! -t 1 ] || echo
}

progress()
{
    line=$(printf '  %4d of %d done, %d running, %d ready, %d delayed, %d wait for a retry' \
        "$finished" "$total" "$(count_of active)" "$(count_of ready)" "$(count_of scheduled)" \
        "$(count_of retry)")
    if [ -t 1 ]; then
        printf '\r%-78s' "$line"
    elif [ $((turn % LINES_EVERY)) -eq 0 ] || [ "$finished" -eq "$total" ]; then
        echo "$line"
    fi
}

# ---- what came of it -----------------------------------------------------------------------------

# Each file once, with the checksum and the size that cksum gives: compared as sorted lists.
check_results()
{
    tr '\n' '\0' <"$home/files" | xargs -0 cksum -- | LC_ALL=C sort >"$home/wanted"
    awk '$3 == "done" {
        sum = $4 " " $5
        for (i = 0; i < 6; i++) sub(/^[^ ]* /, "")
        print sum " " $0
    }' "$home/work.log" | LC_ALL=C sort -u >"$home/got"
    cmp -s "$home/wanted" "$home/got" || die "the results are not those of cksum:
$(diff "$home/wanted" "$home/got" | head -n 5)"
}

measure()
{
    "$PINION" job list -q docs -s 'done' -n "$((FILES_MAX + 1))" --json |
        sed 's/{"id":/\n&/g' >"$home/records"
    records=$(grep -c '^{"id":' "$home/records") || true
    [ "$records" -eq "$total" ] || die "$records jobs are listed as done, expected $total"
    awk -f "$here/demo_measure.awk" "$home/records" >"$home/measures"
    early=$(awk -v max="$EARLY_MS" '$2 < -max' "$home/measures")
    [ -z "$early" ] || die "a job began before it was due: $early"
}

# The p-th percentile of a measure, in milliseconds.
percentile()
{
    sed -n "s/^$1 //p" "$home/measures" | sort -n |
        awk -v p="$2" '{ at[NR] = $1 }
            END { i = int((NR * p + 99) / 100); print NR ? at[i] " ms" : "-" }'
}

row()
{
    printf '  %-40s %10s %10s\n' "$1" "$(percentile "$2" 50)" "$(percentile "$2" 99)"
}

report()
{
    retries=$(grep -c ' failed ' "$home/work.log") || true
    delayed=$(grep -c '^late ' "$home/measures") || true
    bytes=$(awk '$3 == "done" { all += $5; packed += $6 }
        END { printf "%.1f MB, compressed %.1f MB", all / 1e6, packed / 1e6 }' "$home/work.log")
    rate=$(awk '{ is[$1] = $2 } END { printf "%.0f", is["at_once"] * 1000 / (is["elapsed"] + 1) }' \
        "$home/measures")
    cat <<END_OF_TABLE

  jobs done       $total of $total, each with the checksum that cksum gives
  files           $bytes
  retries         $retries, one file in $FLAKY_EVERY failed on its first attempt
  delayed         $delayed by 1 to 3 s, none began early
  rate            $rate jobs/s, $(nproc) processors; a job starts two programs

$(printf '  %-40s %10s %10s' '' p50 p99)
$(row 'from due until started, of those at once' wait)
$(row 'from due until started, of the delayed' late)
$(row 'from started until finished' run)

END_OF_TABLE
}

# $1 is what to type for the program.
tell_next()
{
    cat <<END_OF_TEXT
What to type next; the first line in one terminal, the others in another:

  $1 serve --command count='wc -w'
  $1 enqueue count 'how many words are these' --wait
  $1 enqueue count 'a little later' --in 10s
  $1 job list
  $1 --help

README.md has the whole tour.
END_OF_TEXT
}

[ -x "$PINION" ] || die "no program $PINION: ./setup demo builds it, or set PINION"
[ -x "$PINION_DEMO_WORK" ] || die "no program $PINION_DEMO_WORK: the build makes it"
[ -d "$folder" ] || die "no folder $folder: expected one with files in it"
folder=$(CDPATH='' cd -- "$folder" && pwd)
home=$(mktemp -d)
unset PINION_REDIS_URL PINION_NAMESPACE PINION_LOG_LEVEL PINION_LOG_FORMAT
export PINION_STATE="$home/state"

list_files >"$home/files"
total=$(wc -l <"$home/files")
[ "$total" -gt 0 ] || die "no readable file below $folder"
write_jobs <"$home/files" >"$home/jobs.ndjson"

echo "A service with a private Redis, and $total files below $folder, each of them a job:"
start_service
# The service has only just been started: asked for a time, a command waits for it to come.
"$PINION" enqueue --bulk "$home/jobs.ndjson" --queue docs --retain 1h --connect-timeout 20s \
    2>"$home/enqueue.log" ||
    die "enqueue: $(cat "$home/enqueue.log")"
sed 's/^pinion:/ /' "$home/enqueue.log"
follow
check_results
measure
report
tell_next "${PINION#"$PWD"/}"
