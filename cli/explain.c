#include "cli/explain.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include "base/time_text.h"
#include "control/shape.h"

#define EXPLAIN_READY 2 /* of job_states */

static bool pattern_fits(const char *pattern, struct span kind)
{
    size_t len = strlen(pattern);

    if (len && pattern[len - 1] == '*')
        return kind.len >= len - 1 && memcmp(kind.data, pattern, len - 1) == 0;
    return span_is(kind, pattern);
}

static bool handles(struct span about, struct span kind)
{
    json_t *root = about.data ? json_loadb(about.data, about.len, 0, NULL) : NULL, *pattern;
    bool found = false;
    size_t i;

    json_array_foreach(json_object_get(root, "handlers"), i, pattern)
        if (json_is_string(pattern)) found |= pattern_fits(json_string_value(pattern), kind);
    json_decref(root);
    return found;
}

/* A ready job waits for a server, or for its turn. */
static void explain_ready(const struct redisReply *stats, struct span queue, struct span kind,
                          struct buffer *out)
{
    size_t alive = 0, able = 0;
    struct queue_view view;
    struct server_view server;

    if (stats_read(stats, &view)) {
        buffer_add_text(out, "it is ready");
        return;
    }
    for (size_t i = 0; i < stats_servers(stats); i++) {
        stats_server(stats, i, &server);
        if (!server_alive(&server, view.now_us / 1000)) continue;
        alive++;
        able += handles(server.about, kind);
    }
    if (view.paused) {
        buffer_printf(out, "queue '%.*s' is paused", (int)queue.len, queue.data);
    } else if (!alive) {
        buffer_printf(out, "no server is alive that serves queue '%.*s'", (int)queue.len,
                      queue.data);
    } else if (!able) {
        buffer_printf(out, "no server has a handler for kind '%.*s' in queue '%.*s'", (int)kind.len,
                      kind.data, (int)queue.len, queue.data);
    } else {
        buffer_printf(out, "it is ready, in line behind %" PRId64 " ready jobs at most",
                      view.counts[EXPLAIN_READY] > 0 ? view.counts[EXPLAIN_READY] - 1 : 0);
    }
}

static void ask(struct session *s, struct span queue, const struct job_view *v, struct buffer *out)
{
    struct queue_key key = queue_key(s->name_space, queue);
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;

    stats_build(&request, queue_key_span(&key));
    if (session_call(s, &request, &reply, NULL)) buffer_add_text(out, "it is ready");
    else explain_ready(reply, queue, v->job.kind, out);
    sync_reply_free(reply);
    request_deinit(&request);
}

static void explain_active(const struct job_view *v, struct buffer *out)
{
    char time[TIME_TEXT_MAX];

    buffer_add_text(out, "it is running");
    if (v->started_ms) buffer_printf(out, " since %s", time_format_local(v->started_ms, time));
    if (v->server.len) buffer_printf(out, " on %.*s", (int)v->server.len, v->server.data);
}

static void explain_retry(const struct job_view *v, struct buffer *out)
{
    char time[TIME_TEXT_MAX];

    buffer_printf(out, "attempt %u of %u failed", v->failures, v->job.attempts_max);
    if (v->error) {
        buffer_add_text(out, " (");
        text_add_printable(out, v->error, strlen(v->error));
        buffer_add_text(out, ")");
    }
    buffer_printf(out, ", the next one is due at %s", time_format_local(v->due_ms, time));
}

void explain(struct session *s, struct span queue, const struct job_view *v, struct buffer *out)
{
    char time[TIME_TEXT_MAX];

    if (span_is(v->state, "scheduled"))
        buffer_printf(out, "it is delayed until %s", time_format_local(v->due_ms, time));
    else if (span_is(v->state, "ready")) ask(s, queue, v, out);
    else if (span_is(v->state, "active")) explain_active(v, out);
    else if (span_is(v->state, "retry")) explain_retry(v, out);
    else buffer_printf(out, "it is %.*s", (int)v->state.len, v->state.data);
}
