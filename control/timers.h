/* control/timers.h — the timers of library users, as include/pinion.h promises them.
 *
 * A timer goes by one of two clocks: that of the kernel that never steps, as everything on the
 * ticker, or the wall's, whose steps are looked for each second while such a timer is pending.
 * Needs the ticker and nothing else of the service. Loop thread only.
 */
#ifndef PINION_CONTROL_TIMERS_H
#define PINION_CONTROL_TIMERS_H

#include "base/error.h"

#define TIMERS_WATCH_MS 1000

struct ticker;
struct timers;

/* What a new timer does, and where its pointer goes (NULL: nowhere). */
struct timer_call {
    pinion_timer_fn      *fn;
    void                 *ctx;
    struct pinion_timer **ret;
};

struct timers *timers_new(struct ticker *); /* borrowed until timers_free */
void           timers_stop(struct timers *); /* no timer fires any more, none can be made */
void           timers_free(struct timers *); /* frees all timers; not from a callback of one; NULL
                                              * is fine */

enum pinion_err timers_later(struct timers *, uint64_t ms, const struct timer_call *) must_use;
enum pinion_err timers_at(struct timers *, int64_t wall_ms, const struct timer_call *) must_use;
enum pinion_err timers_every(struct timers *, const struct pinion_every *,
                             const struct timer_call *) must_use;
enum pinion_err timers_cron(struct timers *, const char *spec, const char *tz,
                            const struct timer_call *, struct error *why) must_use;

#endif
