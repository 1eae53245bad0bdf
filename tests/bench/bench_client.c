/* bench_client — the blocking client beside the one on a loop: `bench_client [JOBS [ROUNDS]]`.
 *
 *     one   jobs one by one: blocking, the next goes when the answer is there; on the loop, as soon
 *           as fewer than WINDOW are on their way, or (waiting) as the blocking client does
 *     many  BATCH jobs a call
 *
 * On a private Redis that keeps nothing; 100 bytes a job. Medians of the rounds, in turns; `ratio`
 * is to the blocking client. What waits for each answer does a fiftieth of the jobs.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "include/pinion.h"
#include "tests/support/redis_server.h"

#define BATCH      512
#define WINDOW     8192
#define ROUNDS_MAX 99
#define SLOW_SHARE 50

enum way { BLOCK_ONE, LOOP_WAIT, LOOP_ONE, BLOCK_MANY, LOOP_MANY, WAYS };

static const char *const names[WAYS] = {"blocking, one", "on the loop, one, waiting",
                                        "on the loop, one", "blocking, many",
                                        "on the loop, many"};

static struct redis_server *server;
static struct pinion_job batch[BATCH];
static char payload[101];

static void give_up(const char *why)
{
    fprintf(stderr, "bench_client: %s\n", why);
    exit(1);
}

/* ---- blocking -------------------------------------------------------------------------------- */

static void block(unsigned jobs, unsigned at_once)
{
    struct pinion_client_options options = {.redis_url = redis_server_url(server)};
    struct pinion_enqueued made[BATCH];
    struct pinion_client *client;
    char why[256];

    if (pinion_client_open(&options, &client, why, sizeof why)) give_up(why);
    for (unsigned i = 0; i < jobs; i += at_once)
        if (pinion_enqueue(client, batch, at_once, made) || made[0].err) give_up("not enqueued");
    pinion_client_close(client);
}

/* ---- on a loop ------------------------------------------------------------------------------- */

static struct {
    struct ev_loop *loop;
    struct pinion_async *client;
    unsigned left, window, at_once, on_their_way;
} l;

static void produce(void);

static void on_made(enum pinion_err err, const struct pinion_enqueued *made, size_t count,
                    const char *why, void *ctx)
{
    (void)ctx;
    if (err || made[0].err) give_up(why);
    l.on_their_way -= (unsigned)count;
    if (l.left && l.on_their_way + l.at_once <= l.window) produce();
    if (!l.left && !l.on_their_way) pinion_async_close(l.client, NULL, NULL);
}

static void produce(void)
{
    while (l.left && l.on_their_way + l.at_once <= l.window) {
        l.left -= l.at_once;
        l.on_their_way += l.at_once;
        pinion_async_enqueue(l.client, batch, l.at_once, on_made, NULL);
    }
}

static void on_loop(unsigned jobs, unsigned at_once, unsigned window)
{
    struct pinion_async_options options = {.redis_url = redis_server_url(server)};
    char why[256];

    l.loop = ev_loop_new(EVFLAG_AUTO);
    l.left = jobs - jobs % at_once;
    l.at_once = at_once;
    l.window = window;
    if (pinion_async_open(l.loop, &options, &l.client, why, sizeof why)) give_up(why);
    produce();
    ev_run(l.loop, 0);
    ev_loop_destroy(l.loop);
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* Jobs a second. */
static double run(enum way way, unsigned jobs)
{
    uint64_t began_us;

    if (way == BLOCK_ONE || way == LOOP_WAIT) jobs /= SLOW_SHARE;
    jobs -= jobs % BATCH;
    free(redis_server_do(server, "FLUSHALL"));
    began_us = clock_mono_us();
    switch (way) {
    case BLOCK_ONE: block(jobs, 1); break;
    case BLOCK_MANY: block(jobs, BATCH); break;
    case LOOP_WAIT: on_loop(jobs, 1, 1); break;
    case LOOP_ONE: on_loop(jobs, 1, WINDOW); break;
    default: on_loop(jobs, BATCH, WINDOW); break;
    }
    return (double)jobs * 1e6 / (double)(clock_mono_us() - began_us);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static double rates[WAYS][ROUNDS_MAX];
    unsigned long jobs = 500000, rounds = 5;

    if (argc > 1) jobs = strtoul(argv[1], NULL, 10);
    if (argc > 2) rounds = strtoul(argv[2], NULL, 10);
    if (jobs < BATCH * SLOW_SHARE || jobs > 100000000 || !rounds || rounds > ROUNDS_MAX) {
        fprintf(stderr, "expected: bench_client [JOBS [ROUNDS]], %d jobs or more, 1 to %d rounds\n",
                BATCH * SLOW_SHARE, ROUNDS_MAX);
        return 2;
    }
    log_set(LOG_ERROR, LOG_AS_TEXT);
    memset(payload, 'x', sizeof payload - 1);
    for (unsigned i = 0; i < BATCH; i++)
        batch[i] = (struct pinion_job){.kind = "bench", .payload = payload, .payload_len = 100};
    server = redis_server_start(NULL);
    for (unsigned r = 0; r < rounds; r++)
        for (unsigned way = 0; way < WAYS; way++) rates[way][r] = run(way, (unsigned)jobs);
    for (unsigned way = 0; way < WAYS; way++) {
        qsort(rates[way], rounds, sizeof **rates, compare);
        const double *blocking = rates[way < BLOCK_MANY ? BLOCK_ONE : BLOCK_MANY];
        double median = rates[way][rounds / 2];
        printf("{\"way\":\"%s\",\"per_second\":%.0f,\"ratio\":%.2f}\n", names[way], median,
               median / blocking[rounds / 2]);
    }
    redis_server_free(server);
    return 0;
}
