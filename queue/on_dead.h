/* queue/on_dead.h — which kind of job carries the dead ones of a queue. Pure.
 *
 * When a job dies, the script that ends it makes one of that kind, whose payload tells of it. What
 * is made so makes none when it dies itself. An exact kind beats a prefix, a longer prefix a
 * shorter one, and each of them the queue.
 */
#ifndef PINION_QUEUE_ON_DEAD_H
#define PINION_QUEUE_ON_DEAD_H

#include "base/error.h"
#include "queue/request.h"

#define CARRIED_BYTES_MAX (16 * 1024) /* of a dead job's payload that is carried; see die.lua */
#define ON_DEAD_MAX       1000        /* scopes of a queue that name one; see on_dead.lua */

struct redisReply;

/* The KIND of a carrier: one that a job may have, or "" for none any more. */
enum pinion_err on_dead_check(const char *kind, struct error *why) must_use;

/* Starts a call; then what to name, one by one. What is not named stays as it was. */
void on_dead_build(struct request *, struct span key);
/* `pattern`: of a handler; NULL: of the whole queue. */
void on_dead_add(struct request *, const char *pattern, const char *kind);
/* PINION_INVALID: it would be more than ON_DEAD_MAX, and nothing was changed. */
enum pinion_err on_dead_read(const struct redisReply *, struct error *why) must_use;

/* From the answer of stats, in no order. `ret_pattern` absent: of the whole queue. Borrowed. */
size_t stats_carriers(const struct redisReply *stats);
void   stats_carrier(const struct redisReply *stats, size_t i, struct span *ret_pattern,
                     struct span *ret_kind);

#endif
