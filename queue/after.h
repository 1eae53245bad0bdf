/* queue/after.h — whom a job waits for: the ids that people give, checked and spelled out. Pure. */
#ifndef PINION_QUEUE_AFTER_H
#define PINION_QUEUE_AFTER_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "include/pinion.h"

struct after_id {
    struct span queue, local; /* borrowed from the job */
};

/* The next id of `rest` ("a,mail:b"), which begins as the job's `after`; false: no more, or not an
 * id. One without a queue is of the job's own. */
bool after_next(const struct pinion_job *, struct span *rest, struct after_id *ret);
/* The i-th, from 0; as text for messages. All absent: there are fewer. */
struct after_id after_at(const struct pinion_job *, size_t i);
size_t after_count(const struct pinion_job *); /* 0: it waits for none */

/* At most PARENTS_MAX ids, each once, none the job's own; and options that want some. */
enum pinion_err after_check(const struct pinion_job *, struct error *why) must_use;

/* If it has any: `,"after":["q:a"],"any":true,"expires":MS`, for the script. */
void after_add_wish(struct buffer *, const struct pinion_job *);

#endif
