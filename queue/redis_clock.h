/* queue/redis_clock.h — what time it is at Redis, without asking. Pure but for our own clock.
 *
 * The fleet has one clock, Redis TIME. Every answer that carries it sharpens the estimate of the
 * offset to our monotonic clock; an answer that contradicts it tells of a step of Redis's clock.
 */
#ifndef PINION_QUEUE_REDIS_CLOCK_H
#define PINION_QUEUE_REDIS_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define REDIS_CLOCK_STEP_US  500000   /* a difference beyond this is a step, not drift */
#define REDIS_CLOCK_STALE_US 10000000 /* a better sample that is older counts no longer */

struct redis_clock {
    int64_t  offset_us;  /* Redis - monotonic; private */
    uint64_t error_us;   /* half the round trip of the sample that is used */
    uint64_t sampled_us; /* when; 0: never */
    unsigned steps;      /* read-only: how often Redis's clock has stepped since the first sample */
};

/* A question was sent at `sent_us`, answered at `received_us` (both monotonic), and Redis said
 * `redis_us`. Whoever asked, all who share the clock must hear of a step: it is counted. */
void redis_clock_note(struct redis_clock *, uint64_t sent_us, uint64_t received_us,
                      int64_t redis_us);

int64_t redis_clock_now_us(const struct redis_clock *);
/* The first monotonic millisecond at which it is at least redis_ms there. 0: it is past already. */
uint64_t redis_clock_mono_ms(const struct redis_clock *, int64_t redis_ms);

#endif
