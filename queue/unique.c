#include "queue/unique.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
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
    if (u->ms)
        buffer_printf(b, "%" PRIu64, u->ms);
    else
        buffer_add(b, u->span.data, u->span.len);
}

const char *unique_format(struct span of_record, char out[UNIQUE_TEXT_MAX])
{
    struct span span = of_record, key = span_cut(&span, '=');
    char text[DURATION_TEXT_MAX];
    uint64_t ms = 0;

    out[0] = '\0';
    if (!label_ok(key)) return out;
    if (!text_parse_u64(span, 1, DURATION_MS_MAX, &ms)) span = span_of(duration_format(ms, text));
    if (span.len < DURATION_TEXT_MAX)
        snprintf(out, UNIQUE_TEXT_MAX, "%.*s=%.*s", (int)key.len, key.data, (int)span.len,
                 span.data);
    return out;
}
