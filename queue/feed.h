/* queue/feed.h — following a queue as a whole: asking to be told, and reading what is told. Pure.
 *
 * Scripts tell on the queue's channel (channel_of_feed) what became of jobs, while somebody asks
 * for it: how many, and of few of them which. So a busy queue costs its followers little.
 */
#ifndef PINION_QUEUE_FEED_H
#define PINION_QUEUE_FEED_H

#include <stdbool.h>
#include "base/error.h"
#include "queue/request.h"

/* To be told for so many seconds; `kinds`: of what kind the jobs are, too. */
void follow_build(struct request *, struct span key, unsigned seconds, bool kinds);

/* `word` is a state, "deleted", or "progress"; or, with no job, what happened to the queue itself:
 * "pause", "resume", "drain", "undrain", "limits". */
struct feed_note {
    struct span word;
    uint64_t    count; /* jobs; some or all of them are named */
    struct span jobs;  /* for feed_next */
};

/* A time of a schedule came. */
struct feed_fire {
    struct span schedule, outcome; /* outcome: as in the schedule's history */
    int64_t     at_ms;             /* when it was due */
    struct span job;               /* local id; absent: none was made */
};

/* Each borrows from `text`. PINION_INVALID: it is nothing of the kind. */
enum pinion_err feed_note_read(struct span text, struct feed_note *ret) must_use;
enum pinion_err feed_fire_read(struct span text, struct feed_fire *ret) must_use;
/* The next job that is named; false: no more. The kind may be absent. */
bool feed_next(struct feed_note *, struct span *ret_local, struct span *ret_kind);

#endif
