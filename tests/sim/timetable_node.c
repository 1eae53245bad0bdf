#include "tests/sim/timetable_node.h"

#include <assert.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/key.h"
#include "queue/redis_clock.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"
#include "scheduler/timetable.h"
#include "tests/sim/fires.h"
#include "tests/sim/node.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/timetable_store.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"

struct node {
    const char *name;
    unsigned index, steps;
    struct timetable *table;
    struct timetable_totals totals;
    struct redis_clock clock;
    struct ticker *ticker;
    struct link *link;
    struct event tick, beat;
    uint64_t paused_until_us, serves_since_us;
    bool dying;
};

static struct node *nodes[TABLES_MAX];

/* ---- turns of the loop ----------------------------------------------------------------------- */

void node_turned(struct node *n)
{
    uint64_t next_ms;

    if (n->dying) return;
    timetable_flush(n->table);
    next_ms = ticker_next_ms(n->ticker);
    if (next_ms == WHEEL_NEVER)
        event_drop(&n->tick);
    else
        event_set_alarm(&n->tick, next_ms * 1000);
}

static void on_tick(struct event *event)
{
    struct node *n = container_of(event, struct node, tick);

    ticker_turn(n->ticker);
    node_turned(n);
}

/* ---- what is told ---------------------------------------------------------------------------- */

/* The answer was under way for a while, so the clock is known but roughly. */
static void on_beat(struct event *event)
{
    struct node *n = container_of(event, struct node, beat);
    uint64_t now_us = clock_mono_us(), way_us = world_delay_us() + world_delay_us();

    event_set_alarm(&n->beat, now_us + TABLE_BEAT_US);
    if (!link_works(n->link)) return;
    redis_clock_note(&n->clock, now_us - way_us, now_us,
                     store_now_us() - (int64_t)world_below(way_us));
    if (n->clock.steps != n->steps) timetable_stepped(n->table);
    n->steps = n->clock.steps;
    timetable_hint(n->table, store_edits());
    if (n->serves_since_us == UINT64_MAX) n->serves_since_us = now_us;
    node_turned(n);
}

static void on_up(void *ctx, const struct redis_info *info)
{
    struct node *n = ctx;

    (void)info;
    event_set_alarm(&n->beat, clock_mono_us() + world_delay_us());
}

static void on_down(void *ctx)
{
    struct node *n = ctx;

    n->serves_since_us = UINT64_MAX;
    event_drop(&n->beat);
    timetable_stop(n->table);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    struct node *n = ctx;
    uint64_t edits;

    (void)channel;
    if (!span_is(span_cut(&text, ' '), "schedules") || text_parse_u64(text, 0, INT64_MAX, &edits))
        world_broken("a message that is none");
    else if (n->clock.sampled_us && link_is_up(n->link))
        timetable_hint(n->table, (int64_t)edits);
}

static void on_nothing(void *ctx)
{
    (void)ctx;
}

/* ---- life ------------------------------------------------------------------------------------ */

struct node *table_start(const char *name, struct zone_cache *zones)
{
    static const struct link_options link = {.on_up = on_up,
                                             .on_down = on_down,
                                             .on_subscribed = on_nothing,
                                             .on_unsubscribed = on_nothing,
                                             .on_message = on_message};
    struct link_options options = link;
    struct node *n = xcalloc(1, sizeof *n);
    char *channel = channel_of_due("pinion", "q");

    while (nodes[n->index]) assert(++n->index < TABLES_MAX);
    nodes[n->index] = n;
    world_trace("%s begins", name);
    n->name = name;
    n->serves_since_us = UINT64_MAX;
    event_init(&n->tick, on_tick);
    event_init(&n->beat, on_beat);
    n->tick.not_before_us = n->beat.not_before_us = &n->paused_until_us;
    n->ticker = ticker_new(NULL);
    options.ctx = n;
    n->link = link_new(NULL, &options);
    struct timetable_options o = {.link = n->link,
                                  .ticker = n->ticker,
                                  .clock = &n->clock,
                                  .zones = zones,
                                  .key = store_key(),
                                  .queue = "q",
                                  .totals = &n->totals,
                                  .fired = on_nothing};
    n->table = timetable_new(&o);
    link_subscribe(n->link, channel);
    free(channel);
    link_start(n->link);
    return n;
}

void table_kill(struct node *n)
{
    world_trace("%s is no more", n->name);
    n->dying = true;
    link_kill(n->link);
    timetable_free(n->table);
    link_free(n->link);
    ticker_free(n->ticker);
    event_drop(&n->tick);
    event_drop(&n->beat);
    nodes[n->index] = NULL;
    free(n);
}

void table_pause(struct node *n, uint64_t us)
{
    world_trace("%s is paused for %llu ms", n->name, (unsigned long long)us / 1000);
    n->paused_until_us = world_now_us() + us;
    fires_pause(n->paused_until_us);
}

struct node *table_at(unsigned i)
{
    return nodes[i];
}

struct link *table_link(struct node *n)
{
    return n->link;
}

uint64_t table_serves_since_us(struct node *n)
{
    if (!link_works(n->link) || n->paused_until_us > world_now_us()) return UINT64_MAX;
    if (n->serves_since_us != UINT64_MAX && n->serves_since_us < n->paused_until_us)
        n->serves_since_us = n->paused_until_us;
    return n->serves_since_us;
}

/* ---- what the simulator wants ---------------------------------------------------------------- */

void node_end_all(void)
{
    for (unsigned i = 0; i < TABLES_MAX; i++)
        if (nodes[i]) table_kill(nodes[i]);
}

const char *node_name(const struct node *n)
{
    return n->name;
}

const uint64_t *node_paused_until_us(const struct node *n)
{
    return &n->paused_until_us;
}

void watch_begin(bool undisturbed)
{
    (void)undisturbed;
}
