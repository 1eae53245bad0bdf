/* scheduler/ticker.h — the only place where the wheel meets libev: one watcher, all timers.
 *
 * Tickless: the process sleeps until the next timer. Callbacks run on the loop, after all due
 * timers were collected; at most TICKER_FIRES_MAX per turn of the loop, the rest in the next. The
 * order is by time and, where that is equal, by setting. An alarm that is set to a time already
 * passed, also from a callback, fires in the next turn. Never early by clock_mono_us(). What is due
 * goes before what else happened in the same turn. One thread.
 */
#ifndef PINION_SCHEDULER_TICKER_H
#define PINION_SCHEDULER_TICKER_H

#include <stdbool.h>
#include <stdint.h>
#include "scheduler/wheel.h"

#define TICKER_FIRES_MAX 1000

struct ev_loop;
struct ticker;
struct alarm;

typedef void alarm_fn(struct alarm *);

/* A timer with what to do: embed it, recover the owner with container_of. It is idle when its
 * callback runs, which may set it again or free the owner. Pending alarms keep the loop alive. */
struct alarm {
    struct timer timer; /* private */
    alarm_fn    *fire;  /* private */
};

struct ticker *ticker_new(struct ev_loop *); /* NULL loop: a test turns it by ticker_turn() */
void           ticker_free(struct ticker *); /* pending alarms are forgotten, untouched; NULL is
                                              * fine; not from a callback */

void alarm_init(struct alarm *, alarm_fn *);
bool alarm_pending(const struct alarm *);
void ticker_set_in(struct ticker *, struct alarm *, uint64_t ms);        /* from now; moves it */
void ticker_set_at(struct ticker *, struct alarm *, uint64_t mono_ms);   /* clock_mono_ms() time */
void ticker_cancel(struct ticker *, struct alarm *);                     /* idle: no-op */

/* Fires what is due at clock_mono_ms(); how the loop's watcher and virtual time drive it. */
void     ticker_turn(struct ticker *);
uint64_t ticker_next_ms(const struct ticker *); /* WHEEL_NEVER: nothing pending */

#endif
