#include "queue/outbox.h"

#include "queue/key.h"
#include "queue/reply.h"

void relay_build(struct request *r, struct span key, uint64_t told)
{
    request_script(r, SCRIPT_RELAY, key);
    request_add_u64(r, told);
    request_add_u64(r, OUTBOX_ITEMS_MAX);
}

size_t relay_count(const struct redisReply *reply)
{
    return reply_count(reply);
}

enum pinion_err relay_item(const struct redisReply *reply, size_t i, struct outbox_item *ret)
{
    struct outbox_item item = {.entry = reply_span(reply_at(reply, i))};
    struct span rest = item.entry, tries = span_cut(&rest, ' '), sequence = span_cut(&tries, '/');
    uint64_t tried = 0;

    item.queue = span_cut(&rest, ' ');
    item.what = rest;
    if (text_parse_u64(sequence, 1, INT64_MAX, &item.sequence) || !queue_name_ok(item.queue) ||
        (tries.len && text_parse_u64(tries, 0, UINT32_MAX, &tried)))
        return PINION_INTERNAL;
    item.tries = (unsigned)tried;
    *ret = item;
    return PINION_OK;
}

void put_back_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_PUT_BACK, key);
    request_add_u64(r, OUTBOX_TRIES_MAX);
}

void put_back_add(struct request *r, struct span entry)
{
    request_add_span(r, entry);
}

enum put_back put_back_read(const struct redisReply *reply, size_t i, uint64_t *ret_sequence)
{
    struct span answer = reply_span(reply_at(reply, i));

    if (span_is(answer, "untold")) return PUT_BACK_UNTOLD;
    return text_parse_u64(answer, 1, INT64_MAX, ret_sequence) ? PUT_BACK_GONE : PUT_BACK_LATER;
}

void tell_build(struct request *r, struct span key)
{
    request_script(r, SCRIPT_TELL, key);
}

void tell_add(struct request *r, struct span what)
{
    request_add_span(r, what);
}

struct span tell_answer(const struct redisReply *reply, size_t i)
{
    return reply_span(reply_at(reply, i));
}

/* From `bond PARENT QUEUE:CHILD` to `end CHILD QUEUE:PARENT OUTCOME`. */
enum pinion_err tell_end(const struct outbox_item *bond, struct span outcome,
                         struct span *ret_queue, struct buffer *what)
{
    struct span child = bond->what, verb = span_cut(&child, ' '), parent = span_cut(&child, ' ');
    struct span queue = span_cut(&child, ':');

    if (!span_is(verb, "bond") || !queue_name_ok(queue)) return PINION_INTERNAL;
    buffer_clear(what);
    buffer_printf(what, "end %.*s %.*s:%.*s %.*s", (int)child.len, child.data,
                  (int)bond->queue.len, bond->queue.data, (int)parent.len, parent.data,
                  (int)outcome.len, outcome.data);
    *ret_queue = queue;
    return PINION_OK;
}
