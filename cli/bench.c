/* cli/bench.c — `pinion bench`: how fast is it here? In rounds, of which the median is told. */
#include "cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/bench_measure.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "queue/limits.h"

#define JOBS_MAX     10000000
#define BYTES_MAX    (UINT64_C(2) << 30) /* of what Redis must hold at once */
#define JOB_OVERHEAD 300                 /* bytes in Redis, beside the payload */
#define PAYLOAD_MIN  8                   /* a stamp */
#define OVER_MIN_MS  1000
#define OVER_MAX_MS  600000

struct bench_flags {
    const char *fsync, *handler;
    uint64_t jobs, payload, rounds, over_ms;
    bool json;
};

static const struct flag flags[] = {
    {"jobs", 0, FLAG_NUMBER, offsetof(struct bench_flags, jobs), 1, JOBS_MAX, "N",
     "a round; default: 200000, of latency 1000, of lateness 100000"},
    {"payload", 0, FLAG_NUMBER, offsetof(struct bench_flags, payload), PAYLOAD_MIN,
     PAYLOAD_BYTES_MAX, "BYTES", "of each job; default: 100"},
    {"fsync", 0, FLAG_TEXT, offsetof(struct bench_flags, fsync), 0, 0, "WHEN",
     "always: Redis answers when it is on the disk, as pinion serve\n"
     "has it; no: Redis keeps no log. Default: always"},
    {"handler", 0, FLAG_TEXT, offsetof(struct bench_flags, handler), 0, 0, "RUNS",
     "where the handler runs: callback, on the loop; thread. Default:\n"
     "callback"},
    {"rounds", 0, FLAG_NUMBER, offsetof(struct bench_flags, rounds), 1, BENCH_ROUNDS_MAX, "N",
     "of which the median is printed; default: 3"},
    {"over", 0, FLAG_DURATION, offsetof(struct bench_flags, over_ms), OVER_MIN_MS, OVER_MAX_MS,
     "DURATION", "lateness: the jobs are due over that long; default: 20s"},
    {"json", 0, FLAG_SWITCH, offsetof(struct bench_flags, json), 0, 0, NULL,
     "print JSON, for programs: one object a line"},
};

enum measure { ENQUEUE, DRAIN, LATENCY, LATENESS, MEASURES };

static const char *const measures[MEASURES] = {"enqueue", "drain", "latency", "lateness"};
static const uint64_t jobs_default[MEASURES] = {200000, 200000, 1000, 100000};

static const struct command command = {
    .name = "bench",
    .usage = "[enqueue|drain|latency|lateness]... [FLAGS]",
    .about =
        "Measures Pinion on this machine, with a private Redis in a temporary folder (of TMPDIR):\n"
        "  enqueue   jobs a second, in bulk, through pinion.h\n"
        "  drain     jobs a second through a handler that does nothing, until the last ack\n"
        "  latency   from the call that enqueues one job to its start, by an idle server\n"
        "  lateness  start of delayed jobs after their time\n"
        "Without a name: all of them. Beside it, if it is installed: redis-benchmark -P 64.",
    .examples = "pinion bench\n"
                "pinion bench enqueue drain --fsync no --json",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = COMMON_ABSENT,
    .words_max = MEASURES,
};

/* ---- medians --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double median(const double *values, size_t count)
{
    double sorted[BENCH_ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof sorted[0]);
    qsort(sorted, count, sizeof sorted[0], by_size);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* The median of one field of all rounds; its offset is in doubles. */
static double median_of(const void *rounds, size_t size, size_t offset, size_t count)
{
    double values[BENCH_ROUNDS_MAX];

    for (size_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)rounds + i * size + offset, sizeof values[i]);
    return median(values, count);
}

#define MEDIAN(rounds, count, type, field) \
    median_of((rounds), sizeof(struct type), offsetof(struct type, field), (count))

/* ---- output ---------------------------------------------------------------------------------- */

struct output {
    const struct bench_flags *flags;
    struct table table;
};

static void open_output(struct output *o, const struct bench_flags *values)
{
    static const char *const heads[] = {"MEASURE", "JOBS",   "PER SECOND", "OF LPUSH", "OF HSET",
                                        "P50 MS",  "P99 MS", "MAX MS",     "EARLY",    NULL};

    o->flags = values;
    table_init(&o->table, heads);
}

/* One line: the fields that all measures have, those of this one, and how they came about. */
static void print_json(const struct output *o, enum measure m, uint64_t jobs, json_t *results)
{
    json_t *object = json_pack("{s:s, s:I}", "measure", measures[m], "jobs", (json_int_t)jobs);

    json_object_update(object, results);
    json_decref(results);
    json_object_set_new(object, "rounds", json_integer((json_int_t)o->flags->rounds));
    json_object_set_new(object, "payload_bytes", json_integer((json_int_t)o->flags->payload));
    json_object_set_new(object, "fsync", json_string(o->flags->fsync));
    json_object_set_new(object, "handler", json_string(o->flags->handler));
    json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
    putchar('\n');
    fflush(stdout);
    json_decref(object);
}

static void add_share(struct table *t, double share)
{
    if (share > 0)
        table_printf(t, "%.2f", share);
    else
        table_add(t, span_of(NULL));
}

static void tell_rate(struct output *o, enum measure m, uint64_t jobs, double per_second,
                      const double *share, json_t *more)
{
    if (o->flags->json) {
        json_t *results = json_pack("{s:I}", "per_second", (json_int_t)per_second);
        json_object_update(results, more);
        json_decref(more);
        print_json(o, m, jobs, results);
        return;
    }
    json_decref(more);
    table_printf(&o->table, "%s", measures[m]);
    table_printf(&o->table, "%" PRIu64, jobs);
    table_printf(&o->table, "%.0f", per_second);
    add_share(&o->table, share[0]);
    add_share(&o->table, share[1]);
    for (int i = 0; i < 4; i++) table_add(&o->table, span_of(NULL));
}

/* The share of a round is of what Redis did in that round: noise of the machine meets both. */
static double share_of(const struct round *rounds, size_t count, size_t ours, size_t theirs)
{
    double shares[BENCH_ROUNDS_MAX];

    for (size_t i = 0; i < count; i++) {
        const char *round = (const char *)&rounds[i];
        double a, b;
        memcpy(&a, round + ours, sizeof a);
        memcpy(&b, round + theirs, sizeof b);
        shares[i] = b > 0 ? a / b : 0;
    }
    return median(shares, count);
}

static void tell_rounds(struct output *o, const struct round *rounds, const bool wanted[MEASURES],
                        uint64_t jobs)
{
    size_t n = o->flags->rounds;
    double lpush = MEDIAN(rounds, n, round, lpush), hset = MEDIAN(rounds, n, round, hset);

    for (enum measure m = ENQUEUE; m <= DRAIN; m++) {
        size_t ours =
            m == ENQUEUE ? offsetof(struct round, enqueue) : offsetof(struct round, drain);
        double share[2] = {share_of(rounds, n, ours, offsetof(struct round, lpush)),
                           share_of(rounds, n, ours, offsetof(struct round, hset))};
        json_t *more = json_pack("{s:I, s:I, s:f, s:f}", "redis_lpush_per_second",
                                 (json_int_t)lpush, "redis_hset_per_second", (json_int_t)hset,
                                 "of_lpush", share[0], "of_hset", share[1]);
        if (m == DRAIN) {
            json_object_set_new(more, "worker_cpu_s_per_million",
                                json_real(MEDIAN(rounds, n, round, worker_cpu)));
            json_object_set_new(more, "redis_cpu_s_per_million",
                                json_real(MEDIAN(rounds, n, round, redis_cpu)));
        }
        if (wanted[m])
            tell_rate(o, m, jobs, median_of(rounds, sizeof *rounds, ours, n), share, more);
        else
            json_decref(more);
    }
}

static void tell_hop(struct output *o, uint64_t jobs, double p50, double p99)
{
    table_add(&o->table, span_of("(publish)"));
    table_printf(&o->table, "%" PRIu64, jobs);
    for (int i = 0; i < 3; i++) table_add(&o->table, span_of(NULL));
    table_printf(&o->table, "%.3f", p50);
    table_printf(&o->table, "%.3f", p99);
    for (int i = 0; i < 2; i++) table_add(&o->table, span_of(NULL));
}

static void tell_delays(struct output *o, enum measure m, const struct delays *rounds,
                        uint64_t jobs)
{
    size_t n = o->flags->rounds, early = 0;
    double p50 = MEDIAN(rounds, n, delays, p50_ms), p99 = MEDIAN(rounds, n, delays, p99_ms);
    double hop_p50 = MEDIAN(rounds, n, delays, hop_p50_ms);
    double hop_p99 = MEDIAN(rounds, n, delays, hop_p99_ms);
    double max = 0;

    for (size_t i = 0; i < n; i++) {
        early += rounds[i].early;
        if (rounds[i].max_ms > max) max = rounds[i].max_ms;
    }
    if (o->flags->json) {
        json_t *results = json_pack("{s:f, s:f, s:f, s:I}", "p50_ms", p50, "p99_ms", p99, "max_ms",
                                    max, "early", (json_int_t)early);
        if (m == LATENCY) {
            json_object_set_new(results, "publish_p50_ms", json_real(hop_p50));
            json_object_set_new(results, "publish_p99_ms", json_real(hop_p99));
        }
        print_json(o, m, jobs, results);
        return;
    }
    table_printf(&o->table, "%s", measures[m]);
    table_printf(&o->table, "%" PRIu64, jobs);
    for (int i = 0; i < 3; i++) table_add(&o->table, span_of(NULL));
    table_printf(&o->table, "%.3f", p50);
    table_printf(&o->table, "%.3f", p99);
    table_printf(&o->table, "%.3f", max);
    table_printf(&o->table, "%zu", early);
    if (m == LATENCY) tell_hop(o, jobs, hop_p50, hop_p99);
}

static void close_output(struct output *o, bool measured)
{
    if (measured && !o->flags->json) {
        table_print(&o->table);
        printf("\nMedians of %" PRIu64 " rounds (max: of all), payload %" PRIu64
               " bytes, fsync %s.\n"
               "LPUSH, HSET: redis-benchmark -P 64 on the same Redis, in the same rounds.\n"
               "(publish): a bare PUBLISH until another process has it, in turn with the jobs.\n",
               o->flags->rounds, o->flags->payload, o->flags->fsync);
    }
    table_deinit(&o->table);
}

/* ---- running --------------------------------------------------------------------------------- */

static uint64_t jobs_of(const struct bench_flags *f, enum measure m)
{
    return f->jobs ? f->jobs : jobs_default[m];
}

static enum pinion_err run_rounds(struct bench *b, struct output *o, const bool wanted[MEASURES],
                                  struct error *why)
{
    struct round rounds[BENCH_ROUNDS_MAX] = {0};
    uint64_t jobs = jobs_of(o->flags, ENQUEUE);

    for (unsigned i = 0; i < b->rounds; i++) {
        enum pinion_err err = measure_throughput(b, jobs, &rounds[i], why);
        if (err) return err;
    }
    tell_rounds(o, rounds, wanted, jobs);
    return PINION_OK;
}

static enum pinion_err run_delays(struct bench *b, struct output *o, enum measure m,
                                  struct error *why)
{
    struct delays rounds[BENCH_ROUNDS_MAX] = {0};
    uint64_t jobs = jobs_of(o->flags, m);

    for (unsigned i = 0; i < b->rounds; i++) {
        enum pinion_err err = m == LATENCY ? measure_latency(b, jobs, &rounds[i], why)
                                           : measure_lateness(b, jobs, &rounds[i], why);
        if (err) return err;
    }
    tell_delays(o, m, rounds, jobs);
    return PINION_OK;
}

static enum pinion_err run(struct bench *b, struct output *o, const bool wanted[MEASURES],
                           struct error *why)
{
    enum pinion_err err = PINION_OK;

    if (wanted[ENQUEUE] || wanted[DRAIN]) err = run_rounds(b, o, wanted, why);
    for (enum measure m = LATENCY; m <= LATENESS && !err; m++)
        if (wanted[m]) err = run_delays(b, o, m, why);
    return err;
}

static int read_measures(int argc, char **argv, int first, bool wanted[MEASURES])
{
    for (int i = first; i < argc; i++) {
        enum measure m = ENQUEUE;
        while (m < MEASURES && strcmp(argv[i], measures[m]) != 0) m++;
        if (m == MEASURES)
            return cli_fail_usage(&command, "'%.80s': expected enqueue, drain, latency or lateness",
                                  argv[i]);
        wanted[m] = true;
    }
    for (enum measure m = ENQUEUE; m < MEASURES && first == argc; m++) wanted[m] = true;
    return 0;
}

static bool handler_of(const char *name, enum pinion_runs *ret_runs)
{
    static const char *const names[] = {[PINION_ON_LOOP] = "callback",
                                        [PINION_ON_THREAD] = "thread"};

    for (unsigned i = 0; i < countof(names); i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *ret_runs = (enum pinion_runs)i;
        return true;
    }
    return false;
}

static int check(const struct bench_flags *f, const bool wanted[MEASURES])
{
    enum pinion_runs runs;

    if (!handler_of(f->handler, &runs))
        return cli_fail_usage(&command, "--handler '%.80s': expected callback or thread",
                              f->handler);
    if (strcmp(f->fsync, "always") != 0 && strcmp(f->fsync, "no") != 0)
        return cli_fail_usage(&command, "--fsync '%.80s': expected always or no", f->fsync);
    for (enum measure m = ENQUEUE; m < MEASURES; m++)
        if (wanted[m] && m != LATENCY && jobs_of(f, m) * (f->payload + JOB_OVERHEAD) > BYTES_MAX)
            return cli_fail_usage(&command,
                                  "%s: %" PRIu64 " jobs of %" PRIu64
                                  " bytes: expected at most %" PRIu64 " MiB in Redis",
                                  measures[m], jobs_of(f, m), f->payload, BYTES_MAX >> 20);
    return 0;
}

int bench_main(int argc, char **argv)
{
    struct bench_flags values = {.fsync = "always", .handler = "callback", .payload = 100,
                                 .rounds = 3, .over_ms = 20000};
    bool wanted[MEASURES] = {false};
    struct bench bench = {0};
    struct output output;
    struct error why = {0};
    enum pinion_err err;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    status = read_measures(argc, argv, first, wanted);
    if (!status) status = check(&values, wanted);
    if (status) return status;
    handler_of(values.handler, &bench.runs);
    bench.payload_len = values.payload;
    bench.over_ms = values.over_ms;
    bench.rounds = (unsigned)values.rounds;
    open_output(&output, &values);
    err =
        bench_open(&bench, strcmp(values.fsync, "no") ? REDIS_FSYNC_ALWAYS : REDIS_FSYNC_NO, &why);
    if (!err) err = run(&bench, &output, wanted, &why);
    bench_close(&bench); /* a signal that asked us to end ends us here */
    close_output(&output, !err);
    return err ? cli_fail(&why) : cli_finish(0);
}
