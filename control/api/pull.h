/* control/api/pull.h — POST .../lease: a worker elsewhere asks for jobs, and waits for some. */
#ifndef PINION_CONTROL_API_PULL_H
#define PINION_CONTROL_API_PULL_H

#include "control/http/route.h"

#define API_LEASE_WAIT_MAX_MS 300000 /* ?wait= */

route_fn jobs_lease;

#endif
