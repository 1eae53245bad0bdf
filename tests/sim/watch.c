#include "tests/sim/watch.h"

#include <string.h>
#include "tests/sim/node.h"
#include "tests/sim/pullers.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"

/* Of a chain of messages: wake, claim in flight, its answer, the next claim; and whole
 * milliseconds. */
#define CHAIN_US     (6 * WORLD_DELAY_MAX_US + 5000)
#define HEARTBEAT_US UINT64_C(1000000)
#define BOUND_US     (HEARTBEAT_US + CHAIN_US)

static struct {
    bool undisturbed;
    uint64_t serving_us[NODES_MAX]; /* since when; 0: it does not */
    uint64_t stepped_us;
} watch;

void watch_begin(bool undisturbed)
{
    memset(&watch, 0, sizeof watch);
    watch.undisturbed = undisturbed;
}

void watch_forget(unsigned node)
{
    struct books *b = books();

    watch.serving_us[node] = 0;
    for (size_t i = 0; i < b->count; i++) b->job[i].startable_us[node] = 0;
}

void watch_stepped(void)
{
    watch.stepped_us = world_now_us();
}

uint64_t watch_stepped_us(void)
{
    return watch.stepped_us;
}

static uint64_t since(uint64_t from_us)
{
    return world_now_us() > from_us ? world_now_us() - from_us : 0;
}

static bool is(const struct book *b, const char *state)
{
    return strcmp(b->state, state) == 0;
}

static void check_ready(struct book *b, unsigned i)
{
    struct node *n = node_at(i);
    bool could = watch.serving_us[i] && !books()->paused && !books_full() &&
                 (node_has_slot(n, span_of(b->kind)) || pullers_wait(n, span_of(b->kind)));

    if (!could) {
        b->startable_us[i] = 0;
        return;
    }
    if (!b->startable_us[i]) b->startable_us[i] = world_now_us();
    if (since(b->startable_us[i]) > BOUND_US)
        world_broken("%s is ready, and %s does not start it", b->id, node_name(n));
    if (watch.undisturbed && world_is_quiet() && link_is_heard(node_link(n)))
        world_broken("%s is ready, and %s was not woken", b->id, node_name(n));
}

static void check_due(const struct book *b, unsigned i)
{
    int64_t late_us = store_now_us() - b->score * 1000;
    bool settled = since(watch.serving_us[i]) > BOUND_US && since(watch.stepped_us) > BOUND_US;

    if (settled && late_us > (int64_t)BOUND_US)
        world_broken("%s is due, and %s does not promote it", b->id, node_name(node_at(i)));
    if (settled && watch.undisturbed && late_us > CHAIN_US)
        world_broken("%s is due, and %s waits for its heartbeat", b->id, node_name(node_at(i)));
}

static void check_lease(const struct book *b, unsigned i)
{
    int64_t late_us = store_now_us() - b->score;
    uint64_t held_us = node_reaps_from_us(node_at(i)), lease_us = NODE_LEASE_MS * UINT64_C(1000);
    bool stepped = watch.stepped_us && since(watch.stepped_us) < lease_us + 2 * BOUND_US;

    /* The lease must end, be seen by a heartbeat, and be reaped by one who may. */
    if (late_us > (int64_t)BOUND_US && since(watch.serving_us[i]) > 2 * BOUND_US && !stepped &&
        since(held_us) > 2 * BOUND_US)
        world_broken("the lease of %s lapsed, and %s does not reap it", b->id,
                     node_name(node_at(i)));
}

/* Leased by a claim or by a push, it must have come to who starts it. */
static void check_active(const struct book *b)
{
    if (watch.undisturbed && world_is_quiet() && !node_that_runs(b->id, b->token) &&
        !pullers_hold(b->id, b->token))
        world_broken("%s is active, and nobody runs it", b->id);
}

static void check_node(unsigned i)
{
    struct books *all = books();
    struct node *n = node_at(i);

    if (!n || !node_serves(n))
        watch.serving_us[i] = 0;
    else if (!watch.serving_us[i])
        watch.serving_us[i] = world_now_us();
    for (size_t k = 0; k < all->count; k++) {
        struct book *b = &all->job[k];
        if (is(b, "ready")) check_ready(b, i);
        if (is(b, "active")) check_active(b);
        if (!watch.serving_us[i]) continue;
        if (is(b, "scheduled") || is(b, "retry")) check_due(b, i);
        if (is(b, "active")) check_lease(b, i);
    }
}

void watch_check(void)
{
    for (unsigned i = 0; i < NODES_MAX; i++) check_node(i);
}

void watch_run_until(uint64_t us)
{
    while (world_step(us)) watch_check();
}

void watch_run_for(uint64_t us)
{
    watch_run_until(world_now_us() + us);
}

void watch_run_until_quiet(void)
{
    while (!world_is_quiet() && world_step(world_now_us() + 60000000)) watch_check();
}
