# demo_measure.awk — from the log of the workers and the records of the jobs: what took how long.
#
#     awk -f demo_measure.awk LOG RECORDS
#
# RECORDS is what `pinion job list --json` says, a job per line. Prints lines of NAME and
# milliseconds: wait (from due to started), late (the same, of jobs that were delayed), run (from
# started to finished), and elapsed, from the first start to the last end of what was due at once.

# Of a field that is a time: milliseconds since 1970. A quote inside a text is escaped in JSON, so
# what looks like a field is one.
function time_of(name,    text, y, m, d, days) {
    if (!match($0, "\"" name "\":\"[^\"]*\"")) return 0
    text = substr($0, RSTART + length(name) + 4, 23)
    y = substr(text, 1, 4) + 0; m = substr(text, 6, 2) + 0; d = substr(text, 9, 2) + 0
    if (m <= 2) { y--; m += 12 } # the year begins in March, so that a leap day is its last
    days = 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * m - 457) / 5) + d
    days -= 719469
    return (((days * 24 + substr(text, 12, 2)) * 60 + substr(text, 15, 2)) * 60 \
            + substr(text, 18, 2)) * 1000 + substr(text, 21, 3)
}

FNR == NR {
    if ($2 == 1) first[$1] = $4
    if ($3 == "done") last[$1] = $4
    attempts[$1] = $2
    next
}

match($0, /"id":"[^"]*"/) {
    id = substr($0, RSTART + 6, RLENGTH - 7)
    if (!(id in last)) next
    due = time_of("run_at"); finished = time_of("finished_at")
    delayed = due > time_of("created_at")
    printf "%s %.0f\n", delayed ? "late" : "wait", first[id] - due
    printf "run %.0f\n", finished - last[id]
    if (delayed || attempts[id] > 1) next
    if (!begun || last[id] < begun) begun = last[id]
    if (finished > ended) ended = finished
    at_once++
}

END { printf "elapsed %.0f\nat_once %d\n", ended - begun, at_once }
