/* tests/kill/busy.c — kill -9 with 500 jobs active and 5,000 waiting: who runs next, and when.
 *
 * The server is halted before it is killed, so that what it held at its death can be read exactly.
 */
#include "tests/kill/modes.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "include/pinion.h"
#include "tests/kill/books.h"
#include "tests/support/redis_server.h"

#define QUEUE        "default"
#define ACTIVE       500
#define WAITING      5000
#define JOBS         (ACTIVE + WAITING)
#define CONCURRENCY  "500"
#define SLEEP        "1500ms"
#define SLEEP_MS     1500
#define LEASE_MS     3000
#define LEASE        "3s"
#define CLAIMABLE_MS 1000 /* the promise: so long after readiness, or after the lease */
#define SLACK_MS     1500 /* for a machine that does other things, and a build with sanitizers */
#define DRAIN_MS_MAX 120000

static struct books *open_books(const char *socket)
{
    struct books *books = books_open(socket);

    if (!books) give_up("no Redis at %s", socket);
    return books;
}

static void enqueue_all(const char *url)
{
    struct pinion_client_options options = {.redis_url = url};
    struct pinion_enqueued *answers = xcalloc(JOBS, sizeof *answers);
    struct pinion_job *jobs = xcalloc(JOBS, sizeof *jobs);
    struct pinion_client *client;
    char why[256];

    for (size_t i = 0; i < JOBS; i++)
        jobs[i] = (struct pinion_job){.kind = "pinion.sleep",
                                      .payload = SLEEP,
                                      .payload_len = strlen(SLEEP),
                                      .timeout_ms = 60000};
    if (pinion_client_open(&options, &client, why, sizeof why)) give_up("%s", why);
    if (pinion_enqueue(client, jobs, JOBS, answers)) give_up("not enqueued");
    for (size_t i = 0; i < JOBS; i++)
        if (answers[i].err) give_up("job %zu: %s", i, pinion_err_name(answers[i].err));
    pinion_client_close(client);
    free(jobs);
    free(answers);
}

/* Exactly the leases of that seat; -1: of any. */
static void keep_seat(struct leases *l, long seat)
{
    size_t kept = 0;

    for (size_t i = 0; i < l->count; i++)
        if (seat < 0 || strtoull(l->ids[i].token, NULL, 10) % 1000 == (unsigned long)seat)
            l->ids[kept++] = l->ids[i];
    l->count = kept;
}

static struct leases read_leases(struct books *books, long seat)
{
    struct leases l;

    if (!books_leases(books, QUEUE, &l)) give_up("the books cannot be read");
    keep_seat(&l, seat);
    return l;
}

/* The same when it no longer changes: what the server had sent before it was halted is done. */
static struct leases read_settled(struct books *books, long seat)
{
    struct leases last = read_leases(books, seat), now;

    for (;;) {
        now = read_leases(books, seat);
        bool same =
            now.count == last.count && memcmp(now.ids, last.ids, now.count * sizeof *now.ids) == 0;
        books_leases_free(&last);
        if (same) return now;
        last = now;
    }
}

/* Waits until the server has all its slots full, halts it, and gives what it holds. */
static struct leases halt_when_full(struct server *s, struct books *books)
{
    uint64_t until_ms = clock_mono_ms() + SERVER_WAIT_MS;
    char id[32];
    long seat;

    server_id(s, id);
    seat = books_seat(books, QUEUE, id);
    if (seat < 0) give_up("the server has no seat");
    for (;;) {
        struct leases held = read_leases(books, seat);
        if (held.count == ACTIVE) {
            books_leases_free(&held);
            server_freeze(s);
            held = read_settled(books, seat);
            if (held.count == ACTIVE) return held;
            if (kill(s->pid, SIGCONT)) give_up("the server is gone");
        }
        books_leases_free(&held);
        if (clock_mono_ms() > until_ms) give_up("%d jobs were never active at once", ACTIVE);
        rest_ms(5);
    }
}

struct progress {
    size_t free;   /* have lost the lease that they were held by */
    size_t again;  /* run under another one */
    size_t others; /* run, and were not held */
};

static struct progress look(struct books *books, const struct leases *held)
{
    struct leases now = read_leases(books, -1);
    struct progress p = {0};
    size_t matched = 0;

    for (size_t i = 0; i < held->count; i++) {
        const struct lease_id *one = books_lease_of(&now, held->ids[i].id);
        if (one && strcmp(one->token, held->ids[i].token) == 0) continue;
        p.free++;
        if (one) p.again++;
    }
    for (size_t i = 0; i < now.count; i++) matched += books_lease_of(held, now.ids[i].id) != NULL;
    p.others = now.count - matched;
    books_leases_free(&now);
    return p;
}

static size_t count_done(struct books *books)
{
    struct totals t;

    if (!books_totals(books, QUEUE, &t)) give_up("the books cannot be read");
    return (size_t)t.done;
}

static bool check_drained(struct books *books)
{
    uint64_t until_ms = clock_mono_ms() + DRAIN_MS_MAX;
    struct totals t;

    do {
        if (!books_totals(books, QUEUE, &t)) give_up("the books cannot be read");
        if (t.left == 0) break;
        rest_ms(10);
    } while (clock_mono_ms() < until_ms);
    printf("the books: %" PRId64 " enqueued, %" PRId64 " done, %" PRId64 " failed, %" PRId64
           " left, %" PRId64 " taken back\n",
           t.enqueued, t.done, t.failed, t.left, t.reaped);
    return t.enqueued == JOBS && t.done == JOBS && t.left == 0 && t.failed == 0 &&
           t.reaped == ACTIVE;
}

static bool within(const char *what, uint64_t ms, uint64_t promised_ms)
{
    printf("%s: %" PRIu64 " ms, promised %" PRIu64 " ms\n", what, ms, promised_ms);
    if (ms <= promised_ms + SLACK_MS) return true;
    printf("FAULT too late, even with %d ms of slack\n", SLACK_MS);
    return false;
}

/* ---- a restart on the same state folder ------------------------------------------------------ */

/* Time from readiness until all that was held runs again; none of the rest may run before. */
static uint64_t await_again(struct books *books, const struct leases *held, size_t done_before)
{
    uint64_t ready_ms = clock_mono_ms(), until_ms = ready_ms + SERVER_WAIT_MS;

    for (;;) {
        struct progress p = look(books, held);
        size_t ended = count_done(books) - done_before; /* on a slow machine we look late */
        if (p.others && p.again + ended < held->count)
            give_up("%zu of the rest run, but %zu of those that were active", p.others, p.again);
        if (p.again + ended >= held->count) return clock_mono_ms() - ready_ms;
        if (clock_mono_ms() > until_ms) give_up("only %zu run again", p.again);
        rest_ms(2);
    }
}

bool kill_busy(const struct mode_options *options)
{
    static const char *const words[] = {"--listen", "127.0.0.1:0", "--concurrency", CONCURRENCY,
                                        NULL};
    char folder[64], url[128];
    struct server server;
    struct books *books;
    struct leases held;
    uint64_t again_ms, ready_ms;
    size_t done_before;
    bool sound;

    snprintf(folder, sizeof folder, "%s/state", options->folder);
    server_init(&server, folder, words);
    snprintf(url, sizeof url, "unix://%s", server.socket);
    server_start(&server);
    server_await_ready(&server);
    enqueue_all(url);
    books = open_books(server.socket);
    held = halt_when_full(&server, books);
    done_before = count_done(books);
    books_close(books);
    server_kill(&server);
    ready_ms = clock_mono_ms();
    server_start(&server);
    server_await_ready(&server);
    ready_ms = clock_mono_ms() - ready_ms;
    books = open_books(server.socket);
    again_ms = await_again(books, &held, done_before);
    printf("killed with %zu active, ready again after %" PRIu64 " ms\n", held.count, ready_ms);
    sound = within("those that were active run again after readiness", again_ms, CLAIMABLE_MS);
    sound = check_drained(books) && sound;
    books_close(books);
    books_leases_free(&held);
    server_stop(&server);
    return sound;
}

/* ---- a second server alive ------------------------------------------------------------------- */

bool kill_busy_peer(const struct mode_options *options)
{
    static const char *const settings[] = {"--appendonly", "yes", NULL};
    struct redis_server *redis = redis_server_start(settings);
    const char *const words[] = {"--listen", "none", "--concurrency", CONCURRENCY,
                                 "--lease",  LEASE,  "--redis",       redis_server_url(redis),
                                 NULL};
    struct books *books = open_books(redis_server_path(redis));
    uint64_t killed_ms, free_ms = 0, again_ms = 0;
    struct server servers[2];
    struct leases held;
    char folder[64];
    bool sound;

    for (unsigned i = 0; i < 2; i++) {
        snprintf(folder, sizeof folder, "%s/state%u", options->folder, i);
        server_init(&servers[i], folder, words);
        server_start(&servers[i]);
    }
    for (unsigned i = 0; i < 2; i++) server_await_ready(&servers[i]);
    enqueue_all(redis_server_url(redis));
    held = halt_when_full(&servers[0], books);
    server_kill(&servers[0]);
    killed_ms = clock_mono_ms();
    while (!free_ms || !again_ms) {
        struct progress p = look(books, &held);
        uint64_t passed_ms = clock_mono_ms() - killed_ms;
        if (p.free == held.count && !free_ms) free_ms = passed_ms;
        if (p.again == held.count && !again_ms) again_ms = passed_ms;
        if (passed_ms > SERVER_WAIT_MS) give_up("%zu free, %zu run again", p.free, p.again);
        rest_ms(5);
    }
    sound = within("claimable again after the kill", free_ms, LEASE_MS + CLAIMABLE_MS);
    /* The peer's slots are full: it can begin when what runs there has ended. */
    sound =
        within("they run again at the peer", again_ms, LEASE_MS + CLAIMABLE_MS + SLEEP_MS) && sound;
    sound = check_drained(books) && sound;
    books_leases_free(&held);
    books_close(books);
    server_stop(&servers[1]);
    redis_server_free(redis);
    return sound;
}
