/* control/shape_on_dead.h — which kinds carry the dead jobs of a queue, as JSON. Pure.
 *
 *      {"queue": KIND, "kinds": {PATTERN: KIND}}      what is absent has none
 */
#ifndef PINION_CONTROL_SHAPE_ON_DEAD_H
#define PINION_CONTROL_SHAPE_ON_DEAD_H

#include <jansson.h>
#include "base/macros.h"

struct redisReply;

/* From an answer of stats. The caller's. */
json_t *shape_on_dead(const struct redisReply *stats) must_use;

#endif
