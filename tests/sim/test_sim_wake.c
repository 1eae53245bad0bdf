/* Whoever is idle beside work is woken, in whatever order messages, answers and calls arrive. */
#include <stdlib.h>
#include "tests/sim/books.h"
#include "tests/sim/client.h"
#include "tests/sim/load.h"
#include "tests/sim/node.h"
#include "tests/sim/sim.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"

#define ORDERS 3000
#define SEEDS  60
#define MS     UINT64_C(1000)

static const struct pinion_job now_job = {.kind = "now.a"}, stuck_job = {.kind = "stuck"},
                               due_job = {.kind = "now.a", .in_ms = 100};

static const struct node_options any_a = {.name = "a", .concurrency = 1, .handlers = {{"*", 0}}},
                                 any_b = {.name = "b", .concurrency = 1, .handlers = {{"*", 0}}};

static void enqueue_one(void *job)
{
    client_enqueue(job, 1);
}

static void enqueue_three(void *job)
{
    client_enqueue(job, 3);
}

static void enqueue_soon(const struct pinion_job *job)
{
    client_soon(enqueue_one, (void *)(uintptr_t)job);
}

static void stop(void *node)
{
    node_stop(node);
}

static void hurry(void *node)
{
    node_stop(node);
    node_stop(node);
}

static void deafen(void *node)
{
    link_deafen(node_link(node), false);
}

static void cut(void *node)
{
    link_cut(node_link(node));
}

/* Two servers that have found nothing and wait to be woken. */
static void two_idle(struct node **ret_a, struct node **ret_b)
{
    *ret_a = node_start(&any_a);
    *ret_b = node_start(&any_b);
    watch_run_for(500 * MS);
    world_branch(true);
}

static void all_end_before_a_heartbeat(void)
{
    watch_run_until_quiet();
    if (!books_all_ended()) world_broken("nothing is on its way, and not all jobs have ended");
}

static void check(scenario_fn *scenario)
{
    const struct play p = {.scenario = scenario, .undisturbed = true};

    sim_check_orders(&p, ORDERS);
    sim_check_seeds(&p, SEEDS);
}

/* ---- scenarios ---------------------------------------------------------------------------------- */

static void first_claim_and_subscription(void)
{
    world_branch(true);
    node_start(&any_a);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

TEST(publish_against_the_first_subscription)
{
    check(first_claim_and_subscription);
}

static void subscription_is_renewed(void)
{
    struct node *a = node_start(&any_a);

    watch_run_for(500 * MS);
    world_branch(true);
    client_soon(deafen, a);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

TEST(publish_against_a_renewed_subscription)
{
    check(subscription_is_renewed);
}

static void more_than_slots(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(enqueue_three, (void *)(uintptr_t)&now_job);
    all_end_before_a_heartbeat();
}

TEST(more_work_than_slots)
{
    check(more_than_slots);
}

/* Each of two fills one server for good; who was woken for both has room for one. */
static void just_become_full(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    enqueue_soon(&stuck_job);
    enqueue_soon(&stuck_job);
    watch_run_until_quiet();
}

TEST(a_wake_up_for_a_server_that_has_just_become_full)
{
    check(just_become_full);
}

static void just_become_quiet(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_soon(stop, a);
    enqueue_soon(&now_job);
    all_end_before_a_heartbeat();
}

TEST(a_wake_up_for_a_server_that_has_just_become_quiet)
{
    check(just_become_quiet);
}

/* The one with the work is told to let go of it, while the other one becomes idle. */
static void released(void)
{
    struct node *a = node_start(&any_a);

    client_enqueue(&stuck_job, 1);
    watch_run_for(400 * MS);
    world_branch(true);
    node_start(&any_b);
    client_soon(hurry, a);
    watch_run_for(500 * MS);
    watch_run_until_quiet();
    if (!node_stopped(a)) world_broken("a has not stopped");
}

TEST(release_against_a_server_that_becomes_idle)
{
    check(released);
}

static void promoted(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    enqueue_soon(&due_job);
    enqueue_soon(&due_job);
    watch_run_for(200 * MS);
    all_end_before_a_heartbeat();
}

TEST(promote_against_idle_servers)
{
    check(promoted);
}

static void paused(void *yes)
{
    client_pause(yes != NULL);
}

static void resumed(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    client_pause(true);
    client_soon(enqueue_three, (void *)(uintptr_t)&now_job);
    client_soon(paused, NULL);
    all_end_before_a_heartbeat();
}

TEST(resume_against_enqueue)
{
    check(resumed);
}

TEST(a_calm_load_never_waits_for_a_heartbeat)
{
    sim_check_seeds(&(struct play){.scenario = load_calm, .undisturbed = true}, 150);
}

/* ---- when messages are lost --------------------------------------------------------------------- */

static void message_is_lost(void)
{
    struct node *a, *b;

    two_idle(&a, &b);
    link_lose_message(node_link(a));
    link_lose_message(node_link(b));
    enqueue_soon(&now_job);
    client_soon(enqueue_three, (void *)(uintptr_t)&due_job);
    if (world_chance(50)) client_soon(cut, a);
    watch_run_for(1500 * MS); /* watch.c knows the bound: a heartbeat */
    if (!world_violation() && node_serves(b) && !books_all_ended()) world_broken("a job did not end");
}

TEST(a_lost_message_costs_a_heartbeat)
{
    sim_check_seeds(&(struct play){.scenario = message_is_lost}, SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publish_against_the_first_subscription),
        cmocka_unit_test(publish_against_a_renewed_subscription),
        cmocka_unit_test(more_work_than_slots),
        cmocka_unit_test(a_wake_up_for_a_server_that_has_just_become_full),
        cmocka_unit_test(a_wake_up_for_a_server_that_has_just_become_quiet),
        cmocka_unit_test(release_against_a_server_that_becomes_idle),
        cmocka_unit_test(promote_against_idle_servers),
        cmocka_unit_test(resume_against_enqueue),
        cmocka_unit_test(a_calm_load_never_waits_for_a_heartbeat),
        cmocka_unit_test(a_lost_message_costs_a_heartbeat),
    };

    cmocka_set_test_filter(getenv("PINION_SIM_TEST"));
    return cmocka_run_group_tests(tests, sim_setup, sim_teardown);
}
