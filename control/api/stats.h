/* control/api/stats.h — sums over all queues, and this server. The route's ctx: struct service. */
#ifndef PINION_CONTROL_API_STATS_H
#define PINION_CONTROL_API_STATS_H

#include "control/http/route.h"

route_fn stats_show;

#endif
