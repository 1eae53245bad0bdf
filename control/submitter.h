/* control/submitter.h — jobs to be made, from many requests: one call a queue and turn of the loop.
 *
 *      submit ──► pending of its queue ──end of the turn──► calls of at most a batch ──► done
 *
 * While SUBMIT_CALLS_MAX calls of a queue are on their way, what comes waits and travels together:
 * the busier Redis is, the larger the batches. A call whose connection was lost ends as
 * PINION_UNAVAILABLE, and what it did is unknown; unless calls are repeated:
 *
 *      sent ──lost──► kept ──connected again──► sent, as it was: Redis remembers what it did
 *                      └────the time is over──► done
 *
 * Loop thread only.
 */
#ifndef PINION_CONTROL_SUBMITTER_H
#define PINION_CONTROL_SUBMITTER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "base/text.h"
#include "queue/enqueue.h"

#define SUBMIT_CALLS_MAX  4
#define SUBMIT_QUEUES_MAX 1024 /* remembered as registered while nothing is pending in them */

/* Since it was sent first: Redis remembers a call's answer for 60 s. */
#define SUBMIT_REPEAT_MAX_MS 50000

struct ev_loop;
struct link;
struct ticker;
struct submission;
struct submitter;

/* Every item has its `err`, and `existing` and `local` where that is PINION_OK. */
typedef void submission_fn(struct submission *);

/* Embed it. It and its items stay put until `done`, which is called once, from the loop. */
struct submission {
    struct enqueue_item *items; /* at least one; jobs of one queue, each checked */
    size_t count;
    submission_fn *done;
    size_t sent, left; /* private from here on */
    struct list node;
};

typedef int64_t submit_now_fn(void *ctx); /* Redis's clock, in milliseconds */

struct submitter *submitter_new(struct ev_loop *, struct link *, const char *name_space,
                                submit_now_fn *, void *ctx);
void submitter_free(struct submitter *); /* nothing is pending or in flight; NULL: no-op */
/* The link has a connection. Another Redis, perhaps: queues are registered anew. What was lost and
 * kept is sent again. */
void submitter_up(struct submitter *);

/* From here on calls are repeated that lose their connection, if there is another one within
 * `patience_ms` (0: no longer repeated). The ticker is borrowed until submitter_free. */
void submitter_repeat(struct submitter *, struct ticker *, uint64_t patience_ms);
/* There will be no other connection: what is kept ends, from the loop. */
void submitter_give_up(struct submitter *);

void submitter_submit(struct submitter *, struct submission *);
/* So that listings find the queue; sent once per connection, before what is sent from here on. */
void submitter_register(struct submitter *, struct span queue);
/* Sends what is pending. The loop does it before it sleeps. */
void submitter_flush(struct submitter *);
bool submitter_is_idle(const struct submitter *); /* nothing is pending or in flight */

#endif
