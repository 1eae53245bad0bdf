/* control/job_set.h — the jobs of one caller, of whatever queues, on their way through the
 * submitter.
 *
 *      check: each is right or wrong ──► submit: those that are right, cut by queue ──► done
 *
 * Those that are wrong never reach Redis, and fail no other. Loop thread only.
 */
#ifndef PINION_CONTROL_JOB_SET_H
#define PINION_CONTROL_JOB_SET_H

#include <stdbool.h>
#include "base/error.h"

struct job_set;
struct job_set_part;
struct enqueue_item;
struct submitter;

typedef void job_set_fn(struct job_set *);

/* Embed it. It, the jobs and `ret` stay put until `done`. */
struct job_set {
    const struct pinion_job *jobs; /* yours to fill, up to `done`; borrowed */
    size_t count;
    struct pinion_enqueued *ret;   /* of each */
    job_set_fn *done;              /* once, from the loop */

    struct error why;              /* of the first job with an error */
    bool unknown;                  /* some had no answer: PINION_UNAVAILABLE */

    struct job_set_part *parts;    /* private from here on */
    struct enqueue_item *items;
    size_t *at;
    size_t unanswered;
};

void job_set_check(struct job_set *);                      /* fills the `err` of each, and `why` */
bool job_set_submit(struct job_set *, struct submitter *); /* false: none is right; no `done` */
void job_set_deinit(struct job_set *);                     /* in `done`, or later */

#endif
