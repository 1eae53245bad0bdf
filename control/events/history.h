/* control/events/history.h — what happened lately, moment by moment, so that a frame can be made of
 * any stretch of it. Pure: it sees no clock.
 *
 *      moment 41 | moment 42 | moment 43 (open: what happens now is added to it)
 *
 * A moment holds the first changes of jobs as events, MOMENT_JOBS_MAX or MOMENT_BYTES_MAX of them,
 * and of all others how many they were; what jobs tell of their progress is left out beyond that.
 * Other events always stand in it, and its owner closes it when it has MOMENT_OTHERS_BYTES of them.
 * The oldest moments are forgotten, beyond HISTORY_BYTES_MAX or after HISTORY_MS.
 */
#ifndef PINION_CONTROL_EVENTS_HISTORY_H
#define PINION_CONTROL_EVENTS_HISTORY_H

#include <stdint.h>
#include "base/list.h"
#include "control/events/counts.h"
#include "control/events/filter.h"

#define MOMENT_JOBS_MAX   512
#define MOMENT_BYTES_MAX  (64u << 10)
#define MOMENT_OTHERS_BYTES (32u << 10)
#define MOMENT_COUNTS_MAX 4096 /* queues whose jobs are counted; of others, nothing is told */
#define HISTORY_BYTES_MAX (4u << 20)
#define HISTORY_MS        60000

extern const char *const event_states[EVENT_STATES];
int event_state(struct span word); /* its place; -1: it is none */

struct history;

struct event {
    enum event_type type;
    int state; /* of EVENT_JOB */
    struct span queue, kind, json; /* absent queue, kind: it has none; json: a whole object */
};

struct history *history_new(void);
void            history_free(struct history *); /* NULL: no-op */

/* To the open moment. A change of a job that finds no place there is counted instead. */
void history_add(struct history *, const struct event *);
void history_count(struct history *, struct span queue, int state, uint32_t jobs);
bool history_is_full(const struct history *); /* further changes of jobs would only be counted */
bool history_is_large(const struct history *); /* to be closed */
bool history_is_open(const struct history *); /* something was added to the open moment */
/* Ends the open moment, if there is anything in it, and forgets what is old. */
void history_close(struct history *, uint64_t mono_ms);

uint64_t history_last(const struct history *); /* the last closed moment; 0: none was */
/* Is everything still there that happened after the moment `seq`? */
bool history_reaches(const struct history *, uint64_t seq);

/* The last moment up to `to` so that what is not of jobs in those after `from` has at most that
 * many bytes; always one at least, if there is one. */
uint64_t history_stretch(const struct history *, uint64_t from, uint64_t to, size_t bytes_max);

/* Where a walk through the closed moments goes on. What is forgotten meanwhile, it passes over. */
struct history_at {
    uint64_t seq; /* of the moment */
    size_t place; /* in it */
};

typedef void history_event_fn(void *ctx, const struct event *);
typedef void history_count_fn(void *ctx, const struct event_count *); /* NULL: not wanted */

/* The next `max` events and counts at the most, up to the end of the moment `to`. Gives how many
 * they were. It is done when at->seq is greater than `to`. */
size_t history_walk(const struct history *, struct history_at *, uint64_t to, size_t max,
                    history_event_fn *, history_count_fn *, void *ctx);

#endif
