/* scheduler/wheel.h — hierarchical timing wheel: when is each timer due?
 *
 * Pure data structure: it never reads a clock, allocates, or calls back. You own every
 * `struct timer`; the wheel only links it while it is pending. Times are milliseconds of any
 * clock that does not go back; the whole range of uint64_t, no timer ever early.
 */
#ifndef PINION_SCHEDULER_WHEEL_H
#define PINION_SCHEDULER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_BITS   6
#define WHEEL_SLOTS  (1u << WHEEL_BITS)
#define WHEEL_LEVELS 11 /* 11 * 6 bits cover all of uint64_t: no overflow case */
#define WHEEL_NEVER  UINT64_MAX

struct timer; /* embed it; all fields are private but due_ms, which is read-only */

struct wheel;

void     wheel_init(struct wheel *, uint64_t now_ms);
void     timer_init(struct timer *);
bool     timer_pending(const struct timer *);
void     wheel_add(struct wheel *, struct timer *, uint64_t due_ms); /* re-adding moves it */
void     wheel_remove(struct wheel *, struct timer *);               /* idle timer: no-op */

/* Moves the wheel to now_ms (never back) and hands out what is due by then, in order of due_ms,
 * one at a time: call until NULL. A timer added meanwhile with due_ms <= now_ms is handed out by
 * the next wheel_advance, so a handler that re-arms itself cannot starve the loop. */
void          wheel_advance(struct wheel *, uint64_t now_ms);
struct timer *wheel_take_due(struct wheel *);

/* When to call again: never later than the earliest timer. WHEEL_NEVER: nothing pending. */
uint64_t wheel_next_ms(const struct wheel *);

/* Compares the bit tricks with plain looping; aborts on a difference. For tests. */
void wheel_check(const struct wheel *);

#endif
