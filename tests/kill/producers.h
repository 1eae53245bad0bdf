/* tests/kill/producers.h — clients in threads of their own that repeat what was left unanswered.
 *
 * Every second one gives its jobs ids and a short patience, and so repeats its calls itself; the
 * others leave ids and repeating to the library. All jobs go to the queue "default".
 */
#ifndef PINION_TESTS_KILL_PRODUCERS_H
#define PINION_TESTS_KILL_PRODUCERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/kill/history.h"

#define PRODUCERS_MAX    8
#define PRODUCER_BATCH   8   /* jobs in one call, at most */
#define PRODUCER_WORK_MS 250 /* a job takes less than that */

struct producers;

struct producers_options {
    const char *redis_url;
    unsigned threads;
    size_t jobs;      /* at most, of all threads together */
    uint64_t pace_ms; /* mean rest between two calls of one thread */
    uint64_t seed;
    bool pulled;          /* some are for workers elsewhere: see pullers.h */
    unsigned batches;     /* each job is in one of so many; 0: in none */
    unsigned unique_keys; /* each command has one of so many; 0: none has. Then the library repeats
                           * all calls */
};

struct producers *producers_start(const struct producers_options *);
/* No new jobs; waits until those that were begun are accepted, adds an ACCEPTED for each to the
 * history, frees. Gives how many calls the clients themselves had to repeat. */
size_t producers_finish(struct producers *, struct history *);

#endif
