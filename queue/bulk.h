/* queue/bulk.h — one step of changing all jobs of a state that pass a filter.
 *
 * A step takes Redis a few milliseconds at most, so others are served between steps. Each is safe
 * to repeat, and so is the whole: what was changed is not in that state any more. Jobs that come to
 * the state after the first step are left alone.
 */
#ifndef PINION_QUEUE_BULK_H
#define PINION_QUEUE_BULK_H

#include <stdbool.h>
#include "queue/filter.h"

struct redisReply;

enum bulk_verb { BULK_RETRY, BULK_CANCEL, BULK_DELETE, BULK_VERBS };

extern const char *const bulk_names[BULK_VERBS]; /* "retry" "cancel" "delete" */
/* Is that a state which the verb changes? */
bool bulk_changes(enum bulk_verb, struct span state);

struct bulk_step {
    uint64_t looked, changed;
    struct span next; /* cursor of the next step, "" at the end; borrows from the reply */
};

/* `cursor` absent: the first step. */
void bulk_build(struct request *, struct span key, enum bulk_verb, struct span state,
                const struct job_filter *, struct span cursor);
enum pinion_err bulk_read(const struct redisReply *, struct bulk_step *ret) must_use;

#endif
