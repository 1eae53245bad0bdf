/* queue/enqueue.h — one call that makes many jobs of one queue.
 *
 * Build, send, read. The call id makes it safe to send the same request again when the reply was
 * lost: Redis remembers the answer for a minute.
 */
#ifndef PINION_QUEUE_ENQUEUE_H
#define PINION_QUEUE_ENQUEUE_H

#include <stdbool.h>
#include "queue/job.h"
#include "queue/request.h"

struct redisReply;

struct enqueue_item {
    const struct pinion_job *job;      /* borrowed, checked by job_check */
    char            local[QUEUE_NAME_MAX + 1]; /* filled by build; existing: of the one there */
    const char     *refusal;           /* filled by read: why it is busy; static, or NULL */
    enum pinion_err err;               /* filled by read; PINION_NOT_FOUND: a job of `after`, */
    unsigned        parent;            /* this one of them, from 0 */
    bool            existing;          /* under this id, or with this unique key */
    bool            closed;            /* PINION_CONFLICT: its batch takes no more */
    bool            replaced;          /* it was there and took over what this one says */
};

/* How many of the items, from the first on, go into one call: same queue, within the batch
 * limits. */
size_t enqueue_fits(const struct enqueue_item *items, size_t count);
/* `key` as of queue/key.h; now_ms is Redis's clock. */
void   enqueue_build(struct request *, struct span key, struct enqueue_item *items, size_t count,
                     int64_t now_ms);
/* Fills err and existing of every item. PINION_BUSY: none was made, each has its refusal.
 * PINION_INTERNAL: not an answer of the script. */
enum pinion_err enqueue_read(const struct redisReply *, struct enqueue_item *items, size_t count)
    must_use;

/* Says why an item was refused that has an `err`, which it gives. */
enum pinion_err enqueue_why(const struct enqueue_item *, struct error *why);

#endif
