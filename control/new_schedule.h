/* control/new_schedule.h — the JSON shape "schedule", as people give it: a body on HTTP, flags of
 * the command, a section of the config file, a line of a crontab. Pure.
 *
 * Timing (scheduler/schedule.h) and what its jobs are (control/new_job.h) in one object: each key
 * belongs to one of them, an unknown one is refused by name.
 */
#ifndef PINION_CONTROL_NEW_SCHEDULE_H
#define PINION_CONTROL_NEW_SCHEDULE_H

#include "base/error.h"
#include "base/text.h"
#include "control/new_job.h"
#include "scheduler/schedule.h"

struct new_schedule {
    struct schedule *schedule;
    struct new_job   job;    /* its queue is the schedule's */
    char            *timing; /* schedule_timing() */
};

bool            schedule_name_ok(struct span); /* [A-Za-z0-9._-]{1,64} */
enum pinion_err schedule_name_check(struct span, struct error *why) must_use;
enum pinion_err new_schedule_read(struct span name, struct span json, struct zone_cache *,
                                  struct new_schedule *ret, struct error *why) must_use;
void            new_schedule_deinit(struct new_schedule *);

/* What schedule_set wants, borrowed from it; now_ms: Redis's clock. */
struct schedule_set new_schedule_set(const struct new_schedule *, int64_t now_ms);

/* The shape, of what Redis keeps: the caller's. Payload only SHAPE_WITH_CONTENT. */
json_t *shape_schedule(const struct schedule_view *, struct span queue, bool with_content) must_use;
/* A fire of its history, with times as RFC 3339 and lateness_ms. */
json_t *shape_fire(struct span history_item, struct span queue) must_use;

#endif
