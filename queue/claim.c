#include "queue/claim.h"

#include <jansson.h>
#include "queue/reply.h"

/* The answer: token, more, ids, records, looks. */
enum { AT_TOKEN, AT_MORE, AT_IDS, AT_RECORDS, AT_LOOKS, CLAIM_PARTS };

void claim_build(struct request *r, struct span key, const struct claim_args *a)
{
    request_script(r, SCRIPT_CLAIM, key);
    request_add_text(r, a->server);
    request_add_u64(r, a->seat);
    request_add_u64(r, a->lease_ms);
    request_add_u64(r, a->free < BATCH_ITEMS_MAX ? a->free : BATCH_ITEMS_MAX);
    request_add_u64(r, BATCH_BYTES_MAX);
    request_add_text(r, a->subscribed ? "1" : "0");
    for (size_t i = 0; i < a->slots_count; i++) {
        request_add_text(r, a->slots[i].pattern);
        request_add_u64(r, a->slots[i].slots);
    }
}

enum pinion_err claim_read(const struct redisReply *reply, struct claim *ret_claim)
{
    size_t count = reply_count(reply_at(reply, AT_IDS));

    if (reply_count(reply) != CLAIM_PARTS || reply_count(reply_at(reply, AT_RECORDS)) != count)
        return PINION_INTERNAL;
    *ret_claim = (struct claim){
        .more = reply_i64(reply_at(reply, AT_MORE), 0) == 1, .count = count, .reply = reply};
    return PINION_OK;
}

static unsigned failures_of(struct span rare)
{
    json_t *object = json_loadb(rare.data ? rare.data : "", rare.len, 0, NULL);
    json_int_t n = json_integer_value(json_object_get(object, "a"));

    json_decref(object);
    return n > 0 && n < ATTEMPTS_MAX ? (unsigned)n : 0;
}

void claim_item(struct claim *c, size_t i, struct claimed *ret_item)
{
    const struct redisReply *looks = reply_at(c->reply, AT_LOOKS);

    *ret_item = (struct claimed){
        .id = reply_span(reply_at(reply_at(c->reply, AT_IDS), i)),
        .record = reply_span(reply_at(reply_at(c->reply, AT_RECORDS), i)),
        .token = reply_span(reply_at(c->reply, AT_TOKEN)),
    };
    if (reply_i64(reply_at(looks, c->look), -1) != (int64_t)i) return;
    ret_item->token = reply_span(reply_at(looks, c->look + 1));
    ret_item->failures = failures_of(reply_span(reply_at(looks, c->look + 2)));
    ret_item->rare = true;
    c->look += 3;
}
