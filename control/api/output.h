/* control/api/output.h — what a job prints: while it runs, and what is kept of it. Route function;
 * ctx: struct service. */
#ifndef PINION_CONTROL_API_OUTPUT_H
#define PINION_CONTROL_API_OUTPUT_H

#include "control/http/route.h"

#define API_OUTPUT_WAIT_MAX_MS 300000
#define API_OUTPUT_ASK_MS      1000 /* without ?wait=, its server has so long to tell of it */

route_fn job_output; /* ?after=ATTEMPT,BYTES&wait= */

#endif
