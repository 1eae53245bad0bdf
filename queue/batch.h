/* queue/batch.h — batches: jobs of one queue whose ends are counted together. Pure.
 *
 * A batch begins with its first member, or when it is opened. It is complete when it was closed and
 * the last member has ended, however; then the job that it was opened with is made, once.
 */
#ifndef PINION_QUEUE_BATCH_H
#define PINION_QUEUE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "include/pinion.h"
#include "queue/request.h"

#define BATCH_PAGE_MAX 1000 /* batches that a page is asked for; Redis may give some more */

struct redisReply;

/* A member's wish, NAME or QUEUE:NAME, is well formed and names its own queue. */
enum pinion_err batch_check(const struct pinion_job *, struct error *why) must_use;
/* Of a job that has one, checked; without its queue. */
struct span batch_name(const struct pinion_job *);
/* PINION_INVALID: not a name of a batch; says what was expected. */
enum pinion_err batch_name_check(struct span, struct error *why) must_use;

struct batch_view {
    struct span name, job;  /* borrowed from the reply; job: LOCAL of what is made when it is
                             * complete, absent: none */
    uint64_t total, done, dead, cancelled, deleted; /* members by their end */
    uint64_t pending;                               /* that have not ended */
    int64_t opened_ms, closed_ms, completed_ms;     /* 0: not yet */
};
const char *batch_state(const struct batch_view *); /* "open", "closed" or "complete" */

/* `job`, checked, is made when the batch is complete; of it, kind and payload count. NULL: none.
 * now_ms: Redis's clock. May be repeated. */
void batch_open_build(struct request *, struct span key, struct span name,
                      const struct pinion_job *job, int64_t now_ms);
/* PINION_CONFLICT: it makes another job, or is closed and makes none. *ret_existing: it was so. */
enum pinion_err batch_open_read(const struct redisReply *, struct span name, bool *ret_existing,
                                struct error *why) must_use;

/* May be repeated. */
void batch_close_build(struct request *, struct span key, struct span name);
/* PINION_NOT_FOUND. *ret_existing: it was closed already. */
enum pinion_err batch_close_read(const struct redisReply *, struct span name,
                                 struct batch_view *ret, bool *ret_existing, struct error *why)
    must_use;

void batch_show_build(struct request *, struct span key, struct span name);
enum pinion_err batch_show_read(const struct redisReply *, struct span name, struct batch_view *ret,
                                struct error *why) must_use;

/* A page in no order; cursor absent: the first. */
void batch_list_build(struct request *, struct span key, struct span cursor, uint64_t limit);
size_t batch_list_count(const struct redisReply *);
enum pinion_err batch_list_item(const struct redisReply *, size_t i, struct batch_view *ret)
    must_use;
struct span batch_list_next(const struct redisReply *); /* a cursor; empty: that was all */

#endif
