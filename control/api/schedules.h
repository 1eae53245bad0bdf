/* control/api/schedules.h — schedules over HTTP. The routes' ctx: struct service. */
#ifndef PINION_CONTROL_API_SCHEDULES_H
#define PINION_CONTROL_API_SCHEDULES_H

#include "control/http/route.h"

route_fn schedules_list, schedule_get, schedule_put, schedule_delete, schedule_pause,
    schedule_resume, schedule_run, schedule_backfill, schedule_upcoming;

#endif
