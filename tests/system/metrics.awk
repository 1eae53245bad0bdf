# metrics.awk — a strict reader of Prometheus' text format 0.0.4, as we write it. Exits 1 with the
# line that is wrong: HELP and TYPE before the samples of a metric, which stand together; no series
# twice; counters end in _total and nothing else does; the buckets of a histogram grow up to +Inf, whose
# count is that of the metric.

function wrong(what) {
    printf "line %d: %s: %s\n", NR, what, $0
    failed = 1
    exit 1
}

# The bucket that must come last, before another metric begins.
function close_histogram() {
    if (type == "histogram" && (!inf_seen || !sum_seen || count_value != inf_value)) {
        printf "before line %d: %s is not whole\n", NR, metric
        failed = 1
        exit 1
    }
}

/^# HELP / {
    close_histogram()
    if ($3 in helped) wrong("HELP twice")
    if (NF < 4) wrong("a HELP without text")
    metric = $3; helped[metric] = 1; type = ""
    next
}

/^# TYPE / {
    if ($3 != metric || type != "") wrong("TYPE is not behind its HELP")
    if ($4 !~ /^(counter|gauge|histogram)$/ || NF != 4) wrong("no such type")
    type = $4
    if ((type == "counter") != (metric ~ /_total$/)) wrong("only counters end in _total")
    inf_seen = sum_seen = 0; last_bucket = last_le = -1; count_value = ""
    next
}

/^#/ || /^$/ { wrong("neither HELP nor TYPE") }

{
    if (!match($0, /^[a-z_][a-z0-9_]*/)) wrong("no name")
    name = substr($0, 1, RLENGTH)
    rest = substr($0, RLENGTH + 1)
    labels = ""
    if (rest ~ /^{/) {
        if (!match(rest, /^{[a-z_]+="[^"\\]*"(,[a-z_]+="[^"\\]*")*} /)) wrong("bad labels")
        labels = substr(rest, 1, RLENGTH - 1)
        rest = substr(rest, RLENGTH)
    }
    if (rest !~ /^ (-?[0-9]+(\.[0-9]+)?(e[-+][0-9]+)?)$/) wrong("no number")
    value = substr(rest, 2) + 0
    if ((name labels) in seen) wrong("the series is there twice")
    seen[name labels] = 1
    if (type == "") wrong("a sample without TYPE")
    if (type != "gauge" && value < 0) wrong("it is negative")
    samples++
    if (type != "histogram") {
        if (name != metric) wrong("a sample of another metric than " metric)
        next
    }
    if (name == metric "_bucket") {
        le = labels; gsub(/^{le="|"}$/, "", le)
        if (inf_seen) wrong("a bucket behind +Inf")
        if (le == "+Inf") { inf_seen = 1; inf_value = value }
        else if (le + 0 <= last_le) wrong("buckets out of order")
        if (value < last_bucket) wrong("a bucket with less than the one before")
        last_le = le + 0; last_bucket = value
    } else if (name == metric "_sum") sum_seen = 1
    else if (name == metric "_count") count_value = value
    else wrong("not a part of the histogram " metric)
}

END {
    if (failed) exit 1
    close_histogram()
    if (!samples) { print "no samples"; exit 1 }
}
