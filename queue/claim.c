#include "queue/claim.h"

#include <jansson.h>
#include "queue/key.h"
#include "queue/reply.h"

/* The answer: token, what next, ids, records, looks, was it idle. */
enum { AT_TOKEN, AT_NEXT, AT_IDS, AT_RECORDS, AT_LOOKS, AT_WAS_IDLE, CLAIM_PARTS };

void claim_build(struct request *r, struct span key, const struct claim_args *a)
{
    request_script(r, SCRIPT_CLAIM, key);
    request_add_text(r, a->server);
    request_add_u64(r, a->seat);
    request_add_u64(r, a->lease_ms);
    request_add_u64(r, a->free < BATCH_ITEMS_MAX ? a->free : BATCH_ITEMS_MAX);
    request_add_u64(r, BATCH_BYTES_MAX);
    if (a->subscribed)
        request_add_u64(r, a->asked_us);
    else
        request_add_text(r, "");
    request_add_text(r, a->pullers ? a->pullers : "");
    for (size_t i = 0; i < a->slots_count; i++) {
        request_add_text(r, a->slots[i].pattern);
        request_add_u64(r, a->slots[i].slots);
    }
}

static struct span part(const struct redisReply *reply, size_t list, size_t i)
{
    return reply_span(reply_at(reply_at(reply, list), i));
}

enum pinion_err claim_read(const struct redisReply *reply, struct claim *ret_claim)
{
    size_t entries = reply_count(reply_at(reply, AT_IDS)), jobs = 0;
    struct span next = reply_span(reply_at(reply, AT_NEXT));
    struct pack_reader pack;

    if (reply_count(reply) != CLAIM_PARTS || reply_count(reply_at(reply, AT_RECORDS)) != entries)
        return PINION_INTERNAL;
    for (size_t i = 0; i < entries; i++) {
        struct span name = part(reply, AT_IDS, i);
        if (pack_is(name))
            jobs += pack_open(&pack, name, part(reply, AT_RECORDS, i)) ? pack.size : 0;
        else
            jobs++;
    }
    *ret_claim = (struct claim){
        .more = span_is(next, "more"),
        .idle = span_is(next, "idle"),
        .was_idle = reply_i64(reply_at(reply, AT_WAS_IDLE), 0) == 1,
        .count = jobs,
        .reply = reply,
    };
    return PINION_OK;
}

static unsigned failures_of(struct span rare)
{
    json_t *object = json_loadb(rare.data ? rare.data : "", rare.len, 0, NULL);
    json_int_t n = json_integer_value(json_object_get(object, "a"));

    json_decref(object);
    return n > 0 && n < ATTEMPTS_MAX ? (unsigned)n : 0;
}

/* What is kept beside the record of the job at place `i` of the answer. */
static void read_look(struct claim *c, size_t i, struct claimed *item)
{
    const struct redisReply *looks = reply_at(c->reply, AT_LOOKS);

    if (reply_i64(reply_at(looks, c->look), -1) != (int64_t)i) return;
    item->token = reply_span(reply_at(looks, c->look + 1));
    item->failures = failures_of(reply_span(reply_at(looks, c->look + 2)));
    item->rare = true;
    c->look += 3;
}

bool claim_next(struct claim *c, struct claimed *ret_item)
{
    struct claimed item = {.token = reply_span(reply_at(c->reply, AT_TOKEN))};

    while (!pack_next(&c->pack, &item.id, &item.record)) {
        size_t i = c->at++;
        c->pack = (struct pack_reader){0};
        if (i >= reply_count(reply_at(c->reply, AT_IDS))) return false;
        item.id = part(c->reply, AT_IDS, i);
        item.record = part(c->reply, AT_RECORDS, i);
        if (pack_open(&c->pack, item.id, item.record)) continue;
        read_look(c, i, &item);
        *ret_item = item;
        return true;
    }
    item.pack_size = c->pack.size;
    *ret_item = item;
    return true;
}

enum pinion_err pushed_read(struct span text, struct pushed *ret_pushed)
{
    struct span id = span_cut(&text, ' '), token = span_cut(&text, ' '),
                asked = span_cut(&text, ' ');
    uint64_t asked_us, lease_end_us; /* a token is the end of its first lease */

    if (!queue_name_ok(id) || text_parse_u64(token, 1, INT64_MAX, &lease_end_us) ||
        text_parse_u64(asked, 0, INT64_MAX, &asked_us))
        return PINION_INTERNAL;
    *ret_pushed = (struct pushed){
        .job = {.id = id, .token = token, .record = text},
        .asked_us = asked_us,
    };
    return PINION_OK;
}
