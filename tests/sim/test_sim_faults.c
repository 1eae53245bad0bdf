/* Whatever goes wrong: every job ends once, no outcome counts twice, and nothing waits longer than
 * it must. What is checked on the way is in books.h and watch.h. */
#include <stdlib.h>
#include "tests/sim/load.h"
#include "tests/sim/scenes.h"
#include "tests/sim/sim.h"
#include "tests/support/check.h"

#define SEEDS      25
#define LOAD_SEEDS 15

static void check(scenario_fn *scenario, unsigned seeds)
{
    sim_check_seeds(&(struct play){.scenario = scenario}, seeds);
}

TEST(a_killed_servers_jobs_run_again_within_a_lease_and_a_second)
{
    check(scene_killed, SEEDS);
}

TEST(a_server_that_comes_back_takes_its_own_at_once)
{
    check(scene_comes_back, SEEDS);
}

TEST(a_restart_of_redis_costs_no_lease)
{
    check(scene_redis_restarts, SEEDS);
}

TEST(a_step_of_the_clock_costs_no_lease)
{
    check(scene_clock_steps, SEEDS);
}

TEST(a_paused_server_does_not_end_a_job_twice)
{
    check(scene_paused, SEEDS);
}

TEST(an_outcome_from_elsewhere_counts_only_in_time)
{
    check(scene_pulled_late, LOAD_SEEDS);
}

TEST(no_more_run_than_may_and_no_place_is_lost)
{
    check(scene_limited, SEEDS);
}

TEST(everything_goes_wrong)
{
    check(load_faulty, LOAD_SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_servers_jobs_run_again_within_a_lease_and_a_second),
        cmocka_unit_test(a_server_that_comes_back_takes_its_own_at_once),
        cmocka_unit_test(a_restart_of_redis_costs_no_lease),
        cmocka_unit_test(a_step_of_the_clock_costs_no_lease),
        cmocka_unit_test(a_paused_server_does_not_end_a_job_twice),
        cmocka_unit_test(an_outcome_from_elsewhere_counts_only_in_time),
        cmocka_unit_test(no_more_run_than_may_and_no_place_is_lost),
        cmocka_unit_test(everything_goes_wrong),
    };

    cmocka_set_test_filter(getenv("PINION_SIM_TEST"));
    return cmocka_run_group_tests(tests, sim_setup, sim_teardown);
}
