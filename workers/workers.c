#include "workers/workers.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/redis_info.h"
#include "workers/shared.h"

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)loop, (void)events;
    workers_flush(container_of(prepare, struct workers, prepare));
}

static void on_grace(struct alarm *);

struct workers *workers_new(const struct workers_options *options)
{
    struct workers *w = xcalloc(1, sizeof *w);

    w->o = *options;
    if (!w->o.concurrency) w->o.concurrency = CONCURRENCY_DEFAULT;
    if (!w->o.lease_ms) w->o.lease_ms = LEASE_DEFAULT_MS;
    if (!w->o.grace_ms) w->o.grace_ms = GRACE_DEFAULT_MS;
    w->channel = channel_of_server(w->o.name_space, w->o.server);
    w->totals.ends = tally_new();
    w->recent = recent_new(&w->totals, w->o.stall_us, clock_mono_ms());
    w->pull = pull_new(w);
    alarm_init(&w->grace, on_grace);
    if (w->o.loop) {
        ev_prepare_init(&w->prepare, on_prepare);
        ev_prepare_start(w->o.loop, &w->prepare);
        ev_unref(w->o.loop); /* a hook that keeps no loop alive */
    }
    return w;
}

void workers_free(struct workers *w)
{
    if (!w) return;
    if (w->o.loop) {
        ev_ref(w->o.loop);
        ev_prepare_stop(w->o.loop, &w->prepare);
    }
    ticker_cancel(w->o.ticker, &w->grace);
    pull_free(w->pull);
    for (size_t i = 0; i < w->consumers_count; i++) consumer_free(w->consumers[i]);
    registry_deinit(&w->registry);
    recent_free(w->recent);
    tally_free(w->totals.ends);
    free(w->channel);
    free(w);
}

enum pinion_err workers_add_queue(struct workers *w, const struct queue_options *o,
                                  struct error *why)
{
    enum pinion_err err = queue_name_check(span_of(o->name), why);

    if (err) return err;
    if (o->weight < 1 || o->weight > WEIGHT_MAX)
        return error_set(why, PINION_INVALID, "weight of queue '%s': expected 1 to %d", o->name,
                         WEIGHT_MAX);
    if (w->consumers_count == QUEUES_MAX)
        return error_set(why, PINION_INVALID, "more than %d queues", QUEUES_MAX);
    for (size_t i = 0; i < w->consumers_count; i++)
        if (strcmp(w->consumers[i]->queue, o->name) == 0)
            return error_set(why, PINION_INVALID, "queue '%s' is named twice", o->name);
    w->consumers[w->consumers_count++] = consumer_new(w, o);
    return PINION_OK;
}

enum pinion_err workers_add_handler(struct workers *w, struct handler *h, struct error *why)
{
    handler_limit(h, w->o.concurrency);
    return registry_add(&w->registry, h, why);
}

void workers_use_link(struct workers *w, struct link *link)
{
    w->link = link;
    link_subscribe(link, w->channel);
    for (size_t i = 0; i < w->consumers_count; i++)
        link_subscribe(link, w->consumers[i]->due_channel);
}

/* ---- what the link tells --------------------------------------------------------------------- */

void workers_up(struct workers *w, const struct redis_info *info)
{
    /* A Redis that is another process than before, or has just begun, may have missed renewals. */
    bool restarted = w->run_id[0] ? strcmp(w->run_id, info->run_id) != 0
                                  : info->uptime_s * 1000 <= w->o.lease_ms;

    memcpy(w->run_id, info->run_id, sizeof w->run_id);
    for (size_t i = 0; i < w->consumers_count; i++) consumer_up(w->consumers[i], restarted);
}

void workers_down(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++) consumer_down(w->consumers[i]);
}

void workers_subscribed(struct workers *w, bool subscribed)
{
    w->subscribed = subscribed;
    if (subscribed) pull_wake(w->pull, NULL);
    for (size_t i = 0; i < w->consumers_count; i++) {
        struct consumer *c = w->consumers[i];
        if (!subscribed) {
            c->unheard = true; /* what was pushed to us may be lost with the connection */
            c->idle_asked_us = 0;
            continue;
        }
        if (c->unheard) unheard_lost(c);
        consumer_wake(c);
    }
}

void workers_serving(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (w->consumers[i]->at != CONSUMER_SERVE) return;
    if (w->o.on_serving) w->o.on_serving(w->o.ctx);
}

static struct consumer *consumer_of(struct workers *w, struct span queue)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (span_is(queue, w->consumers[i]->queue)) return w->consumers[i];
    return NULL;
}

static void beat_all(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (w->consumers[i]->at != CONSUMER_DOWN && !w->consumers[i]->leaving)
            keeper_beat(w->consumers[i]);
}

static void be_quiet(struct workers *w, bool quiet)
{
    if (w->quiet == quiet || w->at != WORKERS_SERVE) return;
    w->quiet = quiet;
    pull_quiet(w->pull, quiet);
    log_info(quiet ? "quiet" : "resumed", LOG_INT("running", w->running));
    for (size_t i = 0; i < w->consumers_count; i++) {
        struct consumer *c = w->consumers[i];
        if (quiet)
            consumer_pass_on(c); /* takes us off the idle, too */
        else
            consumer_wake(c);
        pushes_settle(c);
    }
    beat_all(w);
}

/* By people, about all queues at once. */
static bool told_by_people(struct workers *w, struct span text)
{
    if (span_is(text, "quiet"))
        be_quiet(w, true);
    else if (span_is(text, "resume"))
        be_quiet(w, false);
    else if (!span_is(text, "stop"))
        return false;
    else if (w->at == WORKERS_SERVE && w->o.on_told_stop)
        w->o.on_told_stop(w->o.ctx);
    return true;
}

/* "wake QUEUE", "wake QUEUE LINE", "push QUEUE JOB" or "cancel QUEUE ID", on our own channel; or
 * what people say. */
static void told(struct workers *w, struct span text)
{
    bool by_people = told_by_people(w, text);
    struct span verb = span_cut(&text, ' '), queue = span_cut(&text, ' ');
    struct consumer *c = by_people ? NULL : consumer_of(w, queue);
    struct pushed pushed;
    uint64_t line;

    if (!c) return;
    if (span_is(verb, "cancel")) {
        consumer_cancel(c, text);
    } else if (span_is(verb, "follow")) {
        consumer_follow(c, text);
    } else if (span_is(verb, "wake") && text_parse_u64(text, 0, UINT32_MAX, &line) == PINION_OK) {
        counter_add(&w->totals.wakes, 1);
        pull_told(w->pull, c, line);
    } else if (span_is(verb, "wake")) {
        counter_add(&w->totals.wakes, 1);
        consumer_told(c);
        if (workers_take(w)) consumer_wake(c);
        if (!workers_take(w) || workers_free_slots(w) == 0) consumer_pass_on(c);
    } else if (span_is(verb, "push")) {
        counter_add(&w->totals.wakes, 1);
        consumer_told(c);
        if (workers_take(w)) consumer_wake(c);
        if (pushed_read(text, &pushed) == PINION_OK)
            consumer_pushed(c, &pushed);
        else
            log_error("bad_message", LOG_TEXT("queue", c->queue));
    }
}

static struct consumer *consumer_heard(struct workers *w, struct span channel)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (span_is(channel, w->consumers[i]->due_channel)) return w->consumers[i];
    return NULL;
}

void workers_look_again(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++) consumer_wake(w->consumers[i]);
}

void workers_zones_changed(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (w->consumers[i]->timetable) timetable_reload(w->consumers[i]->timetable);
}

void workers_message(struct workers *w, struct span channel, struct span text)
{
    struct consumer *c;
    uint64_t n;

    if (span_is(channel, w->channel)) {
        told(w, text);
        return;
    }
    if (!(c = consumer_heard(w, channel))) return;
    if (span_is(text, "outbox")) consumer_relay(c);
    bool schedules = span_starts(text, "schedules ");
    if (schedules) span_cut(&text, ' ');
    if (text_parse_u64(text, 0, INT64_MAX, &n)) return;
    if (schedules) consumer_schedules(c, (int64_t)n);
    else consumer_hint(c, (int64_t)n);
}

/* ---- the end of a turn of the loop ----------------------------------------------------------- */

/* Which hungry queue is the first in turn: each gains its weight, and the one with the most pays
 * what all gained. So slots that come one by one are shared by weight, too. */
static size_t first_in_turn(struct workers *w, unsigned weights)
{
    size_t first = 0;
    const struct consumer *best = NULL;

    for (size_t i = 0; i < w->consumers_count; i++) {
        struct consumer *c = w->consumers[i];
        if (!consumer_hungry(c)) continue;
        c->credit += c->weight;
        if (best && c->credit <= best->credit) continue;
        best = c;
        first = i;
    }
    w->consumers[first]->credit -= weights;
    return first;
}

/* Hungry queues share the free slots by weight; each gets one at least, while there is one. */
static void claim_by_weight(struct workers *w)
{
    unsigned weights = 0;

    for (size_t i = 0; i < w->consumers_count; i++)
        if (consumer_hungry(w->consumers[i])) weights += w->consumers[i]->weight;
    if (weights == 0 || workers_free_slots(w) == 0) return;
    size_t first = first_in_turn(w, weights);
    for (size_t i = 0; i < w->consumers_count && weights > 0; i++) {
        struct consumer *c = w->consumers[(first + i) % w->consumers_count];
        if (!consumer_hungry(c)) continue;
        uint64_t share = ((uint64_t)workers_free_slots(w) * c->weight + weights - 1) / weights;
        weights -= c->weight;
        consumer_claim(c, (unsigned)share);
    }
}

/* It may have something for free slots; while that is being found out, they are kept for it. One
 * that cannot be asked is not waited for. */
static bool may_need_slots(const struct consumer *c)
{
    if (c->at == CONSUMER_SERVE) return c->hungry || c->claims > 0;
    return (c->at == CONSUMER_JOIN && c->beating) ||
           (c->at == CONSUMER_TAKE_BACK && c->taking_back);
}

bool workers_first_others(const struct workers *w, const struct consumer *c)
{
    for (size_t i = 0; w->o.strict && w->consumers[i] != c; i++)
        if (may_need_slots(w->consumers[i])) return true;
    return false;
}

/* The first that may need slots is asked with all that are free. */
static void claim_in_order(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++) {
        consumer_claim(w->consumers[i], workers_free_slots(w));
        if (may_need_slots(w->consumers[i])) return;
    }
}

void workers_flush(struct workers *w)
{
    if (!w->link || w->at == WORKERS_STOPPED) return;
    for (size_t i = 0; i < w->consumers_count; i++) {
        struct consumer *c = w->consumers[i];
        consumer_send_progress(c); /* before what ends the attempts that it is of */
        outcomes_send(c);
        if (c->timetable && w->at == WORKERS_SERVE) timetable_flush(c->timetable);
    }
    if (w->at != WORKERS_SERVE) return;
    pull_flush(w->pull);
    if (!workers_take(w)) return;
    if (w->o.strict)
        claim_in_order(w);
    else
        claim_by_weight(w);
}

/* ---- the end --------------------------------------------------------------------------------- */

static bool all_empty(const struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (!consumer_empty(w->consumers[i])) return false;
    return pull_is_empty(w->pull);
}

static void leave(struct workers *w)
{
    w->at = WORKERS_LEAVE;
    for (size_t i = 0; i < w->consumers_count; i++) consumer_leave(w->consumers[i]);
    ticker_set_in(w->o.ticker, &w->grace, STOP_GRACE_MS);
}

static void stopped(struct workers *w)
{
    w->at = WORKERS_STOPPED;
    ticker_cancel(w->o.ticker, &w->grace);
    if (w->o.on_stopped) w->o.on_stopped(w->o.ctx);
}

static void hurry(struct workers *w)
{
    w->at = WORKERS_HURRY;
    ticker_set_in(w->o.ticker, &w->grace, 2 * STOP_GRACE_MS); /* TERM, KILL, and the outcome */
    if (w->running) log_warn("stopping_attempts", LOG_INT("running", w->running));
    for (size_t i = 0; i < w->consumers_count; i++) consumer_stop_attempts(w->consumers[i]);
    workers_progress(w);
}

static void on_grace(struct alarm *alarm)
{
    struct workers *w = container_of(alarm, struct workers, grace);

    if (w->at == WORKERS_GRACE) {
        hurry(w);
    } else if (w->at == WORKERS_HURRY) {
        log_error("attempts_left", LOG_INT("running", w->running)); /* their leases will lapse */
        leave(w);
    } else if (w->at == WORKERS_LEAVE) {
        stopped(w);
    }
}

void workers_progress(struct workers *w)
{
    if ((w->at == WORKERS_GRACE || w->at == WORKERS_HURRY) && all_empty(w)) leave(w);
    if (w->at != WORKERS_LEAVE) return;
    for (size_t i = 0; i < w->consumers_count; i++)
        if (!w->consumers[i]->left) return;
    stopped(w);
}

/* Other servers fire; or the next one, which catches up. */
static void stop_timetables(struct workers *w)
{
    for (size_t i = 0; i < w->consumers_count; i++)
        if (w->consumers[i]->timetable) timetable_stop(w->consumers[i]->timetable);
}

void workers_stop(struct workers *w)
{
    if (w->at == WORKERS_SERVE) {
        w->at = WORKERS_GRACE;
        stop_timetables(w);
        pull_stop(w->pull);
        beat_all(w);
        ticker_set_in(w->o.ticker, &w->grace, w->o.grace_ms);
        workers_progress(w);
    } else if (w->at == WORKERS_GRACE) {
        hurry(w);
    }
}

bool workers_stopped(const struct workers *w)
{
    return w->at == WORKERS_STOPPED;
}

unsigned workers_running(const struct workers *w)
{
    return w->running;
}

struct pull *workers_pull(struct workers *w)
{
    return w->pull;
}

int64_t workers_now_ms(const struct workers *w)
{
    return w->clock.sampled_us ? redis_clock_now_us(&w->clock) / 1000 : 0;
}

const struct workers_totals *workers_totals(const struct workers *w)
{
    return &w->totals;
}

struct json_t *workers_recent(const struct workers *w)
{
    return recent_shape(w->recent, clock_mono_ms());
}
