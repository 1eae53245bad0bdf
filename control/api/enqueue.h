/* control/api/enqueue.h — jobs made over HTTP: one, or an array. The route's ctx: struct service.
 *
 * The whole body is checked before anything is made. Idempotency-Key is the job's id in its queue;
 * of an array, item N gets the id KEY-N, N from 0, unless it names one itself.
 */
#ifndef PINION_CONTROL_API_ENQUEUE_H
#define PINION_CONTROL_API_ENQUEUE_H

#include "base/error.h"
#include "base/text.h"
#include "control/new_job.h"
#include "control/http/route.h"

#define API_NEW_JOBS_MAX 10000 /* of one array */

route_fn jobs_enqueue;

/* What a body asks for. Pure; also for fuzzing. */
struct new_jobs {
    struct new_job *jobs;
    size_t count; /* 0: an empty array */
    bool array;
    char (*ids)[QUEUE_NAME_MAX + 1]; /* private: those made of the key */
};

/* `queue`, a good name, is where they go; `key` absent: none. PINION_INVALID or PINION_TOO_LARGE:
 * `why` names the item of an array. deinit is due only for what went well. */
enum pinion_err new_jobs_read(struct span body, const char *queue, struct span key,
                              struct new_jobs *ret_jobs, struct error *why) must_use;
void new_jobs_deinit(struct new_jobs *);

#endif
