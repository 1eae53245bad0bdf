/* cli/top/model.h — what `pinion top` knows: two looks at the whole, and the rates between. Pure.
 *
 *     {"at", "queues": [queue + "state" + "rates": {"window_ms","enqueued","done","failed"}],
 *      "kinds": [{"queue","kind","running","done","failed","p50_ms","p99_ms"}] of the last minute,
 *      summed over the servers, of whose percentiles the largest counts,
 *      "servers": [server + "seen_ago_ms"], "schedules": [schedule + "next_in_ms"], the soonest
 *      first, "sum": {"counts","rates","oldest_ready_ms","running","concurrency","lost"}}
 *
 * Shapes are those of control/shape.h. A rate is null until there is something to compare with.
 */
#ifndef PINION_CLI_TOP_MODEL_H
#define PINION_CLI_TOP_MODEL_H

#include <jansson.h>
#include "control/fleet.h"

struct model {
    json_t *now;    /* read-only; NULL before the first look */
    json_t *before; /* private: queue -> its totals, and when */
};

void model_deinit(struct model *); /* zeroed is a good start */
/* All is borrowed. `now_ms`: by Redis's clock, or the nearest that is known. */
void model_look(struct model *, const struct fleet_view *, const json_t *schedules, int64_t now_ms);

#endif
