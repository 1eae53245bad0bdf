/* tests/sim/world.h — virtual time, and who decides what happens next.
 *
 * Whatever takes time is an event. Events of one lane happen in the order in which they were sent;
 * between lanes either seeded delays decide, or every order is played out in turn. This file also
 * stands in for base/clock.h and base/random.h, so a run is told in full by its seed and order.
 *
 * A property that does not hold is reported with world_broken(): the first one is kept, and the run
 * stops. One world per program, one thread.
 */
#ifndef PINION_TESTS_SIM_WORLD_H
#define PINION_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/macros.h"

#define WORLD_DELAY_MAX_US 20000 /* of one message, on its way */

struct event;
typedef void event_fn(struct event *);

/* Embed it. All fields are private. */
struct event {
    struct list node;
    uint64_t due_us;
    const uint64_t *not_before_us; /* NULL: none; whoever it is for stands still until then */
    unsigned lane;
    bool alarm; /* waits for a time, and is not on its way */
    event_fn *happen;
    event_fn *forget; /* frees it when the world ends before it happens; NULL: another does */
};

/* ---- a run ----------------------------------------------------------------------------------- */

void world_begin(uint64_t seed); /* delays decide */
/* The next order of the events between world_branch(true) and the end; false: all were played. */
void world_first_order(void);
bool world_next_order(void);
void world_end(void);    /* what has not happened is forgotten */
void world_branch(bool); /* off: by due time; for the beginning of a scenario */
bool world_in_orders(void);

/* Lets the next event happen, if it is due by then; else the time is then, and the answer false. */
bool world_step(uint64_t until_us);
bool world_is_quiet(void); /* nothing is on its way, there are only alarms */

uint64_t world_now_us(void);
uint64_t world_below(uint64_t limit); /* decided by the seed */
bool world_chance(unsigned percent);
uint64_t world_delay_us(void);
/* 0 .. count - 1, of things whose order matters: by the seed, or one after the other. */
unsigned world_choose(unsigned count);

void world_broken(const char *format, ...) printf_like(1, 2);
const char *world_violation(void);                           /* NULL: all is well */
void world_trace(const char *format, ...) printf_like(1, 2); /* shown if PINION_SIM_TRACE is set */

/* ---- events ---------------------------------------------------------------------------------- */

unsigned world_new_lane(void);
void event_init(struct event *, event_fn *happen);
bool event_pending(const struct event *);
void event_send(struct event *, unsigned lane);                    /* after a delay of the seed */
void event_send_in(struct event *, unsigned lane, uint64_t in_us); /* not before its lane's last */
void event_set_alarm(struct event *, uint64_t at_us);              /* moves it */
void event_drop(struct event *);                                   /* idle: no-op */

#endif
