/* control/explain.h — why a job does not run, and what would change that: for HTTP and the command
 * alike. Pure.
 *
 *     {"id","state","reason","message","hint", and what the reason is about: "due_at","attempt",
 *      "attempts_max","ahead","limit","limit_by","server","since","lease_until","error"}
 *
 * `reason` is a word of one table, which docs/concepts.md follows.
 */
#ifndef PINION_CONTROL_EXPLAIN_H
#define PINION_CONTROL_EXPLAIN_H

#include <jansson.h>
#include "control/shape.h"
#include "queue/explain.h"

struct redisReply;

struct explain_options {
    struct span        queue;
    enum shape_content content; /* without: the error of an attempt is left out */
    bool               local;   /* times in the message as people here read them, else UTC */
};

/* The caller's. `reply` is what the view was read from. */
json_t *explain_shape(const struct redisReply *reply, const struct explain_view *,
                      const struct explain_options *) must_use;

#endif
