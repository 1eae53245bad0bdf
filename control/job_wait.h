/* control/job_wait.h — the end of one job, for who waits for it.
 *
 *      LOOK ──it has ended──► end        told, or connected again ──► LOOK
 *       ▲                                the time is over ──► LAST LOOK ──► end
 *       └── not yet: waits to be told by the events of its queue (control/results.h)
 *
 * Loop thread only.
 */
#ifndef PINION_CONTROL_JOB_WAIT_H
#define PINION_CONTROL_JOB_WAIT_H

#include <stdbool.h>
#include "control/results.h"
#include "queue/key.h"
#include "queue/link.h"
#include "scheduler/ticker.h"

struct job_view;
struct job_wait;

/* Once, after job_wait_begin was fine; the wait may be gone when it returns. PINION_OK: `view` is
 * that of a job that has ended. Else it is NULL, and `why` may be (by the name of `err`).
 * PINION_BUSY: its time is over. PINION_UNAVAILABLE: over as well, and Redis gave no answer.
 * PINION_NOT_FOUND: there is no such job. PINION_STALE: it was stopped. */
typedef void job_wait_fn(struct job_wait *, enum pinion_err err, const struct job_view *view,
                         const struct error *why);

/* Embed it. It stays put until it has ended. */
struct job_wait {
    struct link *link;       /* yours to fill, up to `ended`; all borrowed */
    struct results *results;
    struct ticker *ticker;
    const char *name_space;
    const char *id;          /* QUEUE:LOCAL */
    uint64_t timeout_ms;     /* 0: none */
    job_wait_fn *ended;

    struct call call;        /* private from here on */
    struct result_wait told;
    struct alarm over;
    struct queue_key key;
    struct span local;
    bool looking; /* the call is on its way */
    bool again;   /* something was told meanwhile: look once more */
    bool last;    /* its time is over: end, whatever is found */
    bool stopped;
};

/* PINION_INVALID: no id. PINION_BUSY: too many wait. Then nothing was begun. */
enum pinion_err job_wait_begin(struct job_wait *, struct error *why) must_use;
void            job_wait_stop(struct job_wait *); /* it ends, now or soon */

/* "done", "dead" or "cancelled"; NULL: it has not ended. */
const char *job_end_state(const struct job_view *);

#endif
