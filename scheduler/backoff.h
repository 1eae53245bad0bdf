/* scheduler/backoff.h — how long to wait before the next attempt. Pure: randomness comes in.
 *
 * Specs: "exponential" (2^(n-1) s, at most 1 h, times 0.5 to 1), "exponential:BASE",
 * "exponential:BASE,MAX", "fixed:D", "linear:D" (n * D, at most 1 h), "list:D,D,..." (the last
 * repeats; at most BACKOFF_LIST_MAX). D, BASE and MAX are durations as base/time_text.h has them,
 * at most BACKOFF_MS_MAX; the first wait is at most the longest one.
 */
#ifndef PINION_SCHEDULER_BACKOFF_H
#define PINION_SCHEDULER_BACKOFF_H

#include <stdint.h>
#include "base/error.h"
#include "base/text.h"

#define BACKOFF_TEXT_MAX 128
#define BACKOFF_LIST_MAX 16
#define BACKOFF_MS_MAX   (UINT64_C(366) * 86400000)

/* PINION_INVALID says what was expected. An absent spec is fine: the default. */
enum pinion_err backoff_check(struct span spec, struct error *why) must_use;

/* `failures` >= 1: how many attempts have failed; `unit` in [0, 1): the dice. An absent or bad spec
 * counts as "exponential", for what was stored by another version must not stop a retry. */
uint64_t backoff_ms(struct span spec, unsigned failures, double unit);

#endif
