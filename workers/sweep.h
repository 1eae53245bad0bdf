/* workers/sweep.h — who has ended, and may have left others behind in its session.
 *
 * They are found by looking at all processes of the machine, which takes milliseconds: so one look
 * does for all that end in the same turn of the loop, and five hundred commands that are stopped at
 * once do not hold it up for seconds. Loop thread only.
 */
#ifndef PINION_WORKERS_SWEEP_H
#define PINION_WORKERS_SWEEP_H

#include <sys/types.h>
#include "base/list.h"

struct ev_loop;
struct sweep;

/* Embed it. */
struct swept {
    pid_t       leader; /* of the session; not reaped yet, so that its number is its own */
    struct list node;   /* private */
};

/* In the next turn of the loop: what was in its session is killed, but for its own group. */
typedef void swept_fn(struct swept *);

struct sweep *sweep_new(struct ev_loop *, swept_fn *);
void          sweep_free(struct sweep *); /* what waits is forgotten; NULL: no-op */
void          sweep_add(struct sweep *, struct swept *);

#endif
