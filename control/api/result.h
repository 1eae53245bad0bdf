/* control/api/result.h — how a job ended, waited for: GET /v1/jobs/{id}/result?wait=30s. */
#ifndef PINION_CONTROL_API_RESULT_H
#define PINION_CONTROL_API_RESULT_H

#include "control/http/route.h"

#define API_RESULT_WAIT_MAX_MS 300000

route_fn job_result; /* 200: it has ended; 202: it has not, or not in time */

#endif
