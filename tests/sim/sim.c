#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "tests/sim/books.h"
#include "tests/sim/node.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

static const char *play(const struct play *p)
{
    sim_redis_begin();
    watch_begin(p->undisturbed);
    store_begin(p->planted);
    p->scenario();
    node_end_all();
    world_end();
    return world_violation();
}

const char *sim_play_seed(const struct play *p, uint64_t seed)
{
    world_begin(seed);
    return play(p);
}

const char *sim_play_orders(const struct play *p, unsigned max, unsigned *ret_count)
{
    *ret_count = 0;
    world_first_order();
    do {
        ++*ret_count;
        if (play(p)) return world_violation();
    } while (*ret_count < max && world_next_order());
    return NULL;
}

uint64_t sim_first_seed(void)
{
    static uint64_t seed;
    static bool known;

    if (!known) seed = property_seed("PINION_SIM_SEED");
    known = true;
    return seed;
}

unsigned sim_seeds(unsigned otherwise)
{
    const char *given = getenv("PINION_SIM_SEEDS");

    if (given) return (unsigned)strtoul(given, NULL, 10);
    return getenv("PINION_SIM_SEED") ? 1 : otherwise;
}

void sim_check_seeds(const struct play *p, unsigned count)
{
    for (unsigned i = 0; i < sim_seeds(count); i++) {
        const char *violation = sim_play_seed(p, sim_first_seed() + i);
        if (violation) fail_msg("PINION_SIM_SEED=%" PRIu64 ": %s", sim_first_seed() + i, violation);
    }
}

void sim_check_orders(const struct play *p, unsigned max)
{
    unsigned count;
    const char *violation = sim_play_orders(p, max, &count);

    if (violation) fail_msg("in order %u: %s", count, violation);
    assert_true(count > 1); /* else the scenario has no choice, and shows nothing */
    printf("%u orders%s\n", count, count == max ? ", and there are more" : "");
}

int sim_setup(void **state)
{
    (void)state;
    log_set(getenv("PINION_SIM_TRACE") ? LOG_WARN : LOG_ERROR, LOG_AS_TEXT);
    store_open();
    return 0;
}

int sim_teardown(void **state)
{
    (void)state;
    store_close();
    return 0;
}
