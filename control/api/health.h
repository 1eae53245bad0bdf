/* control/api/health.h — is it alive, is it ready, how is it? Route functions; ctx: struct
 * service. */
#ifndef PINION_CONTROL_API_HEALTH_H
#define PINION_CONTROL_API_HEALTH_H

#include "control/http/route.h"

route_fn healthz;     /* the loop turns */
route_fn readyz;      /* 503 while jobs cannot be run: Redis is down, or it starts or stops */
route_fn health_show; /* durability, Redis, server, as JSON */

#endif
