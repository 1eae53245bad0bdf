/* scheduler/wheel.h — hierarchical timing wheel: when is each timer due?
 *
 * Pure data structure: it never reads a clock, allocates, or calls back. You own every
 * `struct timer`; the wheel only links it while it is pending. Times are milliseconds of any
 * clock that does not go back; the whole range of uint64_t, no timer ever early. One thread.
 */
#ifndef PINION_SCHEDULER_WHEEL_H
#define PINION_SCHEDULER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"

#define WHEEL_BITS     6
#define WHEEL_SLOTS    (1u << WHEEL_BITS)
#define WHEEL_LEVELS   11 /* 11 * 6 bits cover all of uint64_t: no overflow case */
#define WHEEL_NEVER    UINT64_MAX
#define WHEEL_PEEK_MAX 8  /* timers that wheel_next_ms looks at to be exact */

/* Embed it; it stays where it is while pending. */
struct timer {
    struct list link;   /* private */
    uint64_t    due_ms; /* read-only; never below the wheel's time when it was added */
};

/* Embed it; 11 KB, and it stays where it is. All fields are private. */
struct wheel {
    uint64_t    now_ms;   /* how far timers were handed out; at most until_ms */
    uint64_t    until_ms; /* how far they may be: the time of the last wheel_advance */
    uint64_t    occupied[WHEEL_LEVELS];            /* bit s: slot s of the level is not empty */
    unsigned    levels;                            /* bit l: occupied[l] is not 0 */
    struct list late;                              /* due at until_ms, for the next advance */
    struct list slots[WHEEL_LEVELS * WHEEL_SLOTS]; /* level * WHEEL_SLOTS + slot */
};

void wheel_init(struct wheel *, uint64_t now_ms);
void timer_init(struct timer *);
bool timer_pending(const struct timer *);

/* Re-adding moves it. A due_ms that has passed counts as the time of the last wheel_advance. */
void wheel_add(struct wheel *, struct timer *, uint64_t due_ms);
void wheel_remove(struct wheel *, struct timer *); /* idle timer: no-op */

/* Moves the wheel to now_ms (an earlier one counts as the last), then hands out what is due by
 * then, one at a time: call until NULL; what is left is handed out after the next advance. The
 * order is by due_ms and, where that is equal, by adding. A timer that was handed out is idle,
 * and may be added again or freed. A timer added meanwhile with due_ms <= now_ms is handed out
 * after the next wheel_advance, so a handler that re-arms itself cannot starve the loop. */
void          wheel_advance(struct wheel *, uint64_t now_ms);
struct timer *wheel_take_due(struct wheel *);

bool wheel_empty(const struct wheel *);

/* When to call again: never later than the earliest timer. Exact if at most WHEEL_PEEK_MAX timers
 * share its slot, else perhaps early by the width of the slot: one wake-up in vain per level.
 * WHEEL_NEVER: nothing pending. */
uint64_t wheel_next_ms(const struct wheel *);

/* Compares the bit tricks with plain looping; aborts on a difference. For tests. */
void wheel_check(const struct wheel *);

#endif
