/* control/ticks.h — the instants at which a repeating timer is planned to fire. Pure.
 *
 * Computed from the plan alone, never from when a call began or ended: there is no drift. Times
 * are milliseconds of whatever clock the timer goes by.
 */
#ifndef PINION_CONTROL_TICKS_H
#define PINION_CONTROL_TICKS_H

#include <stdint.h>

struct rule;

/* Either of the two. */
struct ticks {
    int64_t interval_ms, origin_ms; /* multiples of the interval, both ways from the origin */
    struct rule *rule;              /* cron; NULL: an interval */
};

/* Strictly after; INT64_MAX: there is none. */
int64_t ticks_after(const struct ticks *, int64_t ms);
/* The latest one at or before, where there is one. */
int64_t ticks_until(const struct ticks *, int64_t ms);
/* How many lie after the tick `from_ms`, up to until_ms; of cron, at most
 * PINION_TIMER_MISSED_MAX are counted. */
uint64_t ticks_between(const struct ticks *, int64_t from_ms, int64_t until_ms);

/* The next one to wait for at now_ms, if `last_ms` was the last one dealt with. It lies ahead of
 * now_ms if the clock was set back: then that tick is not called again. Those before it are, for a
 * timer must not fall silent, unless they are fixed times of cron and it was little. */
int64_t ticks_next(const struct ticks *, int64_t last_ms, int64_t now_ms);

#endif
