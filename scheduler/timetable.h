/* scheduler/timetable.h — the schedules of one queue, as a server keeps and fires them.
 *
 *      DOWN ──hint──► LOAD, page by page ──► one alarm for each schedule, at its next time
 *                      ▲                        │ due
 *                      │ edited                 ▼
 *                      └─────────── answer ◄── FIRE: all that became due in a turn, in one call
 *
 * Every server of the queue does the same: Redis lets one of them fire. What is here is a copy; it
 * is loaded anew when the count of edits, told by heartbeats and messages, is another one. Times
 * are Redis's; alarms far away are set again on the way, since clocks drift. Loop thread only.
 *
 * @reboot fires when the first server of the queue on a machine begins after the machine did; Redis
 * remembers for which boots. One that is set later waits for the next boot.
 */
#ifndef PINION_SCHEDULER_TIMETABLE_H
#define PINION_SCHEDULER_TIMETABLE_H

#include <stdint.h>
#include "base/metrics.h"
#include "base/text.h"

struct link;
struct redis_clock;
struct ticker;
struct timetable;
struct zone_cache;

struct timetable_totals {
    struct counter   fired, skipped, buffered, missed, healed;
    struct histogram lateness_us; /* of jobs made: Redis's clock less the logical time and jitter */
};

struct timetable_options {
    struct link        *link;
    struct ticker      *ticker;
    struct redis_clock *clock; /* shared; sharpened by every answer */
    struct zone_cache  *zones;
    struct span         key;   /* of the queue; borrowed */
    const char         *queue; /* for the log; borrowed */
    const char         *boot;  /* id of this boot of the machine; NULL: no @reboot. Borrowed */
    struct timetable_totals *totals; /* borrowed */
    /* Jobs are becoming ready: called right after the fires were sent, so that a claim sent now
     * travels with them and finds them. */
    void              (*fired)(void *ctx);
    void               *ctx;
};

struct timetable *timetable_new(const struct timetable_options *);
void              timetable_free(struct timetable *); /* no call is in flight; NULL: no-op */
/* The queue's schedules were edited so often: by a heartbeat or a message. The first one loads. */
void              timetable_hint(struct timetable *, int64_t edits);
void              timetable_stop(struct timetable *);    /* until the next hint */
void              timetable_reload(struct timetable *);  /* zones changed: all is read anew */
void              timetable_stepped(struct timetable *); /* Redis's clock did */
void              timetable_flush(struct timetable *); /* sends what became due; before it sleeps */

#endif
