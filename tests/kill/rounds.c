/* tests/kill/rounds.c — kill at a random moment, start again, often; then drain and judge.
 *
 *     producers   ───enqueue───enqueue───enqueue───enqueue───►      (all the time)
 *     server      ──────X   ─────────────X ────────X    ─────────── drain ── stop
 *                    rest  rest                      now and then before it was ready
 */
#include "tests/kill/modes.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/macros.h"
#include "tests/kill/books.h"
#include "tests/kill/features.h"
#include "tests/kill/producers.h"
#include "tests/kill/pullers.h"
#include "tests/support/redis_server.h"

#define QUEUE        "default"
#define THREADS      6
#define JOBS_A_ROUND 300 /* at most, and no more in all than are remembered */
#define JOBS_MAX     (BOOKS_ENDED_MAX - 1000)
#define ROUND_MS     1000 /* what one takes, about */
#define LIFE_MS_MAX  1200 /* a server lives so long at most, after it was ready */
#define HASTE_MS_MAX 60   /* and that long where it is killed while it starts */
#define STOP_MS_MAX  400  /* and so long where it stops */
#define DEATH_MS_MAX 400  /* so long it stays dead; a peer's: as long as two leases */
#define DRAIN_MS_MAX 180000
#define LEASE        "1500ms" /* where one may have to lapse */
#define LEASE_MS     1500

struct rounds {
    const struct mode_options *options;
    struct prng prng;
    struct history history;
    struct producers *producers;
    struct pullers *pullers; /* NULL: none */
    bool pulled_well;
};

/* `servers`: those that workers elsewhere ask; 0: there are none. */
static void begin(struct rounds *r, const struct mode_options *options, const char *redis_url,
                  bool features, const struct server *servers, size_t count)
{
    const char *folders[PULL_SERVERS_MAX];
    struct producers_options p = {.redis_url = redis_url,
                                  .threads = THREADS,
                                  .seed = options->seed,
                                  .pulled = count > 0,
                                  .unique_keys = features ? FEATURES_UNIQUE_KEYS : 0,
                                  .batches = features ? FEATURES_BATCHES : 0};

    *r = (struct rounds){.options = options, .prng = {options->seed}, .pulled_well = true};
    p.jobs = (size_t)options->rounds * JOBS_A_ROUND;
    if (p.jobs > JOBS_MAX) p.jobs = JOBS_MAX;
    /* A call makes (BATCH + 1) / 2 jobs on the average: so they last for all the rounds. */
    p.pace_ms = (uint64_t)options->rounds * ROUND_MS * THREADS * (PRODUCER_BATCH + 1) / 2 / p.jobs;
    r->producers = producers_start(&p);
    for (size_t i = 0; i < count; i++) folders[i] = servers[i].folder;
    if (count) r->pullers = pullers_start(folders, count, options->seed);
}

/* No new jobs. */
static void finish(struct rounds *r)
{
    printf("clients had to repeat %zu of their calls\n",
           producers_finish(r->producers, &r->history));
}

/* Until every job has ended: `socket` is where the books are. */
static void drain(struct rounds *r, const char *socket)
{
    uint64_t began_ms = clock_mono_ms();
    struct totals t = {0};

    do {
        struct books *books = books_open(socket);
        bool known = books && books_totals(books, QUEUE, &t);
        bool ended = known && t.left == 0 && books_read(books, QUEUE, &r->history);
        books_close(books);
        if (ended) {
            printf("drained in %" PRIu64 " ms\n", clock_mono_ms() - began_ms);
            if (r->pullers) r->pulled_well = pullers_finish(r->pullers, &r->history);
            if (!doctor_finds_all_well(socket)) give_up("the keys do not agree with each other");
            return;
        }
        rest_ms(10);
    } while (clock_mono_ms() - began_ms < DRAIN_MS_MAX);
    give_up("not drained within %d ms: %" PRId64 " jobs left of %" PRId64, DRAIN_MS_MAX, t.left,
            t.enqueued);
}

static bool judge(struct rounds *r)
{
    char path[128], *log, *rest, *line;
    struct verdict v;
    bool sound;

    snprintf(path, sizeof path, "%s/runs", r->options->folder);
    log = rest = read_whole(path, 0);
    while ((line = strtok_r(NULL, "\n", &rest)))
        if (!history_add_line(&r->history, line)) give_up("a line of the log of runs: '%s'", line);
    free(log);
    history_check(&r->history, &v);
    verdict_print(&v, &r->history.totals, stdout);
    sound = verdict_faults(&v) == 0 && r->pulled_well;
    if (v.accepted < r->options->rounds) {
        printf("FAULT hardly a job was made\n");
        sound = false;
    }
    history_free(&r->history);
    return sound;
}

static void live(struct rounds *r, uint64_t ms_max)
{
    rest_ms(prng_below(&r->prng, ms_max + 1));
}

/* Now and then while it stops. */
static void kill_and_note(struct rounds *r, struct server *s)
{
    bool stopping = prng_below(&r->prng, 6) == 0;
    long pid = s->pid;
    int64_t at_us =
        stopping ? server_kill_stopping(s, prng_below(&r->prng, STOP_MS_MAX)) : server_kill(s);

    history_kill(&r->history, (struct kill){.server = pid, .at_us = at_us});
}

/* ---- the server, with its embedded Redis ----------------------------------------------------- */

bool kill_server(const struct mode_options *options)
{
    const char *const words[] = {
        "--listen", "127.0.0.1:0", "--concurrency", "16", "--command", options->heir_words, NULL};
    char folder[64], url[128];
    struct server server;
    struct rounds r;

    snprintf(folder, sizeof folder, "%s/state", options->folder);
    server_init(&server, folder, words);
    snprintf(url, sizeof url, "unix://%s", server.socket);
    server_start(&server);
    server_await_ready(&server);
    begin(&r, options, url, false, NULL, 0);
    for (unsigned i = 0; i < options->rounds; i++) {
        if (prng_below(&r.prng, 4) == 0) {
            live(&r, HASTE_MS_MAX);
        } else {
            server_await_ready(&server);
            live(&r, LIFE_MS_MAX);
        }
        kill_and_note(&r, &server);
        live(&r, DEATH_MS_MAX);
        server_start(&server);
    }
    server_await_ready(&server);
    finish(&r);
    drain(&r, server.socket);
    server_stop(&server);
    printf("the server was killed %u times\n", options->rounds);
    return judge(&r);
}

/* ---- the embedded Redis alone ---------------------------------------------------------------- */

static long await_redis(struct server *s, long before)
{
    uint64_t until_ms = clock_mono_ms() + SERVER_WAIT_MS;

    for (;;) {
        long pid = server_number(s, "event=redis_up pid=", "pid=");
        if (pid && pid != before) return pid;
        server_check_alive(s);
        if (clock_mono_ms() > until_ms) give_up("no new redis-server in time");
        rest_ms(2);
    }
}

bool kill_redis(const struct mode_options *options)
{
    const char *const words[] = {"--listen", "127.0.0.1:0", "--concurrency",     "16", "--command",
                                 options->heir_words, "--lease", LEASE,           NULL};
    char folder[64], url[128];
    struct server server;
    struct rounds r;
    long redis = 0;

    snprintf(folder, sizeof folder, "%s/state", options->folder);
    server_init(&server, folder, words);
    snprintf(url, sizeof url, "unix://%s", server.socket);
    server_start(&server);
    server_await_ready(&server);
    begin(&r, options, url, false, &server, 1);
    for (unsigned i = 0; i < options->rounds; i++) {
        redis = await_redis(&server, redis);
        live(&r, prng_below(&r.prng, 4) ? LIFE_MS_MAX : HASTE_MS_MAX);
        kill((pid_t)redis, SIGKILL);
    }
    await_redis(&server, redis);
    finish(&r);
    drain(&r, server.socket);
    server_stop(&server);
    printf("redis-server was killed %u times\n", options->rounds);
    return judge(&r);
}

/* ---- one of two servers on one Redis --------------------------------------------------------- */

/* Without heirs: those of a dead server are killed by its next life only, while its peer runs the
 * job when the lease is over. */
static bool kill_of_two(const struct mode_options *options, bool features)
{
    static const char *const settings[] = {
        "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy",
        "noeviction",   NULL};
    struct redis_server *redis = redis_server_start(settings);
    const char *const words[] = {"--listen",
                                 "127.0.0.1:0",
                                 "--concurrency",
                                 "8",
                                 "--command",
                                 options->job_words,
                                 "--lease",
                                 LEASE,
                                 "--redis",
                                 redis_server_url(redis),
                                 NULL};
    struct server servers[2];
    char folder[64];
    struct rounds r;

    for (unsigned i = 0; i < 2; i++) {
        snprintf(folder, sizeof folder, "%s/state%u", options->folder, i);
        server_init(&servers[i], folder, words);
        server_start(&servers[i]);
    }
    for (unsigned i = 0; i < 2; i++) server_await_ready(&servers[i]);
    if (features) features_begin(redis_server_url(redis));
    begin(&r, options, redis_server_url(redis), features, servers, features ? 0 : 2);
    if (features) r.history.at_once_max = FEATURES_LIMIT;
    for (unsigned i = 0; i < options->rounds; i++) {
        struct server *victim = &servers[prng_below(&r.prng, 2)];
        live(&r, LIFE_MS_MAX);
        kill_and_note(&r, victim);
        /* Long enough, now and then, for its peer to take over. */
        live(&r, prng_below(&r.prng, 3) ? DEATH_MS_MAX : 2 * LEASE_MS);
        server_start(victim);
        if (prng_below(&r.prng, 4)) server_await_ready(victim);
    }
    for (unsigned i = 0; i < 2; i++) server_await_ready(&servers[i]);
    finish(&r);
    if (features) features_close(redis_server_url(redis));
    drain(&r, redis_server_path(redis));
    if (features)
        features_check(redis_server_url(redis), redis_server_path(redis), &r.history);
    for (unsigned i = 0; i < 2; i++) server_stop(&servers[i]);
    redis_server_free(redis);
    printf("one of two servers was killed %u times\n", options->rounds);
    return judge(&r);
}

bool kill_one_of_two(const struct mode_options *options)
{
    return kill_of_two(options, false);
}

bool kill_features(const struct mode_options *options)
{
    return kill_of_two(options, true);
}
