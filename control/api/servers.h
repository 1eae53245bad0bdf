/* control/api/servers.h — the servers that run jobs. Route functions; ctx: struct service. */
#ifndef PINION_CONTROL_API_SERVERS_H
#define PINION_CONTROL_API_SERVERS_H

#include <jansson.h>
#include "control/http/route.h"

#define API_SERVERS_MAX 1000 /* of one page; also the default of ?limit= */

route_fn servers_list; /* ?after=NAME&limit= */
route_fn server_quiet, server_resume, server_stop;

/* What a server says it did of late (see workers/recent.h), without the kinds of queues that the
 * caller may not see; the caller's. */
json_t *servers_recent_seen_by(const struct http_request *, const json_t *recent);

#endif
