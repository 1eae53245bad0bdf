/* scheduler/promoter.h — makes delayed and retrying jobs of one queue ready when they are due.
 *
 * The jobs are durable in Redis; the wheel holds one alarm, for the earliest of them. It is moved
 * by the heartbeat, by hints that earlier jobs were enqueued, and by what each promotion answers:
 * no polling, and nothing is lost with it. Loop thread only.
 */
#ifndef PINION_SCHEDULER_PROMOTER_H
#define PINION_SCHEDULER_PROMOTER_H

#include <stdint.h>
#include "base/text.h"

struct link;
struct redis_clock;
struct ticker;
struct promoter;

/* Jobs are becoming ready: called right after the promotion was sent, so that a claim sent now
 * travels with it and finds them. */
typedef void promoter_due_fn(void *ctx);

struct promoter_options {
    struct link         *link;
    struct ticker       *ticker;
    struct redis_clock  *clock; /* shared; sharpened by every answer */
    struct span          key;   /* of the queue; borrowed */
    promoter_due_fn     *due;
    void                *ctx;
};

struct promoter *promoter_new(const struct promoter_options *);
void             promoter_free(struct promoter *); /* no call is in flight: the link has stopped */
/* A job is due at that time of Redis's clock (UPKEEP_NEVER: none is). The earliest that was heard
 * counts: one that was taken away meanwhile costs a promotion in vain. */
void             promoter_hint(struct promoter *, int64_t due_ms);
void             promoter_stop(struct promoter *); /* until the next hint */

#endif
