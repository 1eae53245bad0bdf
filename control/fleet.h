/* control/fleet.h — all queues and servers at a glance, asked from Redis for whoever wants to know.
 *
 *      ask ──► next ──begin──► now ──names──► stats of each queue ──► done, for all who waited
 *
 * One look at a time, however many ask: who asks while it is under way gets the next one, so that
 * no answer is older than its question. Loop thread only.
 */
#ifndef PINION_CONTROL_FLEET_H
#define PINION_CONTROL_FLEET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/list.h"
#include "queue/look.h"

#define FLEET_CALLS_MAX 16 /* of one look, on their way at once */

struct fleet;
struct link;

struct fleet_queue {
    char name[QUEUE_NAME_MAX + 1];
    struct queue_view view;
    json_t *limits; /* see shape_limits */
};

struct fleet_view {
    struct fleet_queue *queues; /* by name */
    size_t count;
    json_t *servers; /* name -> shape; see shape_join_server */
};

/* Embed it. */
struct fleet_ask {
    /* Once, from the loop. `view` is set with PINION_OK only, and borrowed until it returns. */
    void (*done)(struct fleet_ask *, enum pinion_err, const struct fleet_view *view);
    struct list node; /* private */
};

struct fleet *fleet_new(struct link *, const char *name_space); /* both borrowed */
void fleet_free(struct fleet *); /* no look is under way; NULL: no-op */

void fleet_ask(struct fleet *, struct fleet_ask *);
void fleet_unask(struct fleet_ask *); /* `done` will not be called */
/* What was seen at most that long ago; NULL: nothing. Borrowed until the loop's next turn. */
const struct fleet_view *fleet_recent(const struct fleet *, uint64_t age_ms_max);

#endif
