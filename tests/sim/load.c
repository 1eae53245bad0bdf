#include "tests/sim/load.h"

#include "queue/pack.h"
#include "tests/sim/books.h"
#include "tests/sim/client.h"
#include "tests/sim/node.h"
#include "tests/sim/pullers.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"
#include "workers/workers.h"

#define SECOND_US    UINT64_C(1000000)
#define DEEDS        60
#define JOBS_MAX     120
#define STEP_MAX_US  (30 * SECOND_US)
#define DRAIN_MAX_US (400 * SECOND_US)
#define STOP_MAX_US  ((GRACE_DEFAULT_MS + 3 * STOP_GRACE_MS + 1000) * 1000)

static const char *const names[] = {"a", "b", "c"};
static const char *const kinds[] = {"now.a", "now.b", "now", "soon", "soon.x", "fail", "stuck",
                                    "pull", "pull.x"};
static const char *const patterns[] = {"now.a",  "now.*", "now",   "soon",
                                       "soon.*", "fail",  "stuck", "*"};

/* ---- servers --------------------------------------------------------------------------------- */

static struct node *node_called(const char *name)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (node_at(i) && node_name(node_at(i)) == name) return node_at(i);
    return NULL;
}

static struct node *random_node(void)
{
    return node_called(names[world_below(countof(names))]);
}

/* Some patterns, in the table's order. */
static void start_some(const char *name)
{
    struct node_options o = {.name = name, .concurrency = 1 + (unsigned)world_below(6)};
    size_t count = 0;

    if (node_called(name)) return;
    for (size_t i = 0; i < countof(patterns) && count < NODE_PATTERNS_MAX; i++) {
        if (!world_chance(60)) continue;
        o.handlers[count].pattern = patterns[i];
        o.handlers[count++].concurrency = (unsigned)world_below(4);
    }
    if (count == 0) o.handlers[0].pattern = "*";
    node_start(&o);
}

static void tidy(void)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (node_at(i) && node_stopped(node_at(i))) node_kill(node_at(i));
}

/* ---- what people do -------------------------------------------------------------------------- */

static void enqueue_some(void)
{
    struct pinion_job job = {.kind = kinds[world_below(countof(kinds))]};
    unsigned count = 1 + (unsigned)world_below(world_chance(30) ? 3 * PACK_JOBS_MIN : 4);

    if (books()->count + count > JOBS_MAX) return;
    job.priority = PINION_PRIORITY((unsigned)world_below(3));
    job.attempts_max = 1 + (unsigned)world_below(3);
    job.timeout_ms = 500 + world_below(4000);
    if (world_chance(40)) job.in_ms = 1 + world_below(4000);
    if (world_chance(20)) job.expires_ms = 1000 + world_below(5000);
    if (world_chance(20)) job.retain_ms = 3600000;
    if (world_chance(30)) job.lease_ms = 1000 + world_below(3000);
    if (world_chance(10))
        client_enqueue_twice(&job);
    else
        client_enqueue(&job, count);
}

static void cancel_some(void)
{
    struct books *b = books();

    if (b->count) client_cancel(b->job[world_below(b->count)].id);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static void restart_redis(void)
{
    sim_redis_restart();
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (node_at(i)) {
            link_cut(node_link(node_at(i)));
            link_deafen(node_link(node_at(i)), false);
        }
}

static void step_clock(void)
{
    int64_t us = (int64_t)world_below(STEP_MAX_US);

    store_step_clock(world_chance(50) ? us : -us);
    watch_stepped();
}

static void go_wrong(void)
{
    struct node *n = random_node();
    unsigned what = (unsigned)world_below(100);

    if (what < 6)
        restart_redis();
    else if (what < 14)
        step_clock();
    else if (!n)
        start_some(names[world_below(countof(names))]);
    else if (what < 34)
        node_kill(n);
    else if (what < 48)
        node_pause(n, 1 + world_below(world_chance(50) ? SECOND_US : 25 * SECOND_US));
    else if (what < 70)
        link_cut(node_link(n));
    else if (what < 85)
        link_deafen(node_link(n), world_chance(50));
    else
        link_lose_message(node_link(n));
}

/* ---- a run ----------------------------------------------------------------------------------- */

static void go_politely(void)
{
    struct node *n = random_node();
    unsigned what = (unsigned)world_below(100);

    if (what < 42)
        enqueue_some();
    else if (what < 57 && n)
        pullers_ask(n);
    else if (what < 60)
        pullers_leave_one();
    else if (what < 68)
        cancel_some();
    else if (what < 76)
        client_pause(world_chance(30));
    else if (what < 84 && n)
        node_stop(n);
    else
        start_some(names[world_below(countof(names))]);
}

static void stop_all(void)
{
    uint64_t until_us = world_now_us() + STOP_MAX_US;

    for (unsigned i = 0; i < NODES_MAX; i++)
        if (node_at(i)) node_stop(node_at(i));
    watch_run_until(until_us);
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (node_at(i) && !node_stopped(node_at(i)))
            world_broken("%s does not stop", node_name(node_at(i)));
    tidy();
}

/* One comes that can run everything, and nothing goes wrong any more. */
static void drain(void)
{
    static const struct node_options last = {
        .name = "z", .concurrency = 32, .handlers = {{"*", 0}}};
    uint64_t until_us = world_now_us() + DRAIN_MAX_US;

    client_pause(false);
    node_start(&last);
    while (!books_all_ended() && world_now_us() < until_us && !world_violation()) {
        watch_run_for(SECOND_US);
        tidy();
    }
}

static void load(unsigned wrong_percent)
{
    start_some(names[0]);
    start_some(names[1]);
    for (unsigned i = 0; i < DEEDS && !world_violation(); i++) {
        watch_run_for(1 + world_below(world_chance(70) ? SECOND_US / 5 : 2 * SECOND_US));
        tidy();
        if (world_chance(wrong_percent))
            go_wrong();
        else
            go_politely();
    }
    drain();
    if (!world_violation()) books_close();
    stop_all();
}

void load_calm(void)
{
    load(0);
}

void load_faulty(void)
{
    load(35);
}
