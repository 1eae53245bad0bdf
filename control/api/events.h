/* control/api/events.h — GET /v1/events: live events, as Server-Sent Events or over a WebSocket. */
#ifndef PINION_CONTROL_API_EVENTS_H
#define PINION_CONTROL_API_EVENTS_H

#include "control/http/route.h"

#define EVENTS_IDLE_MS 15000 /* silence of a stream, before a comment shows that it is there */

route_fn events_follow;

#endif
