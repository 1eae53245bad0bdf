#include "control/api/call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/memory.h"
#include "control/service.h"

/* ---- answers --------------------------------------------------------------------------------- */

void api_reply_json(struct http_exchange *x, unsigned status, json_t *taken)
{
    char *text = json_dumps(taken, JSON_COMPACT | JSON_REAL_PRECISION(12));
    size_t len = strlen(text);

    text[len++] = '\n'; /* in place of the NUL */
    http_reply(x, &(struct http_reply){.status = status, .body = text, .len = len});
    free(text);
    json_decref(taken);
}

void api_reply_why(struct http_exchange *x, const struct error *why)
{
    http_reply_error(x, why->code, "%s", why->text);
}

void api_reply_busy(struct http_exchange *x, const char *message)
{
    static const struct http_header headers[] = {
        {"Retry-After", "5"},
        {NULL,          NULL}
    };

    http_reply_problem(x, error_http(PINION_BUSY), PINION_BUSY, message, headers);
}

void api_reply_failed(struct http_exchange *x, enum pinion_err err, bool change)
{
    switch (err) {
    case PINION_UNAVAILABLE:
        http_reply_error(x, err,
                         change
                             ? "Redis gave no answer: whether anything was changed is not known; "
                               "look, or try again"
                             : "Redis is out of reach; try again in a moment");
        return;
    case PINION_BUSY:
        api_reply_busy(x, "Redis is full (maxmemory): nothing was added; try again later");
        return;
    default:
        http_reply_error(x, PINION_INTERNAL,
                         "Redis gave an answer (%s) that this version does not understand",
                         error_name(err));
    }
}

bool api_has_redis(struct service *s, struct http_exchange *x)
{
    if (service_redis_up(s)) return true;
    http_reply_error(x, PINION_UNAVAILABLE,
                     "Redis is out of reach, so nothing was done; try again in a moment");
    return false;
}

/* ---- one call -------------------------------------------------------------------------------- */

static struct api_call *new_call(struct service *s, struct http_exchange *x,
                                 const struct http_request *request, struct span queue)
{
    struct api_call *c;

    if (!api_has_redis(s, x)) return NULL;
    c = xcalloc(1, sizeof *c);
    c->call.request = REQUEST_INIT;
    c->service = s;
    c->exchange = x;
    c->request = request;
    memcpy(c->queue, queue.data, queue.len);
    c->key = queue_key(service_config(s)->name_space, queue);
    return c;
}

struct api_call *api_call_of_queue(struct service *s, struct http_exchange *x,
                                   const struct http_request *request, struct span queue)
{
    struct error why;

    if (!queue_name_check(queue, &why)) return new_call(s, x, request, queue);
    api_reply_why(x, &why);
    return NULL;
}

struct api_call *api_call_of_job(struct service *s, struct http_exchange *x,
                                 const struct http_request *request, struct span id)
{
    struct span queue, local;
    struct api_call *c;
    struct error why;

    if (id_split(id, NULL, &queue, &local, &why)) {
        api_reply_why(x, &why);
        return NULL;
    }
    c = new_call(s, x, request, queue);
    if (c) memcpy(c->local, local.data, local.len);
    return c;
}

static void on_answer(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct api_call *c = container_of(call, struct api_call, call);

    if (err)
        api_reply_failed(c->exchange, err, c->change);
    else
        c->done(c, reply);
    request_deinit(&c->call.request);
    free(c);
}

void api_call_send(struct api_call *c, api_done_fn *done)
{
    c->done = done;
    link_send(service_link(c->service), &c->call, on_answer);
}

/* ---- what was asked -------------------------------------------------------------------------- */

static void refuse_query(struct http_exchange *x, struct span name, const char *const known[])
{
    struct buffer list = BUFFER_INIT;

    for (size_t i = 0; known[i]; i++) buffer_printf(&list, "%s%s", i ? ", " : "", known[i]);
    http_reply_error(x, PINION_INVALID, "?%.*s= is unknown: expected %s",
                     (int)(name.len > 40 ? 40 : name.len), name.data,
                     list.len ? list.data : "no query");
    buffer_deinit(&list);
}

bool api_query_is(struct http_exchange *x, const struct http_request *request,
                  const char *const known[])
{
    struct span rest = request->query;

    while (rest.len) {
        struct span value = span_cut(&rest, '&'), name = span_cut(&value, '=');
        size_t i = 0;
        while (known[i] && !span_is(name, known[i])) i++;
        if (known[i] || !name.len) continue;
        refuse_query(x, name, known);
        return false;
    }
    return true;
}

bool api_query_is_empty(struct http_exchange *x, const struct http_request *request)
{
    static const char *const none[] = {NULL};

    return api_query_is(x, request, none);
}

bool api_query_text(struct http_exchange *x, const struct http_request *request, const char *name,
                    char *room, size_t room_size, struct span *ret)
{
    struct error why;
    enum pinion_err err = route_query(request->query, name, room, room_size, &why);

    *ret = err ? (struct span){0} : span_of(room);
    if (err != PINION_INVALID) return true;
    api_reply_why(x, &why);
    return false;
}

bool api_query_number(struct http_exchange *x, const struct http_request *request, const char *name,
                      uint64_t max, uint64_t *ret)
{
    char room[24];
    struct span text;

    if (!api_query_text(x, request, name, room, sizeof room, &text)) return false;
    if (!text.data || text_parse_u64(text, 1, max, ret) == PINION_OK) return true;
    http_reply_error(x, PINION_INVALID, "?%s=%s: expected a whole number from 1 to %" PRIu64, name,
                     room, max);
    return false;
}

/* "application/json", with whatever parameters. */
static bool is_json_type(struct span type)
{
    static const char json[] = "application/json";
    size_t len = sizeof json - 1;

    if (type.len < len || strncasecmp(type.data, json, len) != 0) return false;
    return type.len == len || strchr("; \t", type.data[len]);
}

bool api_body_is_json(struct http_exchange *x, const struct http_request *request)
{
    if (!request->body.len || is_json_type(http_header(request, "Content-Type"))) return true;
    http_reply_error(x, PINION_INVALID, "expected a body of Content-Type: application/json");
    return false;
}

bool api_knows_tag(const struct http_request *request, const char *tag)
{
    struct span list = http_header(request, "If-None-Match");

    while (list.len) {
        struct span one = span_cut(&list, ',');
        while (one.len && strchr(" \t", one.data[0])) one.data++, one.len--;
        while (one.len && strchr(" \t", one.data[one.len - 1])) one.len--;
        if (span_starts(one, "W/")) one.data += 2, one.len -= 2;
        if (span_is(one, tag) || span_is(one, "*")) return true;
    }
    return false;
}

bool api_body_is_empty(struct http_exchange *x, const struct http_request *request)
{
    struct span body = request->body;

    while (body.len && strchr(" \t\r\n", body.data[body.len - 1])) body.len--;
    while (body.len && strchr(" \t\r\n", body.data[0])) body.data++, body.len--;
    if (!body.len || span_is(body, "{}")) return true;
    http_reply_error(x, PINION_INVALID, "expected no body");
    return false;
}
