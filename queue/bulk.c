#include "queue/bulk.h"

#include "queue/limits.h"
#include "queue/reply.h"

const char *const bulk_names[BULK_VERBS] = {"retry", "cancel", "delete"};

bool bulk_changes(enum bulk_verb verb, struct span state)
{
    bool ended = span_is(state, "done") || span_is(state, "dead") || span_is(state, "cancelled");

    switch (verb) {
    case BULK_RETRY: return ended;
    case BULK_CANCEL: return !ended;
    default: return !span_is(state, "active");
    }
}

void bulk_build(struct request *r, struct span key, enum bulk_verb verb, struct span state,
                const struct job_filter *filter, struct span cursor)
{
    request_script(r, verb == BULK_RETRY ? SCRIPT_BULK_RETRY : SCRIPT_BULK, key);
    request_add_text(r, bulk_names[verb]);
    request_add_span(r, state);
    request_add_span(r, cursor);
    request_add_u64(r, BULK_LOOKS_MAX);
    request_add_u64(r, verb == BULK_RETRY ? BULK_RETRIES_MAX : BULK_CHANGES_MAX);
    request_add_u64(r, BATCH_BYTES_MAX);
    filter_add(r, filter);
}

enum pinion_err bulk_read(const struct redisReply *reply, struct bulk_step *ret)
{
    struct bulk_step step = {
        .next = reply_span(reply_at(reply, 0)),
        .looked = (uint64_t)reply_i64(reply_at(reply, 1), 0),
        .changed = (uint64_t)reply_i64(reply_at(reply, 2), 0),
    };

    if (reply_count(reply) != 3 || !step.next.data) return PINION_INTERNAL;
    *ret = step;
    return PINION_OK;
}
