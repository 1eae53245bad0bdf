#include "queue/unique.h"

#include <inttypes.h>
#include <string.h>
#include "base/time_text.h"
#include "queue/key.h"

enum pinion_err unique_parse(struct span text, struct unique *ret_unique, struct error *why)
{
    bool has_span = text.len && memchr(text.data, '=', text.len);
    struct unique u = {.span = text};

    u.key = span_cut(&u.span, '=');
    if (!label_ok(u.key))
        return error_set(why, PINION_INVALID,
                         "unique '%.*s': expected a KEY of 1 to %d of A-Z a-z 0-9 . _ : / @ + -, "
                         "and perhaps =SPAN",
                         (int)(text.len > 40 ? 40 : text.len), text.data ? text.data : "",
                         LABEL_MAX);
    if (!has_span) u.span = span_of("done");
    if (!span_is(u.span, "start") && !span_is(u.span, "done") &&
        (duration_parse(u.span, &u.ms, NULL) || u.ms == 0))
        return error_set(why, PINION_INVALID,
                         "unique span '%.*s': expected start, done or a duration as 30s",
                         (int)(u.span.len > 40 ? 40 : u.span.len), u.span.data);
    *ret_unique = u;
    return PINION_OK;
}

void unique_add_span(struct buffer *b, const struct unique *u)
{
    if (u->ms) buffer_printf(b, "%" PRIu64, u->ms);
    else buffer_add(b, u->span.data, u->span.len);
}
