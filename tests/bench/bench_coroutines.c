/* bench_coroutines — handlers that await, beside handlers that set a timer and finish in its
 * callback: `bench_coroutines [JOBS [ROUNDS]]`.
 *
 *     first  each of JOBS is done 1 ms after it was begun, in a service that has just started
 *     next   as many again: the stacks of the former ones are there
 *     long   all JOBS are there at once, and each waits NAPS times 1 ms; from when all are there
 *
 * On a private Redis that keeps nothing. Times are medians: of the clock, and of this process's
 * processor time, which a busy machine disturbs less; the ratios are coroutines by callbacks.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "include/pinion.h"
#include "tests/flow/scratch.h"
#include "tests/support/redis_server.h"

#define NAPS       20
#define ROUNDS_MAX 99

static struct redis_server *server;
static struct pinion_service *service;
static unsigned jobs = 10000, total, begun, ended, naps;
struct moment {
    double clock_ms, cpu_ms, faults;
};

static struct moment began, complete, half, over;

static double ms_of(struct timeval t)
{
    return (double)t.tv_sec * 1000. + (double)t.tv_usec / 1000.;
}

static struct moment now(void)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    return (struct moment){(double)clock_mono_us() / 1000.,
                           ms_of(used.ru_utime) + ms_of(used.ru_stime), (double)used.ru_minflt};
}

static void begin(void)
{
    if (begun++ == 0) began = now();
    if (begun == jobs) complete = now();
}

static void end(struct pinion_attempt *a)
{
    if (++ended == jobs) half = now();
    if (ended == total) over = now();
    pinion_attempt_done(a, NULL, 0);
    if (ended == total) pinion_service_stop(service);
}

/* ---- the same twice -------------------------------------------------------------------------- */

struct nap {
    struct pinion_attempt *attempt;
    unsigned left;
};

static void sleep_on(struct nap *);

static void on_time(struct pinion_timer *timer, void *ctx)
{
    struct nap *n = ctx;

    (void)timer;
    if (!naps || begun == jobs) n->left--; /* long: the first ones wait until all are there */
    if (n->left) {
        sleep_on(n);
        return;
    }
    end(n->attempt);
    free(n);
}

static void sleep_on(struct nap *n)
{
    if (pinion_call_later(service, 1, on_time, n, NULL)) abort();
}

static void by_callback(struct pinion_attempt *a, void *ctx)
{
    struct nap *n = xmalloc(sizeof *n);

    (void)ctx;
    *n = (struct nap){a, naps ? naps : 1};
    begin();
    sleep_on(n);
}

static void by_coroutine(struct pinion_attempt *a, void *ctx)
{
    unsigned left = naps ? naps : 1;

    (void)ctx;
    begin();
    while (left) {
        if (pinion_await_ms(a, 1)) abort();
        if (!naps || begun == jobs) left--;
    }
    end(a);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static void enqueue(const char *kind)
{
    struct pinion_client_options options = {.redis_url = redis_server_url(server)};
    struct pinion_job *all = xcalloc(total, sizeof *all);
    struct pinion_enqueued *made = xcalloc(total, sizeof *made);
    struct pinion_client *client;

    for (unsigned i = 0; i < total; i++) all[i] = (struct pinion_job){.kind = kind};
    if (pinion_client_open(&options, &client, NULL, 0)) abort();
    if (pinion_enqueue(client, all, total, made)) abort();
    pinion_client_close(client);
    free(all);
    free(made);
}

static void run(enum pinion_runs runs)
{
    char dir[SCRATCH_MAX], why[256];
    struct pinion_service_options options = {.state_dir = dir, .concurrency = jobs};
    struct pinion_handler handler = {
        .kind = runs == PINION_AS_COROUTINE ? "co" : "cb",
        .run = runs == PINION_AS_COROUTINE ? by_coroutine : by_callback,
        .runs = runs,
    };

    begun = ended = 0;
    total = naps ? jobs : 2 * jobs;
    options.redis_url = redis_server_url(server);
    enqueue(handler.kind);
    if (!scratch_make(dir) || pinion_service_new(NULL, &options, &service, why, sizeof why) ||
        pinion_service_handle(service, &handler) ||
        pinion_service_start(service, why, sizeof why) || pinion_service_run(service))
        abort();
    pinion_service_free(service);
    if (scratch_remove(dir)) abort();
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}

/* Of callbacks, and of coroutines. */
struct series {
    double clock_ms[2][ROUNDS_MAX], cpu_ms[2][ROUNDS_MAX], faults[2][ROUNDS_MAX];
};

static void add(struct series *s, unsigned i, const struct moment *from, const struct moment *to)
{
    s->clock_ms[i % 2][i / 2] = to->clock_ms - from->clock_ms;
    s->cpu_ms[i % 2][i / 2] = to->cpu_ms - from->cpu_ms;
    s->faults[i % 2][i / 2] = to->faults - from->faults;
}

static void print(const char *name, struct series *s, unsigned rounds)
{
    double clock[2], cpu[2], faults[2];

    for (unsigned i = 0; i < 2; i++) {
        clock[i] = median(s->clock_ms[i], rounds);
        cpu[i] = median(s->cpu_ms[i], rounds);
        faults[i] = median(s->faults[i], rounds);
    }
    printf("{\"measure\":\"%s\",\"jobs\":%u,\"naps\":%u,\"callbacks_ms\":%.1f,"
           "\"coroutines_ms\":%.1f,\"ratio\":%.2f,\"callbacks_cpu_ms\":%.1f,"
           "\"coroutines_cpu_ms\":%.1f,\"cpu_ratio\":%.2f,"
           "\"callbacks_faults\":%.0f,\"coroutines_faults\":%.0f}\n",
           name, jobs, naps ? naps : 1, clock[0], clock[1], clock[1] / clock[0], cpu[0], cpu[1],
           cpu[1] / cpu[0], faults[0], faults[1]);
}

static void measure(unsigned rounds)
{
    static struct series first, next, all;

    naps = 0;
    for (unsigned i = 0; i < 2 * rounds; i++) { /* in turns */
        run(i % 2 ? PINION_AS_COROUTINE : PINION_ON_LOOP);
        add(&first, i, &began, &half);
        add(&next, i, &half, &over);
    }
    print("first", &first, rounds);
    print("next", &next, rounds);
    naps = NAPS;
    for (unsigned i = 0; i < 2 * rounds; i++) {
        run(i % 2 ? PINION_AS_COROUTINE : PINION_ON_LOOP);
        add(&all, i, &complete, &over);
    }
    print("long", &all, rounds);
}

int main(int argc, char **argv)
{
    unsigned long rounds = 7;

    if (argc > 1) jobs = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2) rounds = strtoul(argv[2], NULL, 10);
    if (!jobs || !rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr, "expected: bench_coroutines [JOBS [ROUNDS]], 1 to %d rounds\n", ROUNDS_MAX);
        return 2;
    }
    log_set(LOG_ERROR, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    measure((unsigned)rounds);
    redis_server_free(server);
    return 0;
}
