#include "queue/feed.h"

#include "queue/key.h"

void follow_build(struct request *r, struct span key, unsigned seconds, bool kinds)
{
    request_script(r, SCRIPT_WATCH, key);
    request_add_u64(r, seconds);
    request_add_text(r, kinds ? "fk" : "f");
}

enum pinion_err feed_note_read(struct span text, struct feed_note *ret)
{
    struct feed_note n = {.word = span_cut(&text, ' ')};

    if (!queue_name_ok(n.word) || text_parse_u64(span_cut(&text, ' '), 0, UINT32_MAX, &n.count))
        return PINION_INVALID;
    n.jobs = text;
    *ret = n;
    return PINION_OK;
}

enum pinion_err feed_fire_read(struct span text, struct feed_fire *ret)
{
    struct feed_fire f = {0};
    uint64_t at_ms;

    if (!span_is(span_cut(&text, ' '), "fire")) return PINION_INVALID;
    f.schedule = span_cut(&text, ' ');
    if (text_parse_u64(span_cut(&text, ' '), 0, INT64_MAX, &at_ms)) return PINION_INVALID;
    f.at_ms = (int64_t)at_ms;
    f.outcome = span_cut(&text, ' ');
    if (!queue_name_ok(f.schedule) || !queue_name_ok(f.outcome)) return PINION_INVALID;
    if (queue_name_ok(text)) f.job = text;
    if (span_is(text, "-")) f.job = (struct span){0};
    *ret = f;
    return PINION_OK;
}

bool feed_next(struct feed_note *n, struct span *ret_local, struct span *ret_kind)
{
    while (n->jobs.len) {
        struct span word = span_cut(&n->jobs, ' '), local = span_cut(&word, '=');
        if (!queue_name_ok(local)) continue;
        *ret_local = local;
        *ret_kind = kind_ok(word) ? word : (struct span){0};
        return true;
    }
    return false;
}
