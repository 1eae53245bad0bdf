#include "tests/sim/node.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/sim/pullers.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/store.h"
#include "tests/sim/watch.h"
#include "tests/sim/world.h"
#include "workers/callback.h"
#include "workers/shared.h"

#define FLUSH_AT_ONCE_PERCENT 75
#define STOP_TAKES_MAX_MS     200

struct node {
    struct node_options o;
    unsigned index;
    struct workers *workers;
    struct ticker *ticker;
    struct link *link;
    struct list works;
    struct event tick, flush;
    bool stopped, closed, dying;
    uint64_t began_us, paused_until_us, troubled_until_us, held_from_us;
    uint64_t saw_step_us; /* of the clock of Redis: it may have been cut off meanwhile */
    unsigned steps;
    char run_id[48];
};

/* What a handler does with one attempt. */
struct work {
    struct list node;
    struct attempt *attempt;
    struct alarm over;
    bool fails;
};

static struct node *nodes[NODES_MAX];

/* ---- handlers -------------------------------------------------------------------------------- */

static void finish(struct work *w)
{
    struct attempt *a = w->attempt;
    bool fails = w->fails;

    ticker_cancel(consumer_workers(a->consumer)->o.ticker, &w->over);
    list_remove(&w->node);
    free(w);
    attempt_finish(a, fails ? OUTCOME_FAIL : OUTCOME_DONE, "", 0,
                   fails ? (int64_t)world_below(3000) : 0);
}

static void on_over(struct alarm *alarm)
{
    finish(container_of(alarm, struct work, over));
}

static void check_start(struct node *n, const struct attempt *a)
{
    struct book *b = books_find(a->job.id);

    if (!b) {
        world_broken("%s starts %s, which nobody has made", n->o.name, a->work.id);
        return;
    }
    b->starts++;
    world_trace("%s starts %s", n->o.name, a->work.id);
    if (a->handler->running > a->handler->concurrency ||
        workers_running(n->workers) > n->workers->o.concurrency)
        world_broken("%s runs more than it has slots for", n->o.name);
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i])
            list_for_each (node, &nodes[i]->works) {
                const struct attempt *other = container_of(node, struct work, node)->attempt;
                if (span_equal(other->job.id, a->job.id) && !node_may_have_lost_leases(nodes[i]))
                    world_broken("%s starts %s, which %s still runs", n->o.name, b->id,
                                 nodes[i]->o.name);
            }
}

static void run(struct attempt *a, void *ctx)
{
    struct node *n = ctx;
    struct work *w = xcalloc(1, sizeof *w);
    const char *kind = a->work.kind;

    check_start(n, a);
    w->attempt = a;
    w->fails = strncmp(kind, "fail", 4) == 0;
    alarm_init(&w->over, on_over);
    a->work_state = w;
    list_push(&n->works, &w->node);
    if (strncmp(kind, "now", 3) == 0)
        finish(w);
    else if (strncmp(kind, "stuck", 5) != 0)
        ticker_set_in(n->ticker, &w->over, 1 + world_below(NODE_WORK_MAX_US / 1000));
}

static void stop(struct attempt *a, void *ctx)
{
    struct node *n = ctx;
    struct work *w = a->work_state;

    w->fails = world_chance(50);
    ticker_set_in(n->ticker, &w->over, world_below(STOP_TAKES_MAX_MS));
}

/* ---- turns of the loop ----------------------------------------------------------------------- */

static void flush(struct node *n)
{
    uint64_t next_ms;

    if (n->dying) return;
    if (n->stopped && !n->closed) { /* as the service does */
        n->closed = true;
        link_stop(n->link);
    }
    workers_flush(n->workers);
    if (n->workers->clock.steps != n->steps && watch_stepped_us()) n->saw_step_us = world_now_us();
    n->steps = n->workers->clock.steps;
    next_ms = ticker_next_ms(n->ticker);
    if (next_ms == WHEEL_NEVER)
        event_drop(&n->tick);
    else
        event_set_alarm(&n->tick, next_ms * 1000);
}

static void on_flush(struct event *event)
{
    flush(container_of(event, struct node, flush));
}

static void on_tick(struct event *event)
{
    struct node *n = container_of(event, struct node, tick);

    ticker_turn(n->ticker);
    node_turned(n);
}

/* One turn may read several answers and messages before it sends. */
void node_turned(struct node *n)
{
    if (n->dying || event_pending(&n->flush)) return;
    if (world_in_orders() || world_chance(FLUSH_AT_ONCE_PERCENT))
        flush(n);
    else
        event_send_in(&n->flush, world_new_lane(), world_below(50));
}

/* ---- what the link tells --------------------------------------------------------------------- */

static void on_up(void *ctx, const struct redis_info *info)
{
    struct node *n = ctx;
    bool young = info->uptime_s * 1000 <= NODE_LEASE_MS;

    if (n->run_id[0] ? strcmp(n->run_id, info->run_id) != 0 : young)
        n->held_from_us = world_now_us();
    if (n->run_id[0]) n->troubled_until_us = world_now_us(); /* it was cut off */
    snprintf(n->run_id, sizeof n->run_id, "%s", info->run_id);
    workers_up(n->workers, info);
}

static void on_down(void *ctx)
{
    workers_down(((struct node *)ctx)->workers);
}

static void on_subscribed(void *ctx)
{
    struct node *n = ctx;

    if (n->o.never_asks_at_start)
        n->workers->subscribed = true;
    else
        workers_subscribed(n->workers, true);
}

static void on_unsubscribed(void *ctx)
{
    workers_subscribed(((struct node *)ctx)->workers, false);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    struct node *n = ctx;

    if (n->o.trusts_old_pushes) n->workers->consumers[0]->taken_back_us = 0;
    workers_message(n->workers, channel, text);
}

static void on_stopped(void *ctx)
{
    struct node *n = ctx;

    n->stopped = true;
    /* Cut off for as long as it waits for the last outcomes, it goes without. */
    if (!node_is_empty(n) && !node_may_have_lost_leases(n))
        world_broken("%s stopped with work", n->o.name);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void make_workers(struct node *n)
{
    struct error why = {0};
    struct workers_options o = {
        .ticker = n->ticker,
        .name_space = "pinion",
        .server = n->o.name,
        .concurrency = n->o.concurrency,
        .lease_ms = NODE_LEASE_MS,
        .on_stopped = on_stopped,
        .ctx = n,
    };

    n->workers = workers_new(&o);
    if (workers_add_queue(n->workers, &(struct queue_options){.name = "q", .weight = 1}, &why))
        abort();
    for (size_t i = 0; i < NODE_PATTERNS_MAX && n->o.handlers[i].pattern; i++) {
        struct handler *h = callback_new(n->o.handlers[i].pattern, run, stop, n);
        h->concurrency = n->o.handlers[i].concurrency;
        if (workers_add_handler(n->workers, h, &why)) abort();
    }
}

struct node *node_start(const struct node_options *options)
{
    struct node *n = xcalloc(1, sizeof *n);
    struct link_options link = {.on_up = on_up,
                                .on_down = on_down,
                                .on_subscribed = on_subscribed,
                                .on_unsubscribed = on_unsubscribed,
                                .on_message = on_message,
                                .ctx = n};

    while (nodes[n->index]) assert(++n->index < NODES_MAX);
    nodes[n->index] = n;
    n->o = *options;
    n->began_us = world_now_us();
    list_init(&n->works);
    event_init(&n->tick, on_tick);
    event_init(&n->flush, on_flush);
    n->tick.not_before_us = n->flush.not_before_us = &n->paused_until_us;
    world_trace("%s begins", n->o.name);
    n->ticker = ticker_new(NULL);
    make_workers(n);
    n->link = link_new(NULL, &link);
    workers_use_link(n->workers, n->link);
    link_start(n->link);
    watch_forget(n->index);
    return n;
}

/* Handlers end with the process; so that nothing leaks, their attempts are freed by hand. */
static void drop_works(struct node *n)
{
    struct list *node;

    while ((node = list_pop(&n->works))) {
        struct work *w = container_of(node, struct work, node);
        ticker_cancel(n->ticker, &w->over);
        ticker_cancel(n->ticker, &w->attempt->deadline);
        list_remove(&w->attempt->node);
        attempt_free(w->attempt);
        free(w);
    }
}

void node_kill(struct node *n)
{
    world_trace("%s is no more", n->o.name);
    n->dying = true;
    pullers_drop(n);
    link_kill(n->link);
    drop_works(n);
    workers_free(n->workers);
    link_free(n->link);
    ticker_free(n->ticker);
    event_drop(&n->tick);
    event_drop(&n->flush);
    nodes[n->index] = NULL;
    free(n);
}

void node_end_all(void)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i]) node_kill(nodes[i]);
}

void node_pause(struct node *n, uint64_t us)
{
    world_trace("%s is paused for %llu ms", n->o.name, (unsigned long long)us / 1000);
    n->paused_until_us = world_now_us() + us;
    n->troubled_until_us = n->paused_until_us;
    watch_forget(n->index); /* nothing may happen until it serves again */
}

void node_stop(struct node *n)
{
    world_trace("%s is told to stop", n->o.name);
    workers_stop(n->workers);
    node_turned(n);
}

/* ---- to be asked ----------------------------------------------------------------------------- */

bool node_stopped(const struct node *n)
{
    return n->stopped;
}

struct node *node_at(unsigned i)
{
    return nodes[i];
}

const char *node_name(const struct node *n)
{
    return n->o.name;
}

struct link *node_link(struct node *n)
{
    return n->link;
}

struct pull *node_pull(struct node *n)
{
    return n->workers->pull;
}

const uint64_t *node_paused_until_us(const struct node *n)
{
    return &n->paused_until_us;
}

bool node_is_empty(const struct node *n)
{
    const struct consumer *c = n->workers->consumers[0];

    for (enum outbox o = 0; o < OUTBOXES; o++)
        if (!list_empty(&c->outbox[o])) return false;
    return list_empty(&c->running) && c->unsettled == 0 && n->workers->offered == 0;
}

bool node_serves(const struct node *n)
{
    return !n->dying && n->paused_until_us <= world_now_us() && link_works(n->link) &&
           n->workers->at == WORKERS_SERVE && n->workers->consumers[0]->at == CONSUMER_SERVE;
}

bool node_has_slot(const struct node *n, struct span kind)
{
    const struct handler *h = registry_find(&n->workers->registry, kind);

    return h && handler_free_slots(h) > 0 && workers_free_slots(n->workers) > 0;
}

struct node *node_that_runs(const char *local_id, const char *token)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i])
            list_for_each (node, &nodes[i]->works) {
                const struct attempt *a = container_of(node, struct work, node)->attempt;
                if (span_is(a->job.id, local_id) && span_is(a->token, token)) return nodes[i];
            }
    return NULL;
}

static bool one_missed_the_step(void)
{
    uint64_t stepped_us = watch_stepped_us();

    if (!stepped_us || world_now_us() > stepped_us + NODE_LEASE_MS * 1000) return false;
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i] && nodes[i]->began_us >= stepped_us) return true;
    return false;
}

bool node_may_have_lost_leases(const struct node *n)
{
    uint64_t until_us = n->troubled_until_us ? n->troubled_until_us + NODE_LEASE_MS * 1000 : 0;

    return !link_works(n->link) || world_now_us() <= until_us || one_missed_the_step();
}

uint64_t node_reaps_from_us(const struct node *n)
{
    uint64_t from_us = n->held_from_us ? n->held_from_us + NODE_LEASE_MS * 1000 : 0;
    uint64_t slow_us = n->paused_until_us ? n->paused_until_us + NODE_LEASE_MS * 1000 : 0;
    uint64_t step_us = n->saw_step_us ? n->saw_step_us + NODE_LEASE_MS * 1000 : 0;

    if (step_us > from_us) from_us = step_us;
    return from_us > slow_us ? from_us : slow_us;
}
