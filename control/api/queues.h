/* control/api/queues.h — queues: how full they are, and whether they run. Route functions; ctx:
 * struct service. */
#ifndef PINION_CONTROL_API_QUEUES_H
#define PINION_CONTROL_API_QUEUES_H

#include "control/http/route.h"

#define API_QUEUES_MAX 1000 /* of one page; also the default of ?limit= */

route_fn queues_list; /* ?after=NAME&limit= */
route_fn queue_show;
route_fn queue_pause;
route_fn queue_resume;
route_fn queue_bound; /* a part of shape_bounds: what is not there stays, null ends it */
route_fn queue_drain; /* ?off=true ends it */

#endif
