/* From an alarm to Redis and back:
 *
 *      alarm ──due──► list ──flush──► call ──answer──► alarm, for what comes after the watermark
 *        ▲             │ nothing is due (a clock stepped)        ▲
 *        └─────────────┘                    error ──a second─────┘
 *
 * An alarm that is far away is set at a part of the way, and again from there: the two clocks
 * drift, and the estimate of Redis's is best when it is fresh.
 */
#include "scheduler/timetable_parts.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define FAR_MS          1000
#define FLUSH_CALLS_MAX 16 /* of one flush: a thousand go out before claims and acks of the first */

struct fire_call {
    struct call call;
    struct timetable *t;
    uint64_t sent_us;
    size_t count;
    struct fire_item items[SCHEDULE_FIRES_MAX];
    struct entry *entries[SCHEDULE_FIRES_MAX]; /* of each item; one may have several in a row */
};

static int64_t redis_now_ms(const struct timetable *t)
{
    return redis_clock_now_us(t->o.clock) / 1000;
}

/* ---- alarms ---------------------------------------------------------------------------------- */

static bool is_ahead(const struct entry *e, int64_t now_ms)
{
    return e->watermark_ms > now_ms + SCHEDULE_AHEAD_MS;
}

static void set_alarm(struct entry *e)
{
    uint64_t now_ms = clock_mono_ms(), at_ms = redis_clock_mono_ms(e->t->o.clock, e->fire_ms);

    if (at_ms > now_ms + FAR_MS) at_ms -= (at_ms - now_ms) / 16;
    ticker_set_at(e->t->o.ticker, &e->alarm, at_ms);
}

void entry_arm(struct entry *e)
{
    const struct schedule *s = e->schedule;
    int64_t next_ms;

    if (e->firing) return;
    ticker_cancel(e->t->o.ticker, &e->alarm);
    list_remove(&e->node);
    if (!s || s->paused || s->reboot || e->ended) return;
    e->fire_ms = 0;
    if (!is_ahead(e, redis_now_ms(e->t))) { /* else it is healed at once */
        e->ahead = false;
        next_ms = schedule_next(s, e->watermark_ms);
        if (next_ms == RULE_NEVER) return;
        e->fire_ms = schedule_fire_ms(s, next_ms);
    }
    set_alarm(e);
}

static void on_alarm(struct alarm *alarm)
{
    struct entry *e = container_of(alarm, struct entry, alarm);

    if (redis_now_ms(e->t) < e->fire_ms)
        set_alarm(e);
    else
        list_push(&e->t->due, &e->node);
}

/* ---- life of an entry ------------------------------------------------------------------------ */

struct entry *entry_new(struct timetable *t, struct span name)
{
    struct entry *e = xcalloc(1, sizeof *e);

    e->t = t;
    e->name = xmemdup(name.data, name.len);
    alarm_init(&e->alarm, on_alarm);
    list_init(&e->node);
    return e;
}

void entry_drop(struct entry *e)
{
    ticker_cancel(e->t->o.ticker, &e->alarm);
    list_remove(&e->node);
    e->dropped = true;
    if (e->firing) return;
    schedule_free(e->schedule);
    free(e->name);
    free(e);
}

/* ---- answers --------------------------------------------------------------------------------- */

/* The answer of one item; entries that were dropped meanwhile count all the same. */
static void settle(struct entry *e, const struct fire_item *item, int64_t now_us)
{
    struct timetable_totals *totals = e->t->o.totals;
    int64_t late_us;

    if (item->fired != FIRED_REMOVED) e->watermark_ms = item->watermark_ms;
    switch (item->fired) {
    case FIRED_JOB:
        counter_add(&totals->fired, 1);
        counter_add(&totals->missed, item->missed);
        if (!e->schedule) return; /* edited meanwhile, to what cannot be read */
        late_us = now_us - schedule_fire_ms(e->schedule, item->at_ms) * 1000;
        histogram_add(&totals->lateness_us, late_us > 0 ? (uint64_t)late_us : 0);
        return;
    case FIRED_SKIPPED: counter_add(&totals->skipped, 1); break;
    case FIRED_BUFFERED: counter_add(&totals->buffered, 1); break;
    case FIRED_MISSED: counter_add(&totals->missed, 1); break;
    case FIRED_HEALED: counter_add(&totals->healed, 1); return;
    case FIRED_ENDED: e->ended = true; return;
    case FIRED_EDITED:
    case FIRED_REMOVED: timetable_load(e->t); return;
    case FIRED_BEHIND:
    case FIRED_EARLY: return; /* what Redis says of watermark and time counts */
    }
    counter_add(&totals->missed, item->missed);
}

static void after_error(struct timetable *t, enum pinion_err err)
{
    if (!t->failing && err != PINION_UNAVAILABLE)
        log_warn("fire_failed", LOG_TEXT("queue", t->o.queue), LOG_TEXT("error", error_name(err)));
    t->failing = err != PINION_UNAVAILABLE;
}

/* None asks in a spin: not one that Redis holds to be early, nor one that is about to be loaded. */
static uint64_t pause_ms(enum pinion_err err, enum fired fired)
{
    if (err || fired == FIRED_EDITED || fired == FIRED_REMOVED) return TIMETABLE_RETRY_MS;
    return fired == FIRED_EARLY ? 1 : 0;
}

static void rearm(struct entry *e, uint64_t pause_for_ms)
{
    uint64_t soon_ms = clock_mono_ms() + pause_for_ms;

    e->firing = false;
    if (e->dropped) {
        entry_drop(e);
        return;
    }
    entry_arm(e);
    if (pause_for_ms && alarm_pending(&e->alarm) && e->alarm.timer.due_ms < soon_ms)
        ticker_set_at(e->t->o.ticker, &e->alarm, soon_ms);
}

static void on_fired(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct fire_call *f = container_of(call, struct fire_call, call);
    struct timetable *t = f->t;
    int64_t now_us = 0;

    if (!err) err = fire_read(reply, f->items, f->count, &now_us);
    if (err)
        after_error(t, err);
    else
        redis_clock_note(t->o.clock, f->sent_us, clock_mono_us(), now_us);
    if (!err) t->failing = false;
    for (size_t i = 0; i < f->count; i++) {
        struct entry *e = f->entries[i];
        bool last = i + 1 == f->count || f->entries[i + 1] != e;
        if (!err) settle(e, &f->items[i], now_us);
        if (last) rearm(e, pause_ms(err, f->items[i].fired));
    }
    request_deinit(&f->call.request);
    free(f);
}

/* ---- what is due ----------------------------------------------------------------------------- */

static size_t heal(struct entry *e, int64_t now_ms, struct fire_item *item)
{
    if (!e->ahead)
        log_warn("schedule_ahead", LOG_TEXT("queue", e->t->o.queue), LOG_TEXT("schedule", e->name),
                 LOG_INT("ahead_ms", e->watermark_ms - now_ms));
    e->ahead = true;
    *item = (struct fire_item){
        .name = span_of(e->name),
        .mode = FIRE_HEAL,
        .at_ms = now_ms,
        .next_ms = schedule_next(e->schedule, now_ms),
    };
    return 1;
}

/* Adds what is due of one schedule. */
static void gather(struct fire_call *f, struct entry *e, int64_t now_ms)
{
    struct fire_item *items = f->items + f->count;
    int64_t watermark_ms = e->watermark_ms;
    size_t count;
    bool more;

    if (is_ahead(e, now_ms))
        count = heal(e, now_ms, items);
    else
        count = schedule_due(e->schedule, watermark_ms, now_ms, items,
                             SCHEDULE_FIRES_MAX - f->count, &more);
    for (size_t i = 0; i < count; i++) {
        items[i].revision = e->revision;
        items[i].watermark_ms = watermark_ms;
        watermark_ms = items[i].at_ms;
        f->entries[f->count++] = e;
    }
    e->firing = count > 0;
    entry_arm(e); /* of what is left after these the answer will know */
}

static void send_fires(struct timetable *t)
{
    int64_t now_ms = redis_now_ms(t);
    struct fire_call *f = xcalloc(1, sizeof *f);
    struct list *node;

    f->t = t;
    f->call.request = REQUEST_INIT;
    while (f->count < SCHEDULE_FIRES_MAX && (node = list_pop(&t->due)))
        gather(f, container_of(node, struct entry, node), now_ms);
    if (f->count == 0) {
        free(f);
        return;
    }
    f->sent_us = clock_mono_us();
    fire_build(&f->call.request, t->o.key, f->items, f->count, now_ms);
    link_send(t->o.link, &f->call, on_fired);
}

void timetable_flush(struct timetable *t)
{
    if (!t || list_empty(&t->due)) return;
    for (unsigned i = 0; i < FLUSH_CALLS_MAX && !list_empty(&t->due); i++) send_fires(t);
    if (!list_empty(&t->due)) ticker_set_in(t->o.ticker, &t->more_due, 0);
    t->o.fired(t->o.ctx);
}
