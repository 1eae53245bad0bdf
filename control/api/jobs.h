/* control/api/jobs.h — jobs: looked at, listed, steered. Route functions; ctx: struct service. */
#ifndef PINION_CONTROL_API_JOBS_H
#define PINION_CONTROL_API_JOBS_H

#include "control/http/route.h"

#define API_JOBS_DEFAULT   100 /* of one page */
#define API_JOBS_MAX       1000
#define API_JOBS_BYTES_MAX (1024 * 1024) /* of payloads; the page ends behind what passes them */
#define API_JOBS_CALLS_MAX 32            /* of one page: a rare kind is looked for in steps */

route_fn jobs_list; /* ?state=&kind=&after=&limit= */
route_fn job_show;
route_fn job_explain;
route_fn job_delete;
route_fn job_cancel;
route_fn job_retry;
route_fn job_run;
route_fn job_edit; /* of one that waits */

#endif
