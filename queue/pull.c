#include "queue/pull.h"

#include "queue/reply.h"

/* Of the seats from SEATS_MAX on; the same as in queue/scripts/shared/pull.lua. */
static const unsigned leases_ms[] = {
    1000,   1500,   2000,   2500,   3000,    4000,    5000,    6000,    8000,
    10000,  12000,  15000,  20000,  25000,   30000,   40000,   45000,   60000,
    75000,  90000,  120000, 150000, 180000,  240000,  300000,  360000,  480000,
    600000, 720000, 900000, 1200000, 1500000, 1800000, 2400000, 2700000, LEASE_MAX_MS,
};
_Static_assert(SEATS_MAX + countof(leases_ms) == 1000, "a seat for each lease");

uint64_t pull_lease_ms(uint64_t asked_ms, unsigned *ret_seat)
{
    size_t i = 0;

    while (i + 1 < countof(leases_ms) && leases_ms[i] < asked_ms) i++;
    *ret_seat = SEATS_MAX + (unsigned)i;
    return leases_ms[i];
}

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

int64_t pull_began_ms(uint64_t token, uint64_t own_lease_ms)
{
    uint64_t seat = token % 1000, lease_ms = own_lease_ms;

    if (!lease_ms && seat >= SEATS_MAX) lease_ms = leases_ms[seat - SEATS_MAX];
    return (int64_t)(token / 1000) - (int64_t)lease_ms;
}

bool pull_token_ok(struct span token)
{
    uint64_t n;

    return text_parse_u64(token, 1, INT64_MAX, &n) == PINION_OK && n % 1000 >= SEATS_MAX;
}
