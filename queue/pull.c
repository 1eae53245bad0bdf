#include "queue/pull.h"

#include "queue/reply.h"

void ack_pull_build(struct request *r, struct span key, const struct settle_item *items,
                    size_t count)
{
    request_script(r, SCRIPT_ACK_PULL, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_span(r, items[i].text);
    }
}

enum pinion_err ack_pull_read(const struct redisReply *reply, struct pull_answer *answers,
                              size_t count)
{
    if (reply_count(reply) != 2 * count) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        struct span kind = reply_span(reply_at(reply, 2 * i));
        int64_t n = reply_i64(reply_at(reply, 2 * i + 1), 0);
        answers[i] = (struct pull_answer){
            .settled = kind.len    ? SETTLED_OK
                       : kind.data ? SETTLED_AGAIN
                       : n         ? SETTLED_LATE
                                   : SETTLED_STALE,
            .kind = kind,
            .started_ms = n,
            .timeout_ms = (uint64_t)n,
        };
    }
    return PINION_OK;
}

void extend_build(struct request *r, struct span key, const struct settle_item *items,
                  size_t count)
{
    request_script(r, SCRIPT_EXTEND, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
        request_add_u64(r, items[i].lease_ms);
    }
}

enum pinion_err extend_read(const struct redisReply *reply, struct pull_answer *answers,
                            size_t count)
{
    if (reply_count(reply) != 2 * count) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        struct span status = reply_span(reply_at(reply, 2 * i));
        int64_t n = reply_i64(reply_at(reply, 2 * i + 1), 0);
        answers[i] = (struct pull_answer){
            .settled = span_is(status, "ok")       ? SETTLED_OK
                       : span_is(status, "cancel") ? SETTLED_CANCEL
                       : span_is(status, "late")   ? SETTLED_LATE
                                                   : SETTLED_STALE,
            .until_ms = n,
            .timeout_ms = (uint64_t)n,
        };
    }
    return PINION_OK;
}

void pulls_build(struct request *r, struct span key, const struct settle_item *items, size_t count)
{
    request_script(r, SCRIPT_PULLS, key);
    for (size_t i = 0; i < count; i++) {
        request_add_span(r, items[i].id);
        request_add_span(r, items[i].token);
    }
}

enum pinion_err pulls_read(const struct redisReply *reply, struct pull_attempt *attempts,
                           size_t count)
{
    if (reply_count(reply) != count) return PINION_INTERNAL;
    for (size_t i = 0; i < count; i++) {
        const struct redisReply *one = reply_at(reply, i);
        attempts[i] = (struct pull_attempt){
            .head = reply_span(reply_at(one, 0)),
            .failures = (unsigned)reply_i64(reply_at(one, 1), 0),
            .started_ms = reply_i64(reply_at(one, 2), 0),
        };
    }
    return PINION_OK;
}

bool pull_token_ok(struct span token)
{
    uint64_t n;

    return text_parse_u64(token, 1, INT64_MAX, &n) == PINION_OK && n % 1000 == SEAT_OF_PULL;
}
