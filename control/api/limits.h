/* control/api/limits.h — setting what limits a queue. Route function; ctx: struct service. */
#ifndef PINION_CONTROL_API_LIMITS_H
#define PINION_CONTROL_API_LIMITS_H

#include "control/http/route.h"

route_fn limits_put; /* all of them anew: what the body does not name is cleared */

#endif
