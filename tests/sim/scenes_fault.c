/* One thing goes wrong. */
#include "tests/sim/scenes.h"

#include "queue/pack.h"
#include "tests/sim/books.h"
#include "tests/sim/client.h"
#include "tests/sim/node.h"
#include "tests/sim/pullers.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"

#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

static const struct pinion_job soon_job = {.kind = "soon"}, stuck_job = {.kind = "stuck"};

static const struct node_options any_a = {.name = "a", .concurrency = 8, .handlers = {{"*", 0}}},
                                 any_b = {.name = "b", .concurrency = 8, .handlers = {{"*", 0}}};

static unsigned starts(void)
{
    unsigned count = 0;

    for (size_t i = 0; i < books()->count; i++) count += books()->job[i].starts;
    return count;
}

static void run_until_started(unsigned count, uint64_t within_us)
{
    uint64_t until_us = world_now_us() + within_us;

    while (starts() < count && world_step(until_us)) watch_check();
    if (starts() < count) world_broken("%u of %u attempts began in time", starts(), count);
}

/* ---- one fault at a time --------------------------------------------------------------------- */

void scene_killed(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    node_start(&any_b);
    watch_run_for(world_below(15 * SECOND));
    node_kill(a);
    run_until_started(10, NODE_LEASE_MS * MS + SECOND + 200 * MS);
}

void scene_comes_back(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    watch_run_for(world_below(15 * SECOND));
    node_kill(a);
    node_start(&any_a);
    run_until_started(10, 300 * MS);
}

void scene_redis_restarts(void)
{
    struct node *nodes[] = {node_start(&any_a), node_start(&any_b)};

    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    watch_run_for(world_below(15 * SECOND));
    sim_redis_restart();
    for (size_t i = 0; i < countof(nodes); i++) {
        link_cut(node_link(nodes[i]));
        link_deafen(node_link(nodes[i]), false);
    }
    if (world_chance(50)) node_kill(nodes[1]);
    run_until_started(5, 0);
    watch_run_for(30 * SECOND); /* what the dead one held comes back, by the rules of watch.c */
}

/* What a dead server held is about to be reaped, or leases are short, so that somebody is about to
 * look for lapsed ones when the step makes all of them look so. */
void scene_clock_steps(void)
{
    static const struct node_options mortal = {.name = "c", .handlers = {{"soon", 0}}};
    int64_t us = (int64_t)world_below(world_chance(50) ? 3600 * SECOND : 5 * SECOND);
    struct pinion_job job = stuck_job;
    struct node *c = node_start(&mortal);

    client_enqueue(&soon_job, 1);
    run_until_started(1, SECOND);
    node_start(&any_a);
    node_start(&any_b);
    job.lease_ms = world_chance(50) ? 1000 + world_below(1000) : 0;
    client_enqueue(&job, 5);
    run_until_started(6, SECOND);
    node_kill(c);
    watch_run_for(5 * SECOND + world_below(5 * SECOND));
    store_step_clock(world_chance(70) ? us : -us);
    watch_stepped();
    watch_run_for(40 * SECOND);
}

void scene_paused(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&soon_job, PACK_JOBS_MIN + 2);
    client_enqueue(&soon_job, 2);
    run_until_started(PACK_JOBS_MIN + 4, SECOND);
    node_start(&any_b);
    watch_run_for(world_below(SECOND));
    node_pause(a, world_below(25 * SECOND));
    watch_run_for(60 * SECOND);
    books_close();
}

/* Their leases are as short as their work, and a server is killed; at last one can do all of it. */
void scene_pulled_late(void)
{
    static const struct node_options none_b = {.name = "b", .handlers = {{"none", 0}}};
    static const struct pinion_job job = {.kind = "pull", .retain_ms = 60000};
    static const struct node_options none_c = {.name = "c", .handlers = {{"none", 0}}};
    struct node *b = node_start(&none_b), *c = node_start(&none_c);

    client_enqueue(&job, 6);
    for (unsigned i = 0; i < 12; i++) {
        watch_run_for(world_below(2 * SECOND));
        if (i == 8) node_kill(c);
        pullers_ask(i < 8 && world_chance(50) ? c : b);
    }
    node_start(&any_a);
    watch_run_for(60 * SECOND);
    books_close();
}

/* Never more than may run, whoever dies; and no place is lost by it, so all of them end. */
void scene_limited(void)
{
    static const struct limit limits[] = {
        {.scope = LIMIT_QUEUE, .concurrency = 3},
        {.scope = LIMIT_KIND, .name = {"soon", 4}, .concurrency = 3},
        {.scope = LIMIT_GROUP, .name = {"g", 1}, .concurrency = 3},
        {.scope = LIMIT_EACH_GROUP, .concurrency = 3},
    };
    struct pinion_job job = {.kind = "soon", .group = "g"};
    struct node *a = node_start(&any_a);

    node_start(&any_b);
    client_limit(&limits[world_below(countof(limits))]);
    client_enqueue(&job, 4 + (unsigned)world_below(8));
    watch_run_for(world_below(4 * SECOND));
    client_enqueue(&job, 1);
    node_kill(a);
    watch_run_for(world_below(5 * SECOND));
    if (world_chance(50)) node_start(&any_a); /* else its leases lapse */
    watch_run_for(60 * SECOND);
    books_close();
}
