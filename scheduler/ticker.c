/* One timerfd sleeps until wheel_next_ms, and one ev_io watches it:
 *
 *      turn:   advance the wheel to now  ->  take, fire; take, fire; ...  ->  arm the timerfd
 *
 * wheel_advance fixes what is due in this turn, so taking one by one is the same as collecting all
 * first, and an alarm that an earlier callback cancels is simply no longer there.
 *
 * Not an ev_timer: epoll sleeps whole milliseconds, rounded up, which made alarms 0.6 ms late in
 * the median; so they are 0.07 ms late. And it does not depend on libev's cached time.
 *
 * Only clock_mono_ms decides what is due: a turn that comes early fires nothing and arms again.
 */
#include "scheduler/ticker.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/memory.h"

#define US_PER_MS    UINT64_C(1000)
#define US_PER_S     UINT64_C(1000000)
#define SLEEP_MS_MAX UINT64_C(86400000) /* a day: so that no sum overflows */
/* What is due ends work, and what else happened begins some: its slots, memory and stacks are there
 * again if it goes first. */
#define TICK_PRIORITY 1

struct ticker {
    struct wheel wheel;
    struct ev_loop *loop; /* NULL: turned by hand, and the next two are unused */
    ev_io tick;           /* always started, but it keeps the loop alive only while armed */
    uint64_t armed_ms;    /* what the timerfd waits for; WHEEL_NEVER: nothing */
    bool turning;
};

/* How long until clock_mono_ms() is ms; never zero, which would mean "disarm". */
static struct timespec sleep_until(uint64_t ms)
{
    uint64_t now_us = clock_mono_us(), now_ms = now_us / US_PER_MS, us;

    if (ms <= now_ms) return (struct timespec){.tv_nsec = 1};
    if (ms - now_ms > SLEEP_MS_MAX) ms = now_ms + SLEEP_MS_MAX;
    us = ms * US_PER_MS - now_us;
    return (struct timespec){(time_t)(us / US_PER_S), (long)(us % US_PER_S) * 1000};
}

/* WHEEL_NEVER disarms. To set the timerfd also makes it unreadable, so nobody has to read it. */
static void arm(struct ticker *t, uint64_t next_ms)
{
    struct itimerspec wake = {0};
    bool was_armed = t->armed_ms != WHEEL_NEVER, armed = next_ms != WHEEL_NEVER;
    int failed;

    if (!t->loop || (!armed && !was_armed)) return;
    if (armed) wake.it_value = sleep_until(next_ms);
    failed = timerfd_settime(t->tick.fd, 0, &wake, NULL);
    assert(!failed);
    if (armed && !was_armed) ev_ref(t->loop);
    if (!armed) ev_unref(t->loop);
    t->armed_ms = next_ms;
}

static void on_tick(struct ev_loop *loop, ev_io *tick, int events)
{
    (void)loop;
    (void)events;
    ticker_turn(container_of(tick, struct ticker, tick));
}

static void open_tick(struct ticker *t)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0) { /* no descriptors at the start: nothing else would work either */
        log_error("ticker_failed", LOG_TEXT("call", "timerfd_create"), LOG_INT("errno", errno));
        abort();
    }
    ev_io_init(&t->tick, on_tick, fd, EV_READ);
    ev_set_priority(&t->tick, TICK_PRIORITY);
    ev_io_start(t->loop, &t->tick);
    ev_unref(t->loop);
}

struct ticker *ticker_new(struct ev_loop *loop)
{
    struct ticker *t = xcalloc(1, sizeof *t);

    wheel_init(&t->wheel, clock_mono_ms());
    t->loop = loop;
    t->armed_ms = WHEEL_NEVER;
    if (loop) open_tick(t);
    return t;
}

void ticker_free(struct ticker *t)
{
    if (!t) return;
    assert(!t->turning);
    arm(t, WHEEL_NEVER);
    if (t->loop) {
        ev_ref(t->loop);
        ev_io_stop(t->loop, &t->tick);
        close(t->tick.fd);
    }
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
    /* Only what comes first costs a system call; a turn arms once, at its end. */
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
    /* To wake once in vain for a cancelled alarm is cheaper than to arm again for each; but without
     * any alarm the loop must not be kept alive. */
    if (!t->turning && wheel_empty(&t->wheel)) arm(t, WHEEL_NEVER);
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
