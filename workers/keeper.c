/* The upkeep of one queue, once a second and on its alarms:
 *
 *      up ──heartbeat──► seat ──► unheard_join() ──► consumer_serve()
 *      beat, each second: heartbeat, and renewals of attempts that need one, in one call each
 *      between beats: renewals of short leases
 *      what a heartbeat answers leads to: claim, promote at its time, reap at its time, sweep
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "queue/settle.h"
#include "workers/shared.h"

/* Between two sweeps while there is more: they take a millisecond, and must not crowd out work. */
#define SWEEP_PAUSE_MS 20

/* ---- renewals -------------------------------------------------------------------------------- */

struct renew_call {
    struct call call;
    struct consumer *consumer;
    size_t count;
    struct attempt *attempts[BATCH_ITEMS_MAX]; /* NULL: over meanwhile */
    struct settle_item items[BATCH_ITEMS_MAX];
};

static void on_renewed(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct renew_call *r = container_of(call, struct renew_call, call);

    if (!err) err = settle_read(reply, SCRIPT_RENEW, r->items, r->count);
    for (size_t i = 0; i < r->count; i++) {
        struct attempt *a = r->attempts[i];
        if (!a) continue;
        a->renewal = NULL;
        if (err) continue; /* the next beat tries again */
        if (r->items[i].settled == SETTLED_STALE) {
            log_warn("lease_lost", LOG_TEXT("job", a->work.id), LOG_TEXT("kind", a->work.kind));
            attempt_stop(a, STOP_LOST);
        } else if (r->items[i].settled == SETTLED_CANCEL) {
            attempt_stop(a, STOP_CANCEL);
        }
    }
    request_deinit(&r->call.request);
    free(r);
}

static void send_renewals(struct renew_call *r)
{
    renew_build(&r->call.request, consumer_key(r->consumer), r->items, r->count);
    link_send(r->consumer->w->link, &r->call, on_renewed);
}

/* The beat alone would be too slow for these: they are looked at between beats, too. */
static bool is_short(const struct attempt *a)
{
    return a->lease_ms < SHORT_LEASE_MS;
}

static bool needs_renewal(const struct attempt *a, uint64_t now_ms)
{
    return now_ms - a->renewed_mono_ms >= a->lease_ms / (is_short(a) ? 4 : 3);
}

void keeper_watch(struct consumer *c, const struct attempt *a)
{
    uint64_t at_ms = clock_mono_ms() + a->lease_ms / 8;

    if (!is_short(a) || (alarm_pending(&c->renew_at) && c->renew_at.timer.due_ms <= at_ms)) return;
    ticker_set_at(c->w->o.ticker, &c->renew_at, at_ms);
}

/* Renewals of all attempts travel together: a server with 500 running jobs must not ask Redis 500
 * times. Two chances before a lease lapses. */
void keeper_renew(struct consumer *c, bool all)
{
    uint64_t now_ms = clock_mono_ms();
    struct renew_call *r = NULL;

    list_for_each (node, &c->running) {
        struct attempt *a = container_of(node, struct attempt, node);
        keeper_watch(c, a);
        if (a->renewal || (!all && !needs_renewal(a, now_ms))) continue;
        if (!r) {
            r = xmalloc(sizeof *r);
            r->call.request = REQUEST_INIT;
            r->consumer = c;
            r->count = 0;
        }
        a->renewed_mono_ms = now_ms;
        a->renewal = &r->attempts[r->count];
        r->attempts[r->count] = a;
        r->items[r->count++] =
            (struct settle_item){.id = a->job.id, .token = a->token, .lease_ms = a->lease_ms};
        if (r->count < BATCH_ITEMS_MAX) continue;
        send_renewals(r);
        r = NULL;
    }
    if (r) send_renewals(r);
}

static void on_renew_at(struct alarm *alarm)
{
    keeper_renew(container_of(alarm, struct consumer, renew_at), false);
}

/* ---- leases that lapsed ---------------------------------------------------------------------- */

static void send_reap(struct consumer *c);

static void hold_reaping(struct consumer *c)
{
    c->no_reap_until_ms = clock_mono_ms() + c->w->o.lease_ms;
}

/* Whichever answer told of it, also one of the promoter or of another queue. */
static void hold_after_step(struct consumer *c)
{
    if (c->clock_steps == c->w->clock.steps) return;
    c->clock_steps = c->w->clock.steps;
    log_warn("clock_step", LOG_TEXT("queue", c->queue));
    hold_reaping(c);
    if (c->timetable) timetable_stepped(c->timetable);
}

static void fail_late(struct consumer *c, const struct redisReply *reply, size_t count)
{
    struct pull_attempt late[BATCH_ITEMS_MAX];

    if (count > BATCH_ITEMS_MAX) count = BATCH_ITEMS_MAX;
    for (size_t i = 0; i < count; i++) late[i] = reaped_late(reply, i);
    if (count) late_fail(c->w, span_of(c->queue), late, count);
}

static void on_reaped(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, reap);
    struct reaped reaped;

    c->reaping = false;
    if (err || reap_read(reply, &reaped)) return;
    if (reaped.jump) {
        log_warn("clock_step", LOG_TEXT("queue", c->queue));
        hold_reaping(c);
    }
    if (reaped.count > 0) {
        log_warn("reaped", LOG_TEXT("queue", c->queue), LOG_INT("jobs", reaped.count));
        consumer_wake(c);
    }
    fail_late(c, reply, reaped.late);
    if (reaped.more) send_reap(c);
}

static void send_reap(struct consumer *c)
{
    hold_after_step(c);
    if (c->reaping || c->at != CONSUMER_SERVE || clock_mono_ms() < c->no_reap_until_ms) return;
    c->reaping = true;
    reap_build(&c->reap.request, consumer_key(c), redis_clock_now_us(&c->w->clock) / 1000);
    link_send(c->w->link, &c->reap, on_reaped);
}

static void on_reap_at(struct alarm *alarm)
{
    send_reap(container_of(alarm, struct consumer, reap_at));
}

/* ---- retentions that are over ---------------------------------------------------------------- */

static void on_swept(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, sweep);
    int64_t count = 0;
    bool more = false;

    c->sweeping = false;
    if (err || sweep_read(reply, &count, &more)) return;
    c->swept += count;
    if (more && c->at != CONSUMER_DOWN) {
        ticker_set_in(c->w->o.ticker, &c->sweep_at, SWEEP_PAUSE_MS);
        return;
    }
    if (c->swept > 0) log_info("swept", LOG_TEXT("queue", c->queue), LOG_INT("jobs", c->swept));
    c->swept = 0;
}

static void send_sweep(struct consumer *c)
{
    if (c->sweeping) return;
    c->sweeping = true;
    sweep_build(&c->sweep.request, consumer_key(c));
    link_send(c->w->link, &c->sweep, on_swept);
}

static void on_sweep_at(struct alarm *alarm)
{
    send_sweep(container_of(alarm, struct consumer, sweep_at));
}

/* ---- the heartbeat --------------------------------------------------------------------------- */

static void plan_reaping(struct consumer *c, int64_t lease_end_us)
{
    if (lease_end_us == UPKEEP_NEVER) return;
    uint64_t at_ms = redis_clock_mono_ms(&c->w->clock, lease_end_us / 1000 + 1);
    if (at_ms < clock_mono_ms() + 2 * HEARTBEAT_MS)
        ticker_set_at(c->w->o.ticker, &c->reap_at, at_ms);
}

void keeper_lease_ends(struct consumer *c, int64_t end_us)
{
    uint64_t at_ms = redis_clock_mono_ms(&c->w->clock, end_us / 1000 + 1);

    if (!alarm_pending(&c->reap_at) || c->reap_at.timer.due_ms > at_ms) plan_reaping(c, end_us);
}

static void after_beat(struct consumer *c, const struct heartbeat *h)
{
    uint64_t now_us = clock_mono_us();

    redis_clock_note(&c->w->clock, c->beat_sent_us, now_us, h->now_us);
    hold_after_step(c);
    if (now_us - c->beat_sent_us > c->w->o.lease_ms * 1000 / 3) hold_reaping(c);
    if (h->seat < 0) log_error("no_seat", LOG_TEXT("queue", c->queue));
    c->seat = h->seat;
    consumer_schedules(c, h->schedule_edits);
    unheard_join(c);
    unheard_look(c, h->idle);
    if (c->w->subscribed && !h->heard) link_resubscribe(c->w->link);
    if (h->claimable) {
        consumer_wake(c);
        pull_wake(c->w->pull, c);
    }
    promoter_hint(c->promoter, h->next_due_ms);
    plan_reaping(c, h->lease_end_us);
    if (h->sweep) send_sweep(c);
    if (h->outbox) consumer_relay(c);
}

static void on_heartbeat(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, heartbeat);
    struct heartbeat answer;

    c->beating = false;
    if (err || c->at == CONSUMER_DOWN || c->leaving || heartbeat_read(reply, &answer)) return;
    after_beat(c, &answer);
}

static const char *state_of(const struct workers *w)
{
    if (w->at != WORKERS_SERVE) return "stopping";
    return w->quiet ? "quiet" : "serving";
}

/* What `server list` shows; `full`: the handlers whose slots are all taken. `recent` is long, so it
 * is said in one queue only. */
static char *about(const struct consumer *c)
{
    const struct workers *w = c->w;
    json_t *handlers = json_array(), *full = json_array(), *object;
    char host[256] = "";
    char *text;

    gethostname(host, sizeof host - 1);
    for (size_t i = 0; i < w->registry.count; i++) {
        const struct handler *handler = w->registry.handlers[i];
        json_array_append_new(handlers, json_string(handler->pattern));
        if (!handler_free_slots(handler))
            json_array_append_new(full, json_string(handler->pattern));
    }
    object = json_pack("{s:s, s:s%, s:i, s:s, s:i, s:i, s:I, s:s, s:o, s:o}", "state",
                       state_of(w), "host", host, strnlen(host, 64), "pid", (int)getpid(), "http",
                       w->o.http ? w->o.http : "",
                       "concurrency", (int)w->o.concurrency, "running", (int)w->running,
                       "lease_ms", (json_int_t)w->o.lease_ms, "version", PINION_VERSION,
                       "handlers", handlers, "full", full);
    if (c == w->consumers[0]) json_object_set_new(object, "recent", workers_recent(w));
    text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(object);
    return text ? text : xstrdup("{}");
}

void keeper_beat(struct consumer *c)
{
    const struct workers *w = c->w;
    const char *patterns[HANDLERS_MAX + PULL_LINES_MAX * PULL_KINDS_MAX];
    size_t count = 0;
    char *text;

    if (c->beating) return;
    for (size_t i = 0; i < w->registry.count && workers_free_slots(w) > 0 && workers_take(w); i++)
        if (handler_free_slots(w->registry.handlers[i]) > 0)
            patterns[count++] = w->registry.handlers[i]->pattern;
    count += pull_patterns(w->pull, c, patterns + count, countof(patterns) - count);
    text = about(c);
    c->beating = true;
    c->beat_sent_us = clock_mono_us();
    c->beat_idle_us = c->idle_asked_us;
    heartbeat_build(&c->heartbeat.request, consumer_key(c), w->o.server, text, w->channel,
                    w->o.memory_mark, patterns, count);
    link_send(w->link, &c->heartbeat, on_heartbeat);
    free(text);
}

static void on_beat(struct alarm *alarm)
{
    struct consumer *c = container_of(alarm, struct consumer, beat);

    ticker_set_in(c->w->o.ticker, &c->beat, HEARTBEAT_MS);
    recent_note(c->w->recent, clock_mono_ms());
    if (c->at == CONSUMER_DOWN) return;
    keeper_renew(c, false);
    keeper_beat(c);
}

/* ---- life ------------------------------------------------------------------------------------ */

void keeper_init(struct consumer *c)
{
    alarm_init(&c->beat, on_beat);
    alarm_init(&c->reap_at, on_reap_at);
    alarm_init(&c->sweep_at, on_sweep_at);
    alarm_init(&c->renew_at, on_renew_at);
    c->heartbeat.request = c->take_back.request = c->reap.request = c->sweep.request = REQUEST_INIT;
}

void keeper_deinit(struct consumer *c)
{
    ticker_cancel(c->w->o.ticker, &c->beat);
    ticker_cancel(c->w->o.ticker, &c->reap_at);
    ticker_cancel(c->w->o.ticker, &c->sweep_at);
    ticker_cancel(c->w->o.ticker, &c->renew_at);
    request_deinit(&c->heartbeat.request);
    request_deinit(&c->take_back.request);
    request_deinit(&c->reap.request);
    request_deinit(&c->sweep.request);
}

void keeper_up(struct consumer *c, bool restarted)
{
    c->at = CONSUMER_JOIN;
    c->seat = -1; /* the heartbeat tells it */
    if (restarted) hold_reaping(c);
    ticker_set_in(c->w->o.ticker, &c->beat, HEARTBEAT_MS);
    keeper_renew(c, false);
    keeper_beat(c);
}

void keeper_down(struct consumer *c)
{
    c->at = CONSUMER_DOWN;
    ticker_cancel(c->w->o.ticker, &c->reap_at);
    ticker_cancel(c->w->o.ticker, &c->sweep_at);
    ticker_cancel(c->w->o.ticker, &c->renew_at);
}
