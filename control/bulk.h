/* control/bulk.h — changing all jobs of a queue that pass a filter, step after step. Pure.
 *
 *      init ──► build ──► (Redis) ──► read ──► more? ──► build ...
 *                                      └──────► no, or enough: bulk_cursor() tells where to go on
 *
 * Who asks Redis, and waits how, is the caller's business. Others are served between steps.
 */
#ifndef PINION_CONTROL_BULK_H
#define PINION_CONTROL_BULK_H

#include <jansson.h>
#include <stdbool.h>
#include "base/buffer.h"
#include "queue/bulk.h"

struct bulk_options {
    enum bulk_verb verb;
    bool all_states;          /* a purge: without a state, all that the verb changes */
    struct span queue, state; /* borrowed; state absent: refused, or as said above */
    struct job_filter filter; /* borrowed */
    struct span after;        /* the cursor of a former run; absent: from the start */
};

struct bulk {
    struct bulk_options o;
    size_t state, state_end; /* of job_states; state_end itself is no more looked at */
    struct span place;       /* cursor within the state; absent: its start */
    struct buffer place_room;
    uint64_t looked, changed; /* so far */
};

/* PINION_INVALID: a bad name, filter or cursor, or a state that the verb does not change; deinit is
 * due all the same. */
enum pinion_err bulk_init(struct bulk *, const struct bulk_options *, struct error *why) must_use;
void bulk_deinit(struct bulk *);

bool bulk_more(const struct bulk *);
void bulk_step_build(const struct bulk *, struct request *, struct span key);
enum pinion_err bulk_step_read(struct bulk *, const struct redisReply *) must_use;
/* Where to go on (the caller's); NULL: it is at the end. */
char *bulk_cursor(const struct bulk *) must_use;

/* {"queue","verb","looked","changed","next"} */
json_t *shape_bulk(const struct bulk *);

#endif
