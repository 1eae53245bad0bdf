/* tests/flow/pull_world.h — what a worker elsewhere says to the service of api_world. */
#ifndef PINION_TESTS_FLOW_PULL_WORLD_H
#define PINION_TESTS_FLOW_PULL_WORLD_H

#include "tests/flow/api_world.h"

struct workers_totals;

#define LEASE "/v1/queues/default/lease"
#define JOBS  "/v1/queues/default/jobs"

char *enqueue(const char *body); /* the id; the caller's, as are all json_t */

/* `query`: what follows the ?. It must be answered with 200. */
void send_lease(struct visitor *, const char *query);
json_t *read_lease(struct visitor *);
json_t *lease(const char *query);
size_t count_of(const json_t *leased);
const json_t *item_of(const json_t *leased, size_t i);

/* POST /v1/jobs/ID/VERB with the token of that lease, and more: `,"key":value`. */
json_t *say(unsigned status, const json_t *item, const char *verb, const char *more);
/* The same; the text at `path` of the answer contains the value. */
void say_so(unsigned status, const json_t *item, const char *verb, const char *more,
            const char *path, const char *value);

unsigned waiting(void); /* who wait for jobs */
const struct workers_totals *totals(void);

#endif
