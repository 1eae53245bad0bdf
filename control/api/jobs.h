/* control/api/jobs.h — jobs: looked at and steered, one by one. Route functions; ctx: struct
 * service. */
#ifndef PINION_CONTROL_API_JOBS_H
#define PINION_CONTROL_API_JOBS_H

#include "control/http/route.h"

route_fn job_show;
route_fn job_explain;
route_fn job_delete;
route_fn job_cancel;
route_fn job_retry;
route_fn job_run;
route_fn job_edit; /* of one that waits */

#endif
