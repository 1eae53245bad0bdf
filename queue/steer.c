#include "queue/steer.h"

#include <stdlib.h>
#include "queue/key.h"
#include "queue/reply.h"

void cancel_build(struct request *r, struct span key, const struct span local_ids[], size_t count)
{
    request_script(r, SCRIPT_CANCEL, key);
    for (size_t i = 0; i < count; i++) request_add_span(r, local_ids[i]);
}

void delete_build(struct request *r, struct span key, const struct span local_ids[], size_t count)
{
    request_script(r, SCRIPT_DELETE, key);
    for (size_t i = 0; i < count; i++) request_add_span(r, local_ids[i]);
}

void requeue_build(struct request *r, struct span key, enum requeue_verb verb,
                   const struct span local_ids[], size_t count)
{
    request_script(r, SCRIPT_REQUEUE, key);
    request_add_text(r, verb == REQUEUE_RETRY ? "retry" : "run");
    for (size_t i = 0; i < count; i++) request_add_span(r, local_ids[i]);
}

struct span steer_status(const struct redisReply *reply, size_t i)
{
    return reply_span(reply_at(reply, i));
}

enum pinion_err steer_err(struct span status)
{
    if (span_is(status, "not_found")) return PINION_NOT_FOUND;
    if (span_is(status, "cancelled") || span_is(status, "marked") || span_is(status, "ready") ||
        span_is(status, "deleted") || span_is(status, "edited"))
        return PINION_OK;
    return status.data ? PINION_CONFLICT : PINION_INTERNAL;
}

void pause_build(struct request *r, struct span key, bool pause)
{
    request_script(r, SCRIPT_PAUSE, key);
    request_add_text(r, pause ? "pause" : "resume");
}

void drain_build(struct request *r, struct span key, bool drain)
{
    request_script(r, SCRIPT_PAUSE, key);
    request_add_text(r, drain ? "drain" : "undrain");
}

static void add_bound(struct request *r, const char *name, uint64_t n)
{
    if (n == BOUND_KEPT) return;
    request_add_text(r, name);
    request_add_u64(r, n);
}

void bounds_build(struct request *r, struct span key, struct bounds b)
{
    request_script(r, SCRIPT_BOUND, key);
    add_bound(r, "max_jobs", b.max_jobs);
    add_bound(r, "max_bytes", b.max_bytes);
    add_bound(r, "keep_jobs", b.keep_jobs);
    add_bound(r, "keep_ms", b.keep_ms);
}

enum pinion_err bounds_read(const struct redisReply *reply, struct bounds *ret)
{
    if (reply_count(reply) != 4) return PINION_INTERNAL;
    *ret = (struct bounds){(uint64_t)reply_i64(reply_at(reply, 0), 0),
                           (uint64_t)reply_i64(reply_at(reply, 1), 0),
                           (uint64_t)reply_i64(reply_at(reply, 2), 0),
                           (uint64_t)reply_i64(reply_at(reply, 3), 0)};
    return PINION_OK;
}

void watch_build(struct request *r, struct span key, unsigned seconds)
{
    request_script(r, SCRIPT_WATCH, key);
    request_add_u64(r, seconds);
    request_add_text(r, "w");
}

void server_tell_build(struct request *r, const char *name_space, const char *server,
                       const char *verb)
{
    char *channel = channel_of_server(name_space, server);

    request_command(r, "PUBLISH");
    request_add_text(r, channel);
    request_add_text(r, verb);
    free(channel);
}

int64_t server_told(const struct redisReply *reply)
{
    return reply_i64(reply, 0);
}
