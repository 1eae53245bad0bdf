/* control/shape_limits.h — limits of a queue as JSON: as they are shown, and as they are set. Pure.
 *
 *      {"queue": LIMIT, "kinds": {KIND: LIMIT}, "groups": {GROUP: LIMIT}, "each_group": LIMIT}
 *      LIMIT: {"concurrency": 5, "rate": "100/1s", "burst": 10}, and "running" where it is shown
 *
 * What is absent is not limited.
 */
#ifndef PINION_CONTROL_SHAPE_LIMITS_H
#define PINION_CONTROL_SHAPE_LIMITS_H

#include <jansson.h>
#include "queue/limit.h"

/* From an answer of stats. The caller's. */
json_t *shape_limits(const struct redisReply *stats) must_use;

/* At most LIMITS_MAX; each is checked. The names borrow from the JSON. */
struct limits {
    struct limit *limits;
    size_t        count;
};
enum pinion_err limits_read(const json_t *, struct limits *ret, struct error *why) must_use;
void            limits_deinit(struct limits *);

#endif
