#include "queue/on_dead.h"

#include <stdio.h>
#include "queue/key.h"
#include "queue/limits.h"
#include "queue/reply.h"

enum pinion_err on_dead_check(const char *kind, struct error *why)
{
    if (!*kind || kind_ok(span_of(kind))) return PINION_OK;
    return error_set(why, PINION_INVALID,
                     "on-dead: expected a kind of 1 to %d of A-Z a-z 0-9 . _ : / -, or nothing for "
                     "none, not '%.60s'",
                     KIND_MAX, kind);
}

void on_dead_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_ON_DEAD, key);
}

void on_dead_add(struct request *r, const char *pattern, const char *kind)
{
    char scope[sizeof "kind:*" + KIND_MAX] = "queue";

    if (pattern) snprintf(scope, sizeof scope, "kind:%s", pattern);
    request_add_text(r, scope);
    request_add_text(r, kind);
}

enum pinion_err on_dead_read(const struct redisReply *reply, struct error *why)
{
    struct span status = reply_span(reply_at(reply, 0));

    if (span_is(status, "ok")) return PINION_OK;
    if (span_is(status, "full"))
        return error_set(why, PINION_INVALID,
                         "on-dead: expected at most %d kinds of a queue that name one",
                         ON_DEAD_MAX);
    return error_set(why, PINION_INTERNAL, "an answer that this version does not understand");
}

/* SCOPE, KIND ... */
static const struct redisReply *carriers(const struct redisReply *stats)
{
    return reply_at(stats, 7);
}

size_t stats_carriers(const struct redisReply *stats)
{
    return reply_count(carriers(stats)) / 2;
}

void stats_carrier(const struct redisReply *stats, size_t i, struct span *ret_pattern,
                   struct span *ret_kind)
{
    struct span name = reply_span(reply_at(carriers(stats), 2 * i)), scope = span_cut(&name, ':');

    *ret_pattern = span_is(scope, "kind") ? name : (struct span){0};
    *ret_kind = reply_span(reply_at(carriers(stats), 2 * i + 1));
}
