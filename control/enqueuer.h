/* control/enqueuer.h — many jobs over a blocking connection, in as few round trips as possible.
 *
 * Used by pinion.h and by `pinion enqueue --bulk`. One thread at a time.
 */
#ifndef PINION_CONTROL_ENQUEUER_H
#define PINION_CONTROL_ENQUEUER_H

#include "base/error.h"
#include "include/pinion.h"

struct enqueue_item;
struct sync;
struct enqueuer;

struct enqueuer *enqueuer_new(struct sync *, const char *name_space); /* both borrowed */
void             enqueuer_free(struct enqueuer *);                    /* NULL: no-op */

/* Fills every ret[i]: jobs that new_job_check refuses never reach Redis, and fail no other. A call
 * without an answer is repeated (Redis remembers what it did) until `give_up_ms` have passed.
 * PINION_UNAVAILABLE: some are unknown; else PINION_OK. `why`: of the first job with an error. */
enum pinion_err enqueuer_send(struct enqueuer *, const struct pinion_job *jobs, size_t count,
                              uint64_t give_up_ms, struct pinion_enqueued *ret, struct error *why)
    must_use;

/* What became of an item, as pinion.h tells it. `err`: of the whole call. */
void enqueued_tell(struct pinion_enqueued *ret, const struct enqueue_item *, enum pinion_err err);

#endif
