#include "control/api/filter.h"

#include "base/time_text.h"
#include "control/api/call.h"

static bool read_age(struct http_exchange *x, const struct http_request *request, const char *name,
                     char room[32], uint64_t *ret_ms)
{
    struct error why;
    struct span text;

    if (!api_query_text(x, request, name, room, 32, &text)) return false;
    if (!text.data || (duration_parse(text, ret_ms, &why) == PINION_OK && *ret_ms)) return true;
    http_reply_error(x, PINION_INVALID, "?%s=%s: expected a duration, such as 90s, 2h or 7d", name,
                     room);
    return false;
}

bool api_filter_read(struct api_filter *f, struct http_exchange *x,
                     const struct http_request *request)
{
    struct job_filter *to = &f->filter;

    return api_query_text(x, request, "kind", f->kind, sizeof f->kind, &to->kind) &&
           api_query_text(x, request, "tag", f->tag, sizeof f->tag, &to->tag) &&
           api_query_text(x, request, "error", f->error, sizeof f->error, &to->error) &&
           read_age(x, request, "older_than", f->older, &to->older_ms) &&
           read_age(x, request, "newer_than", f->newer, &to->newer_ms);
}
