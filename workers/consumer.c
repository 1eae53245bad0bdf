#include "workers/consumer.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/shared.h"

/* ---- claims ---------------------------------------------------------------------------------- */

struct claim_call {
    struct call call;
    struct consumer *consumer;
    unsigned free; /* slots that it named in all, */
    uint64_t sent_us, idle_us; /* idle_us: the consumer's idle_asked_us when it was sent, */
    unsigned woken, told;      /* its wake-ups, and what it was told */
    size_t count;
    struct {
        struct handler *handler; /* held */
        unsigned slots;
    } offered[]; /* and by handler */
};

struct attempt *consumer_take(struct consumer *c, const struct claimed *claimed)
{
    struct attempt *a = attempt_new(c, claimed, c->queue, c->w->o.lease_ms);

    if (!a) {
        log_error("bad_record",
                  LOG_TEXT("queue", c->queue)); /* its lease lapses, until it is dead */
        return NULL;
    }
    counter_add(&c->w->totals.claimed, 1);
    attempt_use(a, registry_find(&c->w->registry, a->job.kind));
    if (a->handler) return a;
    a->outcome = OUTCOME_RELEASE; /* not in our patterns any more, or a push to who had our name */
    outcomes_put(c, a);           /* before us */
    return NULL;
}

void consumer_begin(struct consumer *c, struct attempt *a)
{
    struct workers *w = c->w;
    int64_t waited_us = redis_clock_now_us(&w->clock) - a->job.run_at_ms * 1000;

    if (!a->failures) histogram_add(&w->totals.wait_us, waited_us > 0 ? (uint64_t)waited_us : 0);
    if (!a->failures && a->job.run_at_ms > a->job.created_ms)
        histogram_add(&w->totals.late_us, waited_us > 0 ? (uint64_t)waited_us : 0);
    a->row = tally_at(w->totals.ends, c->queue, a->job.kind);
    if (a->row) a->row->running++;
    a->handler->taken++;
    list_push(&c->running, &a->node);
    keeper_watch(c, a);
    attempt_start(a);
}

static void give_back_slots(struct claim_call *claim)
{
    struct workers *w = claim->consumer->w;

    w->offered -= claim->free;
    for (size_t i = 0; i < claim->count; i++)
        claim->offered[i].handler->offered -= claim->offered[i].slots;
    claim->consumer->claims--;
}

/* What filled a handler may have left work behind, which waits for that handler's next free slot:
 * Redis does not wake us for a kind that was full. It may be free again already. */
static void look_for_the_rest(struct consumer *c, const struct claim_call *claim)
{
    for (size_t i = 0; i < claim->count; i++) {
        const struct handler *h = claim->offered[i].handler;
        if (claim->offered[i].slots == 0 || h->taken < claim->offered[i].slots) continue;
        if (handler_free_slots(h) > 0)
            c->hungry = true;
        else
            c->starved = true;
    }
}

/* What Redis does with our name: it has it, or took it off to tell us something. */
static void note_idle(struct consumer *c, const struct claim_call *claim,
                      const struct claim *answer)
{
    if (c->told != claim->told) return;
    if (answer->idle && c->claims == 0 && c->w->subscribed) c->idle_asked_us = claim->sent_us;
    if (claim->idle_us && !answer->was_idle) unheard_missed(c);
}

static void on_claimed(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct claim_call *claim = container_of(call, struct claim_call, call);
    struct consumer *c = claim->consumer;
    struct claim answer = {0};

    give_back_slots(claim);
    if (err == PINION_UNAVAILABLE && claim->free > 0) c->unheard = true;
    if (!err) err = claim_read(reply, &answer);
    /* What was asked for was there: ask again. Else Redis knows whom to wake. After an error the
     * heartbeat tells, so that a script that fails is not called in a spin. One that only passed a
     * wake-up on has asked for nothing: what we are hungry for is still to be asked. */
    if (!err && claim->free > 0) {
        bool all = answer.count >= claim->free;
        c->hungry = answer.more || all || c->woken != claim->woken;
    }
    for (size_t i = 0; i < claim->count; i++) claim->offered[i].handler->taken = 0;
    for (struct claimed claimed; !err && claim_next(&answer, &claimed);) {
        struct attempt *a = consumer_take(c, &claimed);
        if (a) consumer_begin(c, a);
    }
    look_for_the_rest(c, claim);
    if (!err) note_idle(c, claim, &answer);
    if (!err && answer.idle && c->w->quiet) consumer_pass_on(c); /* it was asked before that */
    for (size_t i = 0; i < c->w->consumers_count; i++) pushes_settle(c->w->consumers[i]);
    unheard_join(c);
    request_deinit(&claim->call.request);
    for (size_t i = 0; i < claim->count; i++) handler_drop(claim->offered[i].handler);
    free(claim);
    workers_progress(c->w);
}

/* Names the free slots of each handler, at most `free` in all; none: passes a wake-up on. */
static void send_claim(struct consumer *c, unsigned free_slots)
{
    struct workers *w = c->w;
    size_t count = w->registry.count;
    struct claim_call *claim = xcalloc(1, sizeof *claim + count * sizeof claim->offered[0]);
    struct claim_slots slots[HANDLERS_MAX];
    struct claim_args args = {
        .server = w->o.server,
        .seat = (unsigned)c->seat,
        .lease_ms = w->o.lease_ms,
        .free = free_slots,
        .subscribed = w->subscribed && workers_take(w),
        .asked_us = clock_mono_us(),
        .slots = slots,
        .slots_count = count,
    };

    c->hungry = false;
    c->starved = false;
    for (size_t i = 0; i < count; i++) {
        struct handler *h = w->registry.handlers[i];
        unsigned n = handler_free_slots(h);
        handler_hold(h);
        claim->offered[i].handler = h;
        claim->offered[i].slots = n < free_slots ? n : free_slots;
        slots[i] = (struct claim_slots){h->pattern, claim->offered[i].slots};
        h->offered += claim->offered[i].slots;
        if (n == 0) c->starved = true;
    }
    claim->call.request = REQUEST_INIT;
    claim->consumer = c;
    claim->free = free_slots;
    claim->count = count;
    claim->sent_us = args.asked_us;
    claim->idle_us = c->idle_asked_us;
    claim->woken = c->woken;
    claim->told = c->told;
    c->idle_asked_us = 0;
    w->offered += free_slots;
    c->claims++;
    claim_build(&claim->call.request, consumer_key(c), &args);
    link_send(w->link, &claim->call, on_claimed);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_due(void *ctx)
{
    consumer_wake(ctx);
    workers_flush(((struct consumer *)ctx)->w);
}

/* Fires are sent while the loop's turn is flushed, and claims right after them. */
static void on_fired(void *ctx)
{
    consumer_wake(ctx);
}

static struct timetable *make_timetable(struct consumer *c)
{
    struct timetable_options o = {
        .link = c->w->link,
        .ticker = c->w->o.ticker,
        .clock = &c->w->clock,
        .zones = c->w->o.zones,
        .key = consumer_key(c),
        .queue = c->queue,
        .boot = c->w->o.boot,
        .totals = &c->w->totals.schedules,
        .fired = on_fired,
        .ctx = c,
    };

    return o.zones ? timetable_new(&o) : NULL;
}

struct consumer *consumer_new(struct workers *w, const struct queue_options *o)
{
    struct consumer *c = xcalloc(1, sizeof *c);

    c->w = w;
    c->queue = xstrdup(o->name);
    c->on_dead = xstrdup(o->on_dead);
    c->key = queue_key(w->o.name_space, span_of(o->name));
    c->due_channel = channel_of_due(w->o.name_space, o->name);
    c->weight = o->weight;
    c->seat = -1;
    list_init(&c->running);
    list_init(&c->held);
    list_init(&c->progress);
    for (enum outbox box = 0; box < OUTBOXES; box++) list_init(&c->outbox[box]);
    c->leave.request = REQUEST_INIT;
    settings_init(c, o);
    c->relay = relay_new(c);
    keeper_init(c);
    return c;
}

void consumer_free(struct consumer *c)
{
    if (!c) return;
    for (enum outbox o = 0; o < OUTBOXES; o++)
        for (struct list *node; (node = list_pop(&c->outbox[o]));)
            attempt_free(container_of(node, struct attempt, node));
    for (struct list *node; (node = list_pop(&c->held));)
        attempt_free(container_of(node, struct attempt, node));
    keeper_deinit(c);
    promoter_free(c->promoter);
    timetable_free(c->timetable);
    relay_free(c->relay);
    request_deinit(&c->leave.request);
    settings_deinit(c);
    free(c->on_dead);
    free(c->due_channel);
    free(c->queue);
    free(c);
}

struct workers *consumer_workers(const struct consumer *c)
{
    return c->w;
}

void consumer_up(struct consumer *c, bool restarted)
{
    if (!c->promoter) {
        struct promoter_options o = {c->w->link,      c->w->o.ticker, &c->w->clock,
                                     consumer_key(c), on_due,         c};
        c->promoter = promoter_new(&o);
        c->timetable = make_timetable(c);
    }
    settings_send(c);
    keeper_up(c, restarted);
}

void consumer_down(struct consumer *c)
{
    c->hungry = false;
    c->idle_asked_us = 0;
    if (c->missed_us) c->unheard = true;
    c->missed_us = 0;
    keeper_down(c);
    pushes_settle(c);
    if (c->promoter) promoter_stop(c->promoter);
    if (c->timetable) timetable_stop(c->timetable);
}

void consumer_serve(struct consumer *c)
{
    c->at = CONSUMER_SERVE;
    c->hungry = true;
    pull_wake(c->w->pull, c);
    consumer_schedules(c, c->schedule_edits);
    workers_serving(c->w);
}

/* ---- what makes it claim --------------------------------------------------------------------- */

void consumer_wake(struct consumer *c)
{
    c->hungry = true;
    c->woken++;
}

void consumer_told(struct consumer *c)
{
    c->told++;
    c->idle_asked_us = 0;
    c->missed_us = 0;
}

void consumer_pass_on(struct consumer *c)
{
    if (c->at == CONSUMER_SERVE) {
        send_claim(c, 0);
        c->hungry = true;
    }
}

void consumer_hint(struct consumer *c, int64_t due_ms)
{
    if (c->at == CONSUMER_SERVE) promoter_hint(c->promoter, due_ms);
}

void consumer_relay(struct consumer *c)
{
    if (c->at == CONSUMER_SERVE && !c->leaving) relay_wake(c->relay);
}

void consumer_schedules(struct consumer *c, int64_t edits)
{
    c->schedule_edits = edits;
    if (c->at == CONSUMER_SERVE && c->w->at == WORKERS_SERVE && c->timetable)
        timetable_hint(c->timetable, edits);
}

bool consumer_hungry(const struct consumer *c)
{
    return c->hungry && c->at == CONSUMER_SERVE;
}

static struct attempt *find_running(struct consumer *c, struct span local_id)
{
    list_for_each (node, &c->running) {
        struct attempt *a = container_of(node, struct attempt, node);
        if (span_equal(a->job.id, local_id)) return a;
    }
    return NULL;
}

void consumer_cancel(struct consumer *c, struct span local_id)
{
    struct attempt *a = find_running(c, local_id);

    if (a) attempt_stop(a, STOP_CANCEL);
}

void consumer_follow(struct consumer *c, struct span local_id)
{
    struct attempt *a = find_running(c, local_id);

    if (a && a->follow && a->at != AT_SETTLE) a->follow(a);
}

void consumer_claim(struct consumer *c, unsigned slots)
{
    bool room =
        c->claims == 0 || (c->claims < CLAIMS_IN_FLIGHT_MAX && slots >= BATCH_ITEMS_MAX / 2);

    if (consumer_hungry(c) && slots > 0 && room)
        send_claim(c, slots < BATCH_ITEMS_MAX ? slots : BATCH_ITEMS_MAX);
}

/* ---- the end of attempts --------------------------------------------------------------------- */

void consumer_slot_freed(struct consumer *c, const struct handler *h)
{
    struct workers *w = c->w;

    if (!h->retired && handler_free_slots(h) != 1) return;
    for (size_t i = 0; i < w->consumers_count; i++)
        if (w->consumers[i]->starved) consumer_wake(w->consumers[i]);
}

void consumer_finished(struct consumer *c, struct attempt *a)
{
    struct workers *w = c->w;
    uint64_t worked_us = clock_mono_us() - a->started_mono_us;

    list_remove(&a->node);
    histogram_add(&w->totals.run_us, worked_us);
    if (a->row) {
        a->row->running--;
        sketch_add(&a->row->run_us, worked_us);
    }
    consumer_slot_freed(c, a->handler);
    if (a->outcome == OUTCOME_NONE) {
        counter_add(&w->totals.stale, 1);
        attempt_free(a);
        workers_progress(w);
        return;
    }
    outcomes_put(c, a);
}

void consumer_stop_attempts(struct consumer *c)
{
    list_for_each_safe (node, &c->running)
        attempt_stop(container_of(node, struct attempt, node), STOP_SHUTDOWN);
}

bool consumer_empty(const struct consumer *c)
{
    for (enum outbox o = 0; o < OUTBOXES; o++)
        if (!list_empty(&c->outbox[o])) return false;
    return list_empty(&c->running) && list_empty(&c->held) && c->unsettled == 0 && c->claims == 0;
}

static void on_left(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, leave);

    (void)err, (void)reply; /* unheard, it is missed by its heartbeat */
    c->left = true;
    workers_progress(c->w);
}

void consumer_leave(struct consumer *c)
{
    if (c->leaving) return;
    c->leaving = true;
    ticker_cancel(c->w->o.ticker, &c->beat);
    if (consumer_empty(c))
        unheard_leave(c); /* a push may be on its way */
    else
        consumer_gone(c);
}

void consumer_gone(struct consumer *c)
{
    outcomes_send(c); /* before it: what was pushed to us meanwhile is not ours any more */
    leave_build(&c->leave.request, consumer_key(c), c->w->o.server, consumer_empty(c));
    link_send(c->w->link, &c->leave, on_left);
}
