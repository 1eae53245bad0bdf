/* Whatever goes wrong: every job ends once, no outcome counts twice, and nothing waits longer than it
 * must. What is checked on the way is in books.h and watch.h. */
#include <stdlib.h>
#include "tests/sim/books.h"
#include "tests/sim/client.h"
#include "tests/sim/load.h"
#include "tests/sim/node.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"

#define SEEDS  40
#define MS     UINT64_C(1000)
#define SECOND UINT64_C(1000000)

static const struct pinion_job soon_job = {.kind = "soon"}, stuck_job = {.kind = "stuck"};

static const struct node_options any_a = {.name = "a", .concurrency = 8, .handlers = {{"*", 0}}},
                                 any_b = {.name = "b", .concurrency = 8, .handlers = {{"*", 0}}};

static void check(scenario_fn *scenario, unsigned seeds)
{
    sim_check_seeds(&(struct play){.scenario = scenario}, seeds);
}

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

/* ---- one fault at a time ------------------------------------------------------------------------ */

static void killed(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    node_start(&any_b);
    watch_run_for(world_below(15 * SECOND));
    node_kill(a);
    run_until_started(10, NODE_LEASE_MS * MS + SECOND + 200 * MS);
}

TEST(a_killed_servers_jobs_run_again_within_a_lease_and_a_second)
{
    check(killed, SEEDS);
}

static void comes_back(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    watch_run_for(world_below(15 * SECOND));
    node_kill(a);
    node_start(&any_a);
    run_until_started(10, 300 * MS);
}

TEST(a_server_that_comes_back_takes_its_own_at_once)
{
    check(comes_back, SEEDS);
}

static void redis_restarts(void)
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

TEST(a_restart_of_redis_costs_no_lease)
{
    check(redis_restarts, SEEDS);
}

static void clock_steps(void)
{
    int64_t us = (int64_t)world_below(3600 * SECOND);

    node_start(&any_a);
    node_start(&any_b);
    client_enqueue(&stuck_job, 5);
    run_until_started(5, SECOND);
    watch_run_for(world_below(15 * SECOND));
    store_step_clock(world_chance(50) ? us : -us);
    watch_stepped();
    watch_run_for(40 * SECOND);
    if (starts() != 5) world_broken("a step of the clock made %u starts of 5", starts());
}

TEST(a_step_of_the_clock_costs_no_lease)
{
    check(clock_steps, SEEDS);
}

static void is_paused(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&soon_job, 8);
    run_until_started(8, SECOND);
    node_start(&any_b);
    watch_run_for(world_below(SECOND));
    node_pause(a, world_below(25 * SECOND));
    watch_run_for(60 * SECOND);
    books_close();
}

TEST(a_paused_server_does_not_end_a_job_twice)
{
    check(is_paused, SEEDS);
}

/* ---- all of them -------------------------------------------------------------------------------- */

TEST(everything_goes_wrong)
{
    check(load_faulty, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_servers_jobs_run_again_within_a_lease_and_a_second),
        cmocka_unit_test(a_server_that_comes_back_takes_its_own_at_once),
        cmocka_unit_test(a_restart_of_redis_costs_no_lease),
        cmocka_unit_test(a_step_of_the_clock_costs_no_lease),
        cmocka_unit_test(a_paused_server_does_not_end_a_job_twice),
        cmocka_unit_test(everything_goes_wrong),
    };

    cmocka_set_test_filter(getenv("PINION_SIM_TEST"));
    return cmocka_run_group_tests(tests, sim_setup, sim_teardown);
}
