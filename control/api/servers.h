/* control/api/servers.h — the servers that run jobs. Route functions; ctx: struct service. */
#ifndef PINION_CONTROL_API_SERVERS_H
#define PINION_CONTROL_API_SERVERS_H

#include "control/http/route.h"

route_fn servers_list, server_quiet, server_resume, server_stop;

#endif
