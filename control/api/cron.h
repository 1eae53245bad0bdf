/* control/api/cron.h — a cron expression in words, and its next times. Route function; ctx: struct
 * service. */
#ifndef PINION_CONTROL_API_CRON_H
#define PINION_CONTROL_API_CRON_H

#include "control/http/route.h"

route_fn cron_show; /* ?spec=&tz=&dst=&from=&count=&name=; asks no Redis */

#endif
