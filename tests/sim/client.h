/* tests/sim/client.h — what people and programs do to the queue of a simulation, at times of their
 * own. */
#ifndef PINION_TESTS_SIM_CLIENT_H
#define PINION_TESTS_SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include "include/pinion.h"
#include "queue/limit.h"
#include "tests/sim/world.h"

/* At once. The queue is set; zero fields are defaults. */
void client_enqueue(const struct pinion_job *, unsigned count);
/* The same, but the answer is lost and the call is repeated. */
void client_enqueue_twice(const struct pinion_job *);
void client_cancel(const char *local_id);
void client_pause(bool);
/* So many of the jobs that come, all of which must be in that scope, run at once. */
void client_limit(const struct limit *);

/* Something that happens as one event of its own: on its way from now on, as a message would be, or
 * (in_us not 0) at that time. Freed when it has happened. */
typedef void client_fn(void *ctx);
void client_soon(client_fn *, void *ctx);
void client_at(uint64_t in_us, client_fn *, void *ctx);

#endif
