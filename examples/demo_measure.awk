# demo_measure.awk — from the records of jobs that are done: what took how long.
#
# Reads what `pinion job list --json` says, a job per line. Prints lines of NAME and milliseconds:
# wait (from due to started), late (the same, of jobs that were delayed), run (from started to
# finished), and elapsed, from the first start to the last end of the at_once jobs due at once.

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

match($0, /"attempt":[0-9]+/) {
    attempt = substr($0, RSTART + 10, RLENGTH - 10) + 0
    due = time_of("run_at"); started = time_of("started_at"); finished = time_of("finished_at")
    printf "run %.0f\n", finished - started
    if (attempt > 1) next # the pause after a failure is no waiting
    delayed = due > time_of("created_at")
    printf "%s %.0f\n", delayed ? "late" : "wait", started - due
    if (delayed) next
    if (!begun || started < begun) begun = started
    if (finished > ended) ended = finished
    at_once++
}

END { printf "elapsed %.0f\nat_once %d\n", ended - begun, at_once }
