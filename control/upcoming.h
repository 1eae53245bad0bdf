/* control/upcoming.h — when a schedule will fire, for people and programs. Pure. */
#ifndef PINION_CONTROL_UPCOMING_H
#define PINION_CONTROL_UPCOMING_H

#include <jansson.h>
#include "scheduler/schedule.h"

#define UPCOMING_DEFAULT 5
#define UPCOMING_MAX     1000

/* [{"fire_time","local","note"}]: the first `count` logical times after; local is in its zone,
 * the note as of control/zone_text.h, null if nothing is special. With jitter, "starts_at" too. */
json_t *upcoming(const struct schedule *, int64_t after_ms, uint64_t count) must_use;

#endif
