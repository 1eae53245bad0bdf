/* control/api/metrics.h — metrics for Prometheus, text format 0.0.4. Route function; ctx: struct
 * service.
 *
 * What this process counts is always there. What the queues hold is asked from Redis, at most once
 * a second, and left out where Redis does not answer within METRICS_WAIT_MS: no scrape hangs.
 */
#ifndef PINION_CONTROL_API_METRICS_H
#define PINION_CONTROL_API_METRICS_H

#include "control/http/route.h"

#define METRICS_AGE_MS  1000
#define METRICS_WAIT_MS 1000

route_fn metrics_show;

#endif
