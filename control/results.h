/* control/results.h — who waits for the end of a job, told by the events of its queue.
 *
 *      first waiter of a queue ──► subscribe, ask for events ──► a word to look: events come now
 *      `done ID ...`           ──► a word to look, to those who wait for that job
 *      last waiter leaves      ──► unsubscribe; Redis stops publishing by itself
 *
 * A message may be lost, and a Redis that came back may not publish: all are told to look when the
 * subscription is made anew, and when events are asked for again. Loop thread only.
 */
#ifndef PINION_CONTROL_RESULTS_H
#define PINION_CONTROL_RESULTS_H

#include <stdbool.h>
#include "base/error.h"
#include "base/list.h"
#include "base/text.h"
#include "queue/limits.h"

#define RESULT_WAITS_MAX 1000 /* at once */

struct link;
struct results;
struct result_queue;
struct ticker;

/* Embed it. `look`: the job may have ended, or (`stop`) waiting is over: the server stops. */
struct result_wait {
    void (*look)(struct result_wait *, bool stop);
    struct span local;          /* borrowed while it waits */
    struct list node;           /* private from here on */
    struct result_queue *queue;
};

struct results *results_new(struct link *, struct ticker *, const char *name_space);
void            results_free(struct results *); /* nobody waits; NULL: no-op */

/* PINION_BUSY: RESULT_WAITS_MAX wait already. `look` is called from the loop only. */
enum pinion_err results_wait(struct results *, struct span queue, struct result_wait *) must_use;
void            results_leave(struct results *, struct result_wait *);

/* From the link: a channel of events, or any other (no-op). */
void results_message(struct results *, struct span channel, struct span text);
void results_up(struct results *);   /* connected again: asks for events anew; NULL: no-op */
void results_look(struct results *); /* the subscriptions were made anew; NULL: no-op */
void results_stop(struct results *); /* ends all waits; NULL: no-op */

#endif
