/* control/events/counts.h — how many jobs of each queue came to each state, for thousands of
 * queues. Pure.
 *
 * A count is found in the same time among thousands as among ten: each change of a job that is only
 * counted asks for one, and so does each frame that is made of it.
 */
#ifndef PINION_CONTROL_EVENTS_COUNTS_H
#define PINION_CONTROL_EVENTS_COUNTS_H

#include <stddef.h>
#include <stdint.h>
#include "base/text.h"
#include "queue/limits.h"

/* States of jobs and "deleted": what is counted. */
#define EVENT_STATES 9

/* How many more jobs of a queue came to each state. */
struct event_count {
    char     queue[QUEUE_NAME_MAX + 1];
    uint32_t jobs[EVENT_STATES];
};

struct event_counts { /* zeros: none; read-only */
    struct event_count *items; /* in the order in which they were first asked for */
    size_t count;
    /* private */
    size_t room, last; /* last: that was asked for */
    uint32_t *slots;   /* places in `items` and 1, by the hash of the queue's name; 0: free */
    size_t slots_count;
};

/* That of the queue, made of zeros when it is the first time; valid until the next call. NULL: it
 * would be one more than `max`, or has no name of a queue. */
struct event_count *event_counts_of(struct event_counts *, struct span queue, size_t max);
size_t event_counts_bytes(const struct event_counts *); /* beyond the struct */
void   event_counts_deinit(struct event_counts *);

#endif
