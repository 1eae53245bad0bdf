/* One ev_timer sleeps until wheel_next_ms:
 *
 *      turn:   advance the wheel to now  ->  take, fire; take, fire; ...  ->  arm the watcher
 *
 * wheel_advance fixes what is due in this turn, so taking one by one is the same as collecting all
 * first, and an alarm that an earlier callback cancels is simply no longer there.
 *
 * Milliseconds of the wheel are clock_mono_ms, and only that clock decides what is due. libev has
 * its own idea of now, cached and in floating point: if it wakes us early, the turn fires nothing
 * and arms again.
 */
#include "scheduler/ticker.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/macros.h"
#include "base/memory.h"

#define US_PER_MS    1000u
#define SLEEP_MS_MAX 86400000u /* a day: far below what libev's backends can count */

struct ticker {
    struct wheel    wheel;
    struct ev_loop *loop;     /* NULL: turned by hand */
    ev_timer        tick;
    uint64_t        armed_ms; /* what `tick` waits for; WHEEL_NEVER: it is stopped */
    bool            turning;
};

static void disarm(struct ticker *t)
{
    if (t->loop) ev_timer_stop(t->loop, &t->tick);
    t->armed_ms = WHEEL_NEVER;
}

/* Microseconds until clock_mono_ms() is ms. */
static uint64_t until_us(uint64_t ms)
{
    uint64_t now_us = clock_mono_us(), now_ms = now_us / US_PER_MS;

    if (ms <= now_ms) return 0;
    if (ms - now_ms > SLEEP_MS_MAX) ms = now_ms + SLEEP_MS_MAX;
    return ms * US_PER_MS - now_us;
}

static void arm(struct ticker *t, uint64_t next_ms)
{
    disarm(t);
    if (!t->loop || next_ms == WHEEL_NEVER) return;

    /* libev adds the delay to its cached time: if that is old, we would wake too early. Our clock
     * is read first, so that what passes between the two readings makes us late and not early. */
    uint64_t sleep_us = until_us(next_ms);

    if (sleep_us) ev_now_update(t->loop);
    ev_timer_set(&t->tick, (double)sleep_us * 1e-6, 0.);
    ev_timer_start(t->loop, &t->tick);
    t->armed_ms = next_ms;
}

static void on_tick(struct ev_loop *loop, ev_timer *tick, int events)
{
    (void)loop;
    (void)events;
    ticker_turn(container_of(tick, struct ticker, tick));
}

struct ticker *ticker_new(struct ev_loop *loop)
{
    struct ticker *t = xcalloc(1, sizeof *t);

    wheel_init(&t->wheel, clock_mono_ms());
    t->loop = loop;
    t->armed_ms = WHEEL_NEVER;
    ev_timer_init(&t->tick, on_tick, 0., 0.);
    return t;
}

void ticker_free(struct ticker *t)
{
    if (!t) return;
    assert(!t->turning);
    disarm(t);
    free(t);
}

void alarm_init(struct alarm *a, alarm_fn *fire)
{
    timer_init(&a->timer);
    a->fire = fire;
}

bool alarm_pending(const struct alarm *a)
{
    return timer_pending(&a->timer);
}

void ticker_set_at(struct ticker *t, struct alarm *a, uint64_t mono_ms)
{
    wheel_add(&t->wheel, &a->timer, mono_ms);
    /* Only what comes first moves the watcher; a turn arms it once, at its end. */
    if (a->timer.due_ms < t->armed_ms && !t->turning) arm(t, a->timer.due_ms);
}

void ticker_set_in(struct ticker *t, struct alarm *a, uint64_t ms)
{
    uint64_t now_us = clock_mono_us();
    /* Rounded up, for a part of this millisecond has passed; but 0 is the next turn. */
    uint64_t from_ms = ms ? (now_us + US_PER_MS - 1) / US_PER_MS : now_us / US_PER_MS;

    ticker_set_at(t, a, ms < WHEEL_NEVER - from_ms ? from_ms + ms : WHEEL_NEVER);
}

void ticker_cancel(struct ticker *t, struct alarm *a)
{
    wheel_remove(&t->wheel, &a->timer);
    /* A watcher that waits for a cancelled alarm wakes once in vain, which is cheaper than to move
     * it each time; but without any alarm it must not keep the loop alive. */
    if (!t->turning && wheel_empty(&t->wheel)) disarm(t);
}

void ticker_turn(struct ticker *t)
{
    struct timer *due;

    assert(!t->turning);
    t->turning = true;
    wheel_advance(&t->wheel, clock_mono_ms());
    for (unsigned fired = 0; fired < TICKER_FIRES_MAX; fired++) {
        due = wheel_take_due(&t->wheel);
        if (!due) break;

        struct alarm *a = container_of(due, struct alarm, timer);

        a->fire(a); /* may free its owner */
    }
    t->turning = false;
    arm(t, wheel_next_ms(&t->wheel));
}

uint64_t ticker_next_ms(const struct ticker *t)
{
    return wheel_next_ms(&t->wheel);
}
