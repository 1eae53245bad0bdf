/* control/api/outcome.h — what a worker elsewhere says of jobs that it pulled: one, or many. */
#ifndef PINION_CONTROL_API_OUTCOME_H
#define PINION_CONTROL_API_OUTCOME_H

#include "control/http/route.h"

/* POST /v1/jobs/{id}/ack ... */
route_fn job_ack, job_fail, job_extend, job_progress;
/* POST /v1/queues/{queue}/ack ...: an array, and an answer for each. At most BATCH_ITEMS_MAX, with
 * BATCH_BYTES_MAX of results and errors. */
route_fn jobs_ack, jobs_fail, jobs_extend;

#endif
