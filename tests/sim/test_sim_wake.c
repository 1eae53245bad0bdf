/* Whoever is idle beside work is woken, in whatever order messages, answers and calls arrive. */
#include <stdlib.h>
#include "tests/sim/load.h"
#include "tests/sim/scenes.h"
#include "tests/sim/sim.h"
#include "tests/support/check.h"

#define ORDERS     250
#define SEEDS      20
#define LOAD_SEEDS 15

static void check(scenario_fn *scenario)
{
    const struct play p = {.scenario = scenario, .undisturbed = true};

    sim_check_orders(&p, ORDERS);
    sim_check_seeds(&p, SEEDS);
}

TEST(publish_against_the_first_subscription)
{
    check(scene_first_subscription);
}

TEST(publish_against_a_renewed_subscription)
{
    check(scene_renewed_subscription);
}

TEST(more_work_than_slots)
{
    check(scene_more_than_slots);
}

TEST(one_wake_up_for_two_servers)
{
    check(scene_shared_out);
}

TEST(a_wake_up_for_a_server_that_has_just_become_full)
{
    check(scene_just_full);
}

TEST(a_job_for_a_server_that_has_just_become_quiet)
{
    check(scene_just_quiet);
}

TEST(a_wake_up_for_a_server_that_has_just_become_quiet)
{
    check(scene_woken_quiet);
}

TEST(a_job_for_workers_elsewhere_some_of_whom_leave)
{
    check(scene_pulled);
}

TEST(release_against_a_server_that_becomes_idle)
{
    check(scene_released);
}

TEST(promote_against_idle_servers)
{
    check(scene_promoted);
}

TEST(resume_against_enqueue)
{
    check(scene_resumed);
}

TEST(pushed_jobs_against_claims)
{
    check(scene_one_by_one);
}

TEST(pushed_jobs_against_taking_back)
{
    sim_check_seeds(&(struct play){.scenario = scene_late_push, .undisturbed = true}, 5 * SEEDS);
}

TEST(nothing_is_pushed_while_the_queue_is_paused)
{
    check(scene_enqueued_paused);
}

TEST(a_calm_load_never_waits_for_a_heartbeat)
{
    sim_check_seeds(&(struct play){.scenario = load_calm, .undisturbed = true}, LOAD_SEEDS);
}

TEST(a_lost_message_costs_a_heartbeat)
{
    sim_check_seeds(&(struct play){.scenario = scene_lost_message}, SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(publish_against_the_first_subscription),
        cmocka_unit_test(publish_against_a_renewed_subscription),
        cmocka_unit_test(more_work_than_slots),
        cmocka_unit_test(one_wake_up_for_two_servers),
        cmocka_unit_test(a_wake_up_for_a_server_that_has_just_become_full),
        cmocka_unit_test(a_job_for_a_server_that_has_just_become_quiet),
        cmocka_unit_test(a_wake_up_for_a_server_that_has_just_become_quiet),
        cmocka_unit_test(a_job_for_workers_elsewhere_some_of_whom_leave),
        cmocka_unit_test(release_against_a_server_that_becomes_idle),
        cmocka_unit_test(promote_against_idle_servers),
        cmocka_unit_test(resume_against_enqueue),
        cmocka_unit_test(pushed_jobs_against_claims),
        cmocka_unit_test(pushed_jobs_against_taking_back),
        cmocka_unit_test(nothing_is_pushed_while_the_queue_is_paused),
        cmocka_unit_test(a_calm_load_never_waits_for_a_heartbeat),
        cmocka_unit_test(a_lost_message_costs_a_heartbeat),
    };

    cmocka_set_test_filter(getenv("PINION_SIM_TEST"));
    return cmocka_run_group_tests(tests, sim_setup, sim_teardown);
}
