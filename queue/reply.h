/* queue/reply.h — reading hiredis replies; only queue/ includes it. A shape that was not expected
 * reads as absent, 0 or empty: what another program wrote into Redis must not crash this one. */
#ifndef PINION_QUEUE_REPLY_H
#define PINION_QUEUE_REPLY_H

#include <hiredis/hiredis.h>
#include <stdint.h>
#include <stdlib.h>
#include "base/text.h"

static inline size_t reply_count(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_ARRAY ? r->elements : 0;
}

static inline const struct redisReply *reply_at(const struct redisReply *r, size_t i)
{
    return i < reply_count(r) ? r->element[i] : NULL;
}

static inline struct span reply_span(const struct redisReply *r)
{
    if (!r || (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS))
        return (struct span){0};
    return (struct span){r->str, (size_t)r->len};
}

/* An integer, or a string of digits; else `otherwise`. */
static inline int64_t reply_i64(const struct redisReply *r, int64_t otherwise)
{
    if (r && r->type == REDIS_REPLY_INTEGER) return r->integer;
    if (!r || r->type != REDIS_REPLY_STRING || r->len == 0) return otherwise;
    return strtoll(r->str, NULL, 10);
}

#endif
