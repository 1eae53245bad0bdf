#include "queue/filter.h"

#include "queue/key.h"

static int shown(struct span s)
{
    return (int)(s.len > 40 ? 40 : s.len);
}

enum pinion_err filter_check(const struct job_filter *f, struct error *why)
{
    if (f->kind.data && !kind_ok(f->kind))
        return error_set(why, PINION_INVALID,
                         "kind '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ : / -", shown(f->kind),
                         f->kind.data, KIND_MAX);
    if (f->tag.data && (!label_ok(f->tag) || f->tag.len > TAG_MAX))
        return error_set(why, PINION_INVALID,
                         "tag '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ : / @ + -", shown(f->tag),
                         f->tag.data, TAG_MAX);
    if (f->error.data && (!f->error.len || f->error.len > FILTER_ERROR_MAX))
        return error_set(why, PINION_INVALID,
                         "error '%.*s': expected 1 to %d bytes of the text of an error",
                         shown(f->error), f->error.data, FILTER_ERROR_MAX);
    if (f->older_ms && f->newer_ms && f->older_ms >= f->newer_ms)
        return error_set(why, PINION_INVALID,
                         "`older_than` and `newer_than`: no job is both; expected the second to "
                         "be longer");
    return PINION_OK;
}

static void add_age(struct request *r, uint64_t ms)
{
    if (ms)
        request_add_u64(r, ms);
    else
        request_add_text(r, "");
}

void filter_add(struct request *r, const struct job_filter *f)
{
    request_add_span(r, f->kind);
    request_add_span(r, f->tag);
    request_add_span(r, f->error);
    add_age(r, f->older_ms);
    add_age(r, f->newer_ms);
}
