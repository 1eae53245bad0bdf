/* tests/sim/sim.h — plays a scenario: one seed or one order at a time, in a fresh world and store.
 *
 *     PINION_SIM_SEED=N   plays that seed alone     PINION_SIM_SEEDS=N   how many seeds
 *     PINION_SIM_TRACE=1  tells what happens    PINION_SIM_TEST=NAME plays tests of that name (with
 * *)
 */
#ifndef PINION_TESTS_SIM_SIM_H
#define PINION_TESTS_SIM_SIM_H

#include <stdbool.h>
#include "tests/sim/store.h"

typedef void scenario_fn(void);

struct play {
    scenario_fn *scenario;
    bool undisturbed;              /* nothing goes wrong: see watch.h */
    const struct planted *planted; /* NULL: none */
};

/* What was broken, or NULL; borrowed until the next play. */
const char *sim_play_seed(const struct play *, uint64_t seed);
/* Every order from world_branch(true) on, at most `max` of them. */
const char *sim_play_orders(const struct play *, unsigned max, unsigned *ret_count);

unsigned sim_seeds(unsigned otherwise);
uint64_t sim_first_seed(void);

/* For tests: fails with the seed, or the number of the order. */
void sim_check_seeds(const struct play *, unsigned count);
void sim_check_orders(const struct play *, unsigned max);

/* For cmocka_run_group_tests. */
int sim_setup(void **state);
int sim_teardown(void **state);

#endif
