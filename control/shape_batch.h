/* control/shape_batch.h — a batch as JSON, the same for the command and HTTP. Pure.
 *
 *      {"batch","queue","state","total","done","dead","cancelled","deleted","pending",
 *       "opened_at","closed_at","completed_at","on_complete"}
 */
#ifndef PINION_CONTROL_SHAPE_BATCH_H
#define PINION_CONTROL_SHAPE_BATCH_H

#include <jansson.h>
#include "queue/batch.h"

/* on_complete: the id of the job that is made when it is complete, or null. */
json_t *shape_batch(const struct batch_view *, struct span queue) must_use;
/* All of a page. */
json_t *shape_batches(const struct redisReply *list, struct span queue) must_use;

#endif
