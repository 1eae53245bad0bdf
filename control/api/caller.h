/* control/api/caller.h — who asks, and what for: GET /v1/caller. Route function; ctx: struct
 * service. */
#ifndef PINION_CONTROL_API_CALLER_H
#define PINION_CONTROL_API_CALLER_H

#include "control/http/route.h"

route_fn caller_show;

#endif
