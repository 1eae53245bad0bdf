/* workers/recent.h — what this server did in about the last minute, as rates and percentiles.
 *
 *      copy, copy, ... each RECENT_STEP_MS   ──►  now
 *      └── the oldest of RECENT_COPIES ──────────┘  what was added in between is what is shown
 *
 * All that counts only grows, so nothing on the way of a job knows of this: what it costs is a copy
 * every ten seconds. Loop thread only.
 */
#ifndef PINION_WORKERS_RECENT_H
#define PINION_WORKERS_RECENT_H

#include <jansson.h>
#include <stdint.h>

#define RECENT_STEP_MS   10000
#define RECENT_COPIES    7  /* so the window is 60 to 70 s, less after the start */
#define RECENT_KINDS_MAX 16 /* shown: half of them may be those that fail most, else the slowest */

struct histogram;
struct recent;
struct workers_totals;

/* All borrowed. `stall_us`: of the loop; NULL: nobody measures it. */
struct recent *recent_new(const struct workers_totals *, const struct histogram *stall_us,
                          uint64_t now_ms);
void           recent_free(struct recent *); /* NULL: no-op */

/* To be called about each second; now_ms: clock_mono_ms(). */
void    recent_note(struct recent *, uint64_t now_ms);
/* {"window_ms","rates","wait","run","lateness","schedule_lateness","stall","kinds","kinds_more"};
 * rates are per second, percentiles in milliseconds; the caller's. */
json_t *recent_shape(const struct recent *, uint64_t now_ms);

#endif
