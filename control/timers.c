/* A timer waits for one instant of its clock, `due_ms`:
 *
 *      grid     |----|----|----|----|----|----|      ticks of one that repeats
 *      due           ^                               what it waited for
 *      called              *=========*               late, and it took long
 *      missed              1                         told to this call
 *      next                               ^          the first tick after its return; one more was
 *                                                    passed over, and is told to the next call
 *
 * The grid is computed from the plan, never from when a call began or ended: there is no drift. The
 * next tick is strictly after now: none comes twice, and a stall is followed by one call, not many.
 */
#include "control/timers.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/time_text.h"
#include "control/ticks.h"
#include "scheduler/rule.h"
#include "scheduler/schedule.h"
#include "scheduler/ticker.h"

#define US_PER_MS 1000
/* A timer sleeps no longer in one go: no sum overflows. */
#define SLEEP_MS_MAX UINT64_C(86400000)
/* 2^64 divided by the golden ratio: multiples of it, mod 2^64, fall into the widest gap so far. */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

struct pinion_timer {
    struct timers *timers;
    struct list link; /* in timers->mono or timers->wall */
    struct alarm alarm;
    pinion_timer_fn *fn;
    void *ctx;
    bool wall, repeats;      /* wall: the clock that due_ms and last_ms are of */
    int64_t due_ms, last_ms; /* last_ms: the latest tick that was called or passed over */
    uint64_t passed, missed; /* since the last call; before this call */
    struct ticks ticks;      /* if it repeats; the rule is owned */
};

struct timers {
    struct ticker *ticker;
    struct list mono, wall;
    struct pinion_timer *firing; /* whose callback is on the stack */
    bool firing_cancelled, stopped;
    struct alarm watch; /* pending while there are timers of the wall clock */
    int64_t offset_us;  /* of the wall clock to the other, when it was last looked at */
    int64_t origin_ms;  /* of the grids that are spread */
    uint64_t spread;     /* how many were made that take a place of their own */
    struct zone_cache *zones; /* NULL until the first cron */
};

static int64_t now_ms(const struct pinion_timer *t)
{
    return t->wall ? clock_wall_ms() : (int64_t)clock_mono_ms();
}

static void pass_over(struct pinion_timer *t, int64_t until_ms)
{
    t->passed += ticks_between(&t->ticks, t->last_ms, until_ms);
    if (t->ticks.rule && t->passed > PINION_TIMER_MISSED_MAX) t->passed = PINION_TIMER_MISSED_MAX;
    if (until_ms > t->last_ms) t->last_ms = ticks_until(&t->ticks, until_ms);
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* On the ticker's clock, rounded up: `ms` full milliseconds from now, of which us have passed. */
static uint64_t mono_in(uint64_t ms, uint64_t us)
{
    return (clock_mono_us() + ms * US_PER_MS - us + US_PER_MS - 1) / US_PER_MS;
}

static void arm(struct pinion_timer *t)
{
    int64_t wall_us = clock_wall_us(), wall_ms = wall_us / US_PER_MS;
    uint64_t wait_ms;

    if (!t->wall) return ticker_set_at(t->timers->ticker, &t->alarm, (uint64_t)t->due_ms);
    if (t->due_ms <= wall_ms) return ticker_set_in(t->timers->ticker, &t->alarm, 0);
    wait_ms = (uint64_t)t->due_ms - (uint64_t)wall_ms;
    if (wait_ms > SLEEP_MS_MAX) wait_ms = SLEEP_MS_MAX;
    ticker_set_at(t->timers->ticker, &t->alarm,
                  mono_in(wait_ms, (uint64_t)(wall_us - wall_ms * US_PER_MS)));
}

static int64_t wall_offset_us(void)
{
    return clock_wall_us() - (int64_t)clock_mono_us();
}

/* After a step of the wall clock. What became due by it is called, however far back that lies. */
static void follow(struct pinion_timer *t)
{
    int64_t wall_ms = now_ms(t);

    if (t->repeats && t->due_ms > wall_ms)
        t->due_ms = ticks_next(&t->ticks, t->last_ms, wall_ms);
    arm(t);
}

static void on_watch(struct alarm *alarm)
{
    struct timers *ts = container_of(alarm, struct timers, watch);
    int64_t offset_us = wall_offset_us();

    if (llabs(offset_us - ts->offset_us) >= US_PER_MS) {
        ts->offset_us = offset_us;
        list_for_each(node, &ts->wall) follow(container_of(node, struct pinion_timer, link));
    }
    ticker_set_in(ts->ticker, &ts->watch, TIMERS_WATCH_MS);
}

static void watch_wall(struct timers *ts)
{
    if (alarm_pending(&ts->watch)) return;
    ts->offset_us = wall_offset_us();
    ticker_set_in(ts->ticker, &ts->watch, TIMERS_WATCH_MS);
}

/* ---- firing ---------------------------------------------------------------------------------- */

static void timer_free(struct pinion_timer *t)
{
    struct timers *ts = t->timers;

    ticker_cancel(ts->ticker, &t->alarm);
    list_remove(&t->link);
    if (list_empty(&ts->wall)) ticker_cancel(ts->ticker, &ts->watch);
    free(t->ticks.rule);
    free(t);
}

/* False: it was cancelled by its callback. */
static bool call(struct pinion_timer *t)
{
    struct timers *ts = t->timers;

    ts->firing = t;
    ts->firing_cancelled = false;
    t->fn(t, t->ctx);
    ts->firing = NULL;
    return !ts->firing_cancelled;
}

static void on_due(struct alarm *alarm)
{
    struct pinion_timer *t = container_of(alarm, struct pinion_timer, alarm);
    int64_t from_ms = now_ms(t);
    bool lives;

    if (from_ms < t->due_ms) return arm(t); /* far away, or the wall clock was set back */
    if (t->repeats) {
        t->last_ms = t->due_ms;
        pass_over(t, from_ms);
        t->missed = t->passed;
        t->passed = 0;
    }
    lives = call(t);
    if (!t->repeats || !lives) return timer_free(t);
    if (t->timers->stopped) return;
    from_ms = now_ms(t);
    pass_over(t, from_ms);
    t->due_ms = ticks_next(&t->ticks, t->last_ms, from_ms);
    arm(t);
}

/* ---- making ---------------------------------------------------------------------------------- */

static enum pinion_err check(const struct timers *ts, const struct timer_call *c)
{
    if (!c->fn) return PINION_INVALID;
    return ts->stopped ? PINION_CONFLICT : PINION_OK;
}

static struct pinion_timer *timer_new(struct timers *ts, bool wall, const struct timer_call *c)
{
    struct pinion_timer *t = xcalloc(1, sizeof *t);

    t->timers = ts;
    t->fn = c->fn;
    t->ctx = c->ctx;
    t->wall = wall;
    t->last_ms = INT64_MIN;
    alarm_init(&t->alarm, on_due);
    list_init(&t->link);
    list_push(wall ? &ts->wall : &ts->mono, &t->link);
    if (wall) watch_wall(ts);
    return t;
}

static enum pinion_err begin(struct pinion_timer *t, int64_t due_ms, const struct timer_call *c)
{
    t->due_ms = due_ms;
    arm(t);
    if (c->ret) *c->ret = t;
    return PINION_OK;
}

/* On the clock that does not step; INT64_MAX is as good as never. */
static int64_t mono_after(uint64_t ms)
{
    uint64_t from_ms = ms ? mono_in(0, 0) : clock_mono_ms();

    return ms < (uint64_t)INT64_MAX - from_ms ? (int64_t)(from_ms + ms) : INT64_MAX;
}

enum pinion_err timers_later(struct timers *ts, uint64_t ms, const struct timer_call *c)
{
    enum pinion_err err = check(ts, c);

    return err ? err : begin(timer_new(ts, false, c), mono_after(ms), c);
}

enum pinion_err timers_at(struct timers *ts, int64_t wall_ms, const struct timer_call *c)
{
    enum pinion_err err = check(ts, c);

    return err ? err : begin(timer_new(ts, true, c), wall_ms, c);
}

/* On the grid of the n-th timer that is spread: 0 <= place < 1, as a part of its interval. */
static double place_of(uint64_t n)
{
    return (double)((n * GOLDEN) >> 11) * 0x1p-53;
}

static int64_t spread_origin_ms(struct timers *ts, uint64_t interval_ms)
{
    return ts->origin_ms + (int64_t)(place_of(ts->spread++) * (double)interval_ms);
}

static bool every_ok(const struct pinion_every *e)
{
    if (!e->interval_ms || e->interval_ms > DURATION_MS_MAX) return false;
    return e->align ? e->phase_ms < e->interval_ms : e->phase_ms <= e->interval_ms;
}

enum pinion_err timers_every(struct timers *ts, const struct pinion_every *e,
                             const struct timer_call *c)
{
    enum pinion_err err = every_ok(e) ? check(ts, c) : PINION_INVALID;
    struct pinion_timer *t;

    if (err) return err;
    t = timer_new(ts, e->align != 0, c);
    t->repeats = true;
    t->ticks.interval_ms = (int64_t)e->interval_ms;
    if (e->align)
        t->ticks.origin_ms = (int64_t)e->phase_ms;
    else if (e->phase_ms)
        t->ticks.origin_ms = mono_after(e->phase_ms);
    else
        t->ticks.origin_ms = spread_origin_ms(ts, e->interval_ms);
    if (!e->align && e->phase_ms) return begin(t, t->ticks.origin_ms, c);
    return begin(t, ticks_after(&t->ticks, now_ms(t)), c);
}

/* H is spread by the same number as the grids. */
static enum pinion_err read_rule(struct timers *ts, const char *spec, const char *tz,
                                 struct rule *ret_rule, struct error *why)
{
    char name[24];
    enum pinion_err err;

    if (!spec) return error_set(why, PINION_INVALID, "no cron expression, expected one");
    snprintf(name, sizeof name, "%llu", (unsigned long long)ts->spread);
    err = cron_parse(span_of(spec), name, &ret_rule->cron, why);
    if (err) return err;
    if (ret_rule->cron.kind == CRON_REBOOT)
        return error_set(why, PINION_INVALID, "@reboot is no time, expected one that comes again");
    if (ret_rule->cron.kind == CRON_EVERY) ret_rule->every_ms = (int64_t)ret_rule->cron.every_ms;
    ret_rule->kind = ret_rule->cron.kind == CRON_EVERY ? RULE_EVERY : RULE_CRON;
    if (!ts->zones) ts->zones = zone_cache_new();
    return zone_cache_get(ts->zones, tz ? tz : "local", &ret_rule->zone, why);
}

enum pinion_err timers_cron(struct timers *ts, const char *spec, const char *tz,
                            const struct timer_call *c, struct error *why)
{
    struct rule rule = {.dst = DST_VIXIE};
    enum pinion_err err = check(ts, c);
    struct pinion_timer *t;
    int64_t first_ms;

    if (err)
        return error_set(why, err, "%s", err == PINION_CONFLICT ? "the service has stopped"
                                                               : "no callback, expected one");
    err = read_rule(ts, spec, tz, &rule, why);
    if (err) return err;
    first_ms = rule_next(&rule, clock_wall_ms());
    if (first_ms == RULE_NEVER)
        return error_set(why, PINION_INVALID, "'%.200s' never comes, expected times to come", spec);
    ts->spread++;
    t = timer_new(ts, true, c);
    t->repeats = true;
    t->ticks.rule = xmemdup(&rule, sizeof rule);
    return begin(t, first_ms, c);
}

/* ---- life ------------------------------------------------------------------------------------ */

struct timers *timers_new(struct ticker *ticker)
{
    struct timers *ts = xcalloc(1, sizeof *ts);

    ts->ticker = ticker;
    ts->origin_ms = (int64_t)clock_mono_ms();
    list_init(&ts->mono);
    list_init(&ts->wall);
    alarm_init(&ts->watch, on_watch);
    return ts;
}

static void disarm(struct timers *ts, struct list *timers)
{
    list_for_each(node, timers)
        ticker_cancel(ts->ticker, &container_of(node, struct pinion_timer, link)->alarm);
}

void timers_stop(struct timers *ts)
{
    if (ts->stopped) return;
    ts->stopped = true;
    disarm(ts, &ts->mono);
    disarm(ts, &ts->wall);
    ticker_cancel(ts->ticker, &ts->watch);
}

static void free_all(struct list *timers)
{
    while (!list_empty(timers)) timer_free(container_of(timers->next, struct pinion_timer, link));
}

void timers_free(struct timers *ts)
{
    if (!ts) return;
    assert(!ts->firing && "the callback of a timer must not free its service");
    free_all(&ts->mono);
    free_all(&ts->wall);
    ticker_cancel(ts->ticker, &ts->watch);
    zone_cache_free(ts->zones);
    free(ts);
}

void pinion_timer_cancel(struct pinion_timer *t)
{
    if (!t) return;
    if (t->timers->firing == t)
        t->timers->firing_cancelled = true;
    else
        timer_free(t);
}

uint64_t pinion_timer_missed(const struct pinion_timer *t)
{
    return t->missed;
}
