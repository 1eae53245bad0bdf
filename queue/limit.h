/* queue/limit.h — limits of a queue: how many attempts at once, how many starts in a time.
 *
 * A limit stands for a scope: the queue, a kind, a group, or each group that has no limit of its
 * own. A job starts when all scopes that it is in have room. The scripts keep them, for all servers
 * together.
 */
#ifndef PINION_QUEUE_LIMIT_H
#define PINION_QUEUE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/limits.h"
#include "queue/request.h"

struct redisReply;

enum limit_scope { LIMIT_QUEUE, LIMIT_KIND, LIMIT_GROUP, LIMIT_EACH_GROUP };

struct limit {
    enum limit_scope scope;
    struct span name;         /* of the kind or group; else absent */
    bool keep_concurrency, keep_rate; /* as it was, when it is set */
    unsigned concurrency;     /* attempts at once; 0: no limit */
    unsigned count, burst;    /* starts per per_ms, burst of them at once; 0: no limit */
    uint64_t per_ms;
    int64_t  running;         /* read only: attempts that count; 0 of EACH_GROUP */
};

/* Scope, name and numbers are in their ranges. */
enum pinion_err limit_check(const struct limit *, struct error *why) must_use;

/* "100/1s": 1 .. LIMIT_VALUE_MAX starts per 1 ms .. LIMIT_PER_MAX_MS. Untouched on failure. */
enum pinion_err rate_parse(struct span, unsigned *ret_count, uint64_t *ret_per_ms,
                           struct error *why) must_use;
#define RATE_TEXT_MAX 48
const char *rate_format(unsigned count, uint64_t per_ms, char out[RATE_TEXT_MAX]);

/* At most LIMITS_MAX, each checked. `replace`: what is not named is cleared. May be repeated. */
void limit_build(struct request *, struct span key, bool replace, const struct limit limits[],
                 size_t count);
/* PINION_BUSY: nothing was changed; says why. */
enum pinion_err limit_read(const struct redisReply *, struct error *why) must_use;

/* From the answer of stats, in no order. */
size_t stats_limits(const struct redisReply *);
enum pinion_err stats_limit(const struct redisReply *, size_t i, struct limit *ret) must_use;

#endif
