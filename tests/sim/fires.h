/* tests/sim/fires.h — what became of every time of every schedule, and whether that was allowed.
 *
 * Told of each edit and of each call of the script that fires, it holds its own view of watermarks,
 * and what was fired. It knows the rules by schedule_next() alone: what is due, late or missed it
 * finds by counting.
 */
#ifndef PINION_TESTS_SIM_FIRES_H
#define PINION_TESTS_SIM_FIRES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "scheduler/schedule.h"

#define PLANS_MAX 16

struct redisReply;

struct dealt {
    int64_t at_ms;
    bool    again; /* a clock that stepped back may bring it again */
};

struct plan {
    struct schedule *schedule;  /* owned; NULL: there is none */
    int64_t  revision, watermark_ms;
    struct dealt *fired;        /* with these times, by time */
    size_t   fired_count, fired_room;
    uint64_t made, buffered;
    int64_t  run_from_ms, before_ms; /* of what was fired without a gap; the watermark before */
    uint64_t edited_us;         /* of the world */
    int64_t  due_ms, due_after_ms; /* when the first time after that watermark is to fire */
};

void         fires_begin(void);
void         fires_end(void);
struct plan *fires_plan(const char *name); /* one for each name; makes it */

/* It was set; takes the schedule. `same`: its times are those of before, and what was fired is
 * still fired. */
void fires_set(struct plan *, struct schedule *, int64_t revision, bool from_now, bool same);
void fires_removed(struct plan *);

/* One call of the script was made. */
void fires_note(struct span request, const struct redisReply *);

/* A server has been there for long enough to fire all that is due: nothing may be overdue by more
 * than that. */
void fires_check(uint64_t bound_us);

void     fires_stepped(void); /* Redis's clock did */
void     fires_pause(uint64_t until_us); /* a server that may not see a step until then */
uint64_t fires_quiet_us(void); /* since then */

#endif
