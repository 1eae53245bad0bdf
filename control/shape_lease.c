#include "control/shape_lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/time_text.h"
#include "control/shape.h"
#include "workers/pull.h"

json_t *shape_lease(const struct pulled *p, struct span queue)
{
    struct job_view view = {
        .state = span_of("active"),
        .job = p->job,
        .known = true,
        .started_ms = p->started_ms,
        .failures = p->failures,
    };
    json_t *o = shape_job(&view, queue, SHAPE_WITH_CONTENT);

    json_object_set_new_nocheck(o, "token", shape_text(p->token));
    json_object_set_new_nocheck(o, "lease_until", shape_time(p->until_ms));
    return o;
}

/* ---- by hand --------------------------------------------------------------------------------- */

enum { CREATED, RUN_AT, STARTED, UNTIL, TIMES };

/* The jobs of a batch mostly have their times in common. */
struct times {
    int64_t ms[TIMES];
    char text[TIMES][TIME_TEXT_MAX];
};

static const char *time_of(struct times *t, int which, int64_t ms)
{
    if (t->ms[which] != ms) time_format_utc(t->ms[which] = ms, t->text[which]);
    return t->text[which];
}

static bool needs_escape(unsigned char c)
{
    return c < ' ' || c == '"' || c == '\\';
}

/* Of valid UTF-8. */
static void add_string(struct buffer *out, struct span s)
{
    size_t from = 0;

    buffer_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (!needs_escape((unsigned char)s.data[i])) continue;
        buffer_add(out, s.data + from, i - from);
        buffer_printf(out, "\\u%04x", (unsigned)(unsigned char)s.data[i]);
        from = i + 1;
    }
    buffer_add(out, s.data + from, s.len - from);
    buffer_add_char(out, '"');
}

/* Has it nothing but what add_plain writes? */
static bool is_plain(const struct job *j)
{
    return !j->look && !j->lease_ms && !j->expires_ms && !j->backoff.data && !j->group.data &&
           !j->tags.data && !j->traceparent.data && !j->unique.data && !j->batch.data &&
           !j->schedule.data && j->created_ms > 0 && j->run_at_ms > 0 && j->payload.data &&
           text_is_utf8(j->payload.data, j->payload.len);
}

static void add_plain(struct buffer *out, const struct pulled *p, struct span queue,
                      struct times *t)
{
    const struct job *j = &p->job;

    buffer_printf(out, "{\"id\":\"%.*s:%.*s\",\"queue\":\"%.*s\",\"kind\":\"%.*s\",",
                  (int)queue.len, queue.data, (int)j->id.len, j->id.data, (int)queue.len,
                  queue.data, (int)j->kind.len, j->kind.data);
    buffer_printf(out, "\"state\":\"active\",\"attempt\":%u,\"created_at\":\"%s\","
                  "\"run_at\":\"%s\",\"started_at\":\"%s\",", p->failures + 1,
                  time_of(t, CREATED, j->created_ms), time_of(t, RUN_AT, j->run_at_ms),
                  time_of(t, STARTED, p->started_ms));
    buffer_printf(out, "\"finished_at\":null,\"server\":null,\"worker\":null,"
                  "\"cancel_requested\":false,\"reason\":null,\"priority\":%u,\"attempts_max\":%u,"
                  "\"timeout_ms\":%" PRIu64 ",\"lease_ms\":null,\"retain_ms\":%" PRIu64 ",",
                  j->priority, j->attempts_max, j->timeout_ms, j->retain_ms);
    buffer_add_text(out, "\"backoff\":null,\"expires_at\":null,\"group\":null,\"unique\":null,"
                    "\"batch\":null,\"traceparent\":null,\"payload\":");
    add_string(out, j->payload);
    buffer_add_text(out, ",\"result\":null,\"error\":null,\"errors\":[],\"after\":[],"
                    "\"after_any_outcome\":false,\"children_waiting\":0,\"progress\":null,"
                    "\"tags\":[],\"schedule\":null,\"fire_time\":null,\"token\":");
    add_string(out, p->token);
    buffer_printf(out, ",\"lease_until\":\"%s\"}", time_of(t, UNTIL, p->until_ms));
}

static void add_other(struct buffer *out, const struct pulled *p, struct span queue)
{
    json_t *o = shape_lease(p, queue);
    char *text = json_dumps(o, JSON_COMPACT);

    buffer_add_text(out, text);
    free(text);
    json_decref(o);
}

void leases_add_text(struct buffer *out, const struct pulled *jobs, size_t count,
                     struct span queue)
{
    struct times t = {0};

    buffer_add_text(out, "{\"items\":[");
    for (size_t i = 0; i < count; i++) {
        if (i) buffer_add_char(out, ',');
        if (is_plain(&jobs[i].job)) add_plain(out, &jobs[i], queue, &t);
        else add_other(out, &jobs[i], queue);
    }
    buffer_add_text(out, "]}\n");
}
