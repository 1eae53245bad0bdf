/* An order is the list of choices that were made on the way: `chosen[i]` of `width[i]`. The next
 * one repeats it up to its last choice that has another answer, and takes that. */
#include "tests/sim/world.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/random.h"
#include "tests/support/property.h"

#define START_US         UINT64_C(1000000000)
#define STEP_US          20 /* what one event takes where delays do not count */
#define CHOICES_MAX      512
#define CANDIDATES_MAX   256
#define LONG_WAY_PERCENT 10
#define SHORT_WAY_US     2000

static struct {
    struct prng prng, kernel; /* kernel: what the program under test gets as randomness */
    uint64_t seed, now_us;
    struct list events;
    unsigned lanes;
    bool in_orders, branching, tracing;
    unsigned chosen[CHOICES_MAX], width[CHOICES_MAX];
    size_t choices, forced;
    char violation[512];
} world;

/* ---- clock and randomness of the program under test ------------------------------------------ */

uint64_t clock_mono_us(void)
{
    return world.now_us;
}

int64_t clock_wall_us(void)
{
    return INT64_C(1790000000000000) + (int64_t)world.now_us;
}

void random_fill(void *out, size_t bytes)
{
    prng_bytes(&world.kernel, out, bytes);
}

uint64_t random_u64(void)
{
    return prng_next(&world.kernel);
}

double random_unit(void)
{
    return (double)(random_u64() >> 11) * 0x1p-53;
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* A failed assert() must tell the seed as well. */
static void on_abort(int signal_number)
{
    fprintf(stderr, "aborted with PINION_SIM_SEED=%" PRIu64 " at %" PRIu64 " us\n", world.seed,
            world.now_us);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void begin(uint64_t seed)
{
    signal(SIGABRT, on_abort);
    world.seed = seed;
    world.prng.state = seed;
    world.kernel.state = ~seed;
    world.now_us = START_US;
    world.lanes = 0;
    world.choices = 0;
    world.branching = false;
    world.violation[0] = '\0';
    world.tracing = getenv("PINION_SIM_TRACE") != NULL;
    list_init(&world.events);
}

void world_begin(uint64_t seed)
{
    begin(seed);
    world.in_orders = false;
}

void world_first_order(void)
{
    begin(1);
    world.in_orders = true;
    world.forced = 0;
}

bool world_next_order(void)
{
    size_t last = world.choices;

    while (last > 0 && world.chosen[last - 1] + 1 == world.width[last - 1]) last--;
    if (last == 0) return false;
    world.chosen[last - 1]++;
    begin(1);
    world.forced = last;
    return true;
}

void world_end(void)
{
    struct list *node;

    while ((node = list_pop(&world.events))) {
        struct event *e = container_of(node, struct event, node);
        assert(e->forget);
        e->forget(e);
    }
}

void world_branch(bool on)
{
    world.branching = on;
}

bool world_in_orders(void)
{
    return world.in_orders;
}

unsigned world_choose(unsigned count)
{
    assert(count > 0);
    if (count == 1) return 0;
    if (!world.in_orders) return (unsigned)world_below(count);
    if (!world.branching) return 0;
    assert(world.choices < CHOICES_MAX);
    size_t i = world.choices++;
    if (i >= world.forced) world.chosen[i] = 0;
    world.width[i] = count;
    assert(world.chosen[i] < count);
    return world.chosen[i];
}

uint64_t world_now_us(void)
{
    return world.now_us;
}

uint64_t world_below(uint64_t limit)
{
    return prng_below(&world.prng, limit);
}

bool world_chance(unsigned percent)
{
    return world_below(100) < percent;
}

uint64_t world_delay_us(void)
{
    return 1 + world_below(world_chance(LONG_WAY_PERCENT) ? WORLD_DELAY_MAX_US : SHORT_WAY_US);
}

void world_broken(const char *format, ...)
{
    va_list args;

    if (world.violation[0]) return;
    va_start(args, format);
    vsnprintf(world.violation, sizeof world.violation, format, args);
    va_end(args);
    world_trace("BROKEN %s", world.violation);
}

const char *world_violation(void)
{
    return world.violation[0] ? world.violation : NULL;
}

void world_trace(const char *format, ...)
{
    va_list args;

    if (!world.tracing) return;
    fprintf(stderr, "%10.3f ms  ", (double)(world.now_us - START_US) / 1e3);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- events ---------------------------------------------------------------------------------- */

unsigned world_new_lane(void)
{
    return ++world.lanes;
}

void event_init(struct event *e, event_fn *happen)
{
    *e = (struct event){.happen = happen};
    list_init(&e->node);
}

bool event_pending(const struct event *e)
{
    return !list_empty(&e->node);
}

void event_send_in(struct event *e, unsigned lane, uint64_t in_us)
{
    assert(!event_pending(e));
    e->due_us = world.now_us + in_us;
    e->lane = lane;
    e->alarm = false;
    list_for_each (node, &world.events) {
        const struct event *other = container_of(node, struct event, node);
        if (other->lane == lane && other->due_us > e->due_us) e->due_us = other->due_us;
    }
    list_push(&world.events, &e->node);
}

void event_send(struct event *e, unsigned lane)
{
    event_send_in(e, lane, world.in_orders ? 1 : world_delay_us());
}

void event_set_alarm(struct event *e, uint64_t at_us)
{
    event_drop(e);
    e->due_us = at_us;
    e->lane = 0;
    e->alarm = true;
    list_push(&world.events, &e->node);
}

void event_drop(struct event *e)
{
    list_remove(&e->node);
}

static uint64_t due_us(const struct event *e)
{
    uint64_t until_us = e->not_before_us ? *e->not_before_us : 0;

    return e->due_us > until_us ? e->due_us : until_us;
}

/* No event of its lane stands before it. Alarms have no lane. */
static bool is_first(const struct event *e)
{
    if (e->alarm) return true;
    for (struct list *node = e->node.prev; node != &world.events; node = node->prev) {
        const struct event *other = container_of(node, struct event, node);
        if (!other->alarm && other->lane == e->lane) return false;
    }
    return true;
}

/* Those that are due first; where every order counts, all that are on their way. */
static size_t candidates(struct event *ret[CANDIDATES_MAX])
{
    bool all = world.in_orders && world.branching && !world_is_quiet();
    uint64_t first_us = UINT64_MAX;
    size_t count = 0;

    list_for_each (node, &world.events) {
        struct event *e = container_of(node, struct event, node);
        if (!is_first(e) || (all && e->alarm)) continue;
        if (!all && due_us(e) > first_us) continue;
        if (!all && due_us(e) < first_us) count = 0;
        first_us = due_us(e);
        assert(count < CANDIDATES_MAX);
        ret[count++] = e;
    }
    return count;
}

bool world_step(uint64_t until_us)
{
    struct event *first[CANDIDATES_MAX];
    size_t count = candidates(first);

    if (world.violation[0]) return false;
    struct event *e = count ? first[world_choose((unsigned)count)] : NULL;
    if (!e || (due_us(e) > until_us && (e->alarm || !world.in_orders))) {
        if (world.now_us < until_us) world.now_us = until_us;
        return false;
    }
    world.now_us += world.in_orders ? STEP_US : 0;
    if (due_us(e) > world.now_us && (e->alarm || !world.in_orders)) world.now_us = due_us(e);
    event_drop(e);
    e->happen(e);
    return true;
}

bool world_is_quiet(void)
{
    list_for_each (node, &world.events)
        if (!container_of(node, struct event, node)->alarm) return false;
    return true;
}
