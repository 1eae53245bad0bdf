#include "queue/upkeep.h"

#include <stdlib.h>
#include "queue/key.h"
#include "queue/limits.h"
#include "queue/reply.h"

void heartbeat_build(struct request *r, struct span key, const char *server, const char *about,
                     const char *channel, unsigned memory_mark, const char *const patterns[],
                     size_t count)
{
    request_script(r, SCRIPT_HEARTBEAT, key);
    request_add_text(r, server);
    request_add_text(r, about);
    request_add_text(r, channel);
    request_add_u64(r, memory_mark);
    for (size_t i = 0; i < count; i++) request_add_text(r, patterns[i]);
}

enum pinion_err heartbeat_read(const struct redisReply *reply, struct heartbeat *ret)
{
    if (reply_count(reply) != 10) return PINION_INTERNAL;
    *ret = (struct heartbeat){
        .now_us = reply_i64(reply_at(reply, 0), 0),
        .seat = (int)reply_i64(reply_at(reply, 1), -1),
        .heard = reply_i64(reply_at(reply, 2), 0) > 0,
        .claimable = reply_i64(reply_at(reply, 3), 0) == 1,
        .next_due_ms = reply_i64(reply_at(reply, 4), UPKEEP_NEVER),
        .lease_end_us = reply_i64(reply_at(reply, 5), UPKEEP_NEVER),
        .sweep = reply_i64(reply_at(reply, 6), 0) == 1,
        .idle = reply_i64(reply_at(reply, 7), 0) == 1,
        .schedule_edits = reply_i64(reply_at(reply, 8), 0),
        .outbox = reply_i64(reply_at(reply, 9), 0) == 1,
    };
    return PINION_OK;
}

void promote_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_PROMOTE, key);
    request_add_u64(r, BATCH_ITEMS_MAX);
}

enum pinion_err promote_read(const struct redisReply *reply, struct promoted *ret)
{
    if (reply_count(reply) != 4) return PINION_INTERNAL;
    *ret = (struct promoted){
        .count = reply_i64(reply_at(reply, 0), 0),
        .more = reply_i64(reply_at(reply, 1), 0) == 1,
        .next_due_ms = reply_i64(reply_at(reply, 2), UPKEEP_NEVER),
        .now_us = reply_i64(reply_at(reply, 3), 0),
    };
    return PINION_OK;
}

void reap_build(struct request *r, struct span key, int64_t expect_ms)
{
    request_script(r, SCRIPT_REAP, key);
    request_add_i64(r, expect_ms);
    request_add_u64(r, LEASE_MAX_MS);
    request_add_u64(r, BATCH_ITEMS_MAX);
}

#define LATE_PARTS 5 /* of one attempt in the answer */

enum pinion_err reap_read(const struct redisReply *reply, struct reaped *ret)
{
    if (reply_count(reply) != 4) return PINION_INTERNAL;
    *ret = (struct reaped){
        .count = reply_i64(reply_at(reply, 1), 0),
        .more = reply_i64(reply_at(reply, 2), 0) == 1,
        .jump = span_is(reply_span(reply_at(reply, 0)), "jump"),
        .late = reply_count(reply_at(reply, 3)) / LATE_PARTS,
    };
    return PINION_OK;
}

struct pull_attempt reaped_late(const struct redisReply *reply, size_t i)
{
    const struct redisReply *late = reply_at(reply, 3);
    size_t at = i * LATE_PARTS;

    return (struct pull_attempt){
        .id = reply_span(reply_at(late, at)),
        .token = reply_span(reply_at(late, at + 1)),
        .head = reply_span(reply_at(late, at + 2)),
        .failures = (unsigned)reply_i64(reply_at(late, at + 3), 0),
        .started_ms = reply_i64(reply_at(late, at + 4), 0),
    };
}

void take_back_build(struct request *r, struct span key, const char *server, enum take_back which,
                     int64_t rank)
{
    request_script(r, SCRIPT_TAKE_BACK, key);
    request_add_text(r, server);
    request_add_text(r, which == TAKE_BACK_ALL ? "all" : "unheard");
    request_add_i64(r, rank);
    request_add_u64(r, BATCH_ITEMS_MAX);
}

enum pinion_err take_back_read(const struct redisReply *reply, int64_t *ret_count,
                               int64_t *ret_next)
{
    if (reply_count(reply) != 2) return PINION_INTERNAL;
    *ret_count = reply_i64(reply_at(reply, 0), 0);
    *ret_next = reply_i64(reply_at(reply, 1), -1);
    return PINION_OK;
}

void sweep_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_SWEEP, key);
    request_add_u64(r, SWEEP_ITEMS_MAX);
    request_add_u64(r, BATCH_BYTES_MAX);
}

enum pinion_err sweep_read(const struct redisReply *reply, int64_t *ret_count, bool *ret_more)
{
    if (reply_count(reply) != 2) return PINION_INTERNAL;
    *ret_count = reply_i64(reply_at(reply, 0), 0);
    *ret_more = reply_i64(reply_at(reply, 1), 0) == 1;
    return PINION_OK;
}

void leave_build(struct request *r, struct span key, const char *server, bool empty)
{
    request_script(r, SCRIPT_LEAVE, key);
    request_add_text(r, server);
    request_add_text(r, empty ? "1" : "0");
}

bool queue_register_was_new(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_INTEGER && reply->integer == 1;
}

void queue_register_build(struct request *r, const char *name_space, struct span queue)
{
    char *key = key_of_queues(name_space);

    request_command(r, "SADD");
    request_add_text(r, key);
    request_add_span(r, queue);
    free(key);
}
