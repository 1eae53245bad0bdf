/* queue/steer.h — what people change: cancel, delete, retry, run now, pause, resume; and following
 * events. */
#ifndef PINION_QUEUE_STEER_H
#define PINION_QUEUE_STEER_H

#include <stdbool.h>
#include "base/error.h"
#include "queue/request.h"

struct redisReply;

enum requeue_verb { REQUEUE_RETRY, REQUEUE_RUN };

void cancel_build(struct request *, struct span key, const struct span local_ids[], size_t count);
/* All but active jobs are gone at once, whatever their retention. */
void delete_build(struct request *, struct span key, const struct span local_ids[], size_t count);
/* RETRY: dead, cancelled or kept done jobs become ready anew. RUN: scheduled or retrying, now. */
void requeue_build(struct request *, struct span key, enum requeue_verb,
                   const struct span local_ids[],
                   size_t count);
/* One per id: "cancelled", "marked" (its worker is told), "deleted", "ready", "edited", or why
 * nothing was changed: "not_found", "held" (another job has its unique key) or the name of a state
 * that does not allow it. */
struct span steer_status(const struct redisReply *, size_t i);
enum pinion_err steer_err(struct span status); /* PINION_OK, PINION_NOT_FOUND or PINION_CONFLICT */

void pause_build(struct request *, struct span key, bool pause);
/* No new jobs are taken, or again. A resume ends it, too. */
void drain_build(struct request *, struct span key, bool drain);

/* To one server, by its channel: "quiet", "resume" or "stop". Answers how many heard it. */
void    server_tell_build(struct request *, const char *name_space, const char *server,
                          const char *verb);
int64_t server_told(const struct redisReply *);

/* How much a queue may hold before it refuses new jobs, and how much it keeps of what ended
 * badly. */
struct bounds {
    uint64_t max_jobs;  /* that have not ended; 0: no bound */
    uint64_t max_bytes; /* of memory for all records, as Redis estimates it; 0: no bound */
    uint64_t keep_jobs; /* of the dead, and of the cancelled; 0: KEEP_JOBS_DEFAULT */
    uint64_t keep_ms;   /* how long; 0: KEEP_DEFAULT_MS */
};
#define BOUND_KEPT UINT64_MAX /* leaves one as it is */
#define BOUNDS_KEPT ((struct bounds){BOUND_KEPT, BOUND_KEPT, BOUND_KEPT, BOUND_KEPT})
#define KEEP_JOBS_DEFAULT 100000
#define KEEP_DEFAULT_MS   (UINT64_C(30) * 86400000)
void bounds_build(struct request *, struct span key, struct bounds);
enum pinion_err bounds_read(const struct redisReply *, struct bounds *ret) must_use;
void watch_build(struct request *, struct span key, unsigned seconds);

#endif
