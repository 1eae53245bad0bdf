#include "control/api/queues.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/fleet.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/shape_limits.h"
#include "control/shape_on_dead.h"
#include "control/submitter.h"
#include "queue/steer.h"

/* ---- all ------------------------------------------------------------------------------------- */

struct queues_page {
    struct fleet_ask ask;
    struct http_exchange *exchange;
    const struct http_request *request;
    char after[QUEUE_NAME_MAX + 1]; /* "": from the first on */
    uint64_t limit;
};

static void on_queues(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct queues_page *p = container_of(ask, struct queues_page, ask);
    json_t *items = err ? NULL : json_array();
    const char *last = NULL, *next = NULL;

    for (size_t i = 0; !err && i < view->count && !next; i++) {
        const struct fleet_queue *q = &view->queues[i];
        if (strcmp(q->name, p->after) <= 0 || !api_may_see(p->request, span_of(q->name))) continue;
        if (json_array_size(items) == p->limit) {
            next = last;
            continue;
        }
        json_t *limits = json_incref(q->limits);
        json_array_append_new(items, shape_queue(span_of(q->name), &q->view, limits));
        last = q->name;
    }
    if (err)
        api_reply_failed(p->exchange, err, false);
    else
        api_reply_json(p->exchange, 200, shape_list(items, next));
    free(p);
}

void queues_list(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    static const char *const known[] = {"after", "limit", NULL};
    struct queues_page page = {
        .ask.done = on_queues, .exchange = x, .request = request, .limit = API_QUEUES_MAX};
    struct queues_page *p;
    struct span after;

    (void)args;
    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "after", page.after, sizeof page.after, &after) ||
        !api_query_number(x, request, "limit", API_QUEUES_MAX, &page.limit) ||
        !api_has_redis(ctx, x))
        return;
    if (!after.data) page.after[0] = '\0';
    p = xmemdup(&page, sizeof page);
    fleet_ask(service_fleet(ctx), &p->ask);
}

/* ---- one ------------------------------------------------------------------------------------- */

static void reply_queue(struct api_call *c, const struct queue_view *view,
                        const struct redisReply *stats)
{
    json_t *o = shape_queue(span_of(c->queue), view, shape_limits(stats));

    json_object_set_new(o, "on_dead", shape_on_dead(stats));
    api_reply_json(c->exchange, 200, o);
}

static void on_queue(struct api_call *c, const struct redisReply *reply)
{
    struct queue_view view;
    enum pinion_err err = stats_read(reply, &view);

    if (err)
        api_reply_failed(c->exchange, err, false);
    else if (!queue_exists(&view, stats_servers(reply) > 0))
        http_reply_error(c->exchange, PINION_NOT_FOUND,
                         "queue %s: not found; GET /v1/queues lists them", c->queue);
    else
        reply_queue(c, &view, reply);
}

void queue_show(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct api_call *c;

    if (!api_query_is(x, request, known)) return;
    if (!(c = api_call_of_queue(ctx, x, request, args->arg[0]))) return;
    stats_build(&c->call.request, queue_key_span(&c->key));
    api_call_send(c, on_queue);
}

/* ---- pause, resume --------------------------------------------------------------------------- */

static void on_paused(struct api_call *c, const struct redisReply *reply)
{
    (void)reply; /* whether it was so already: it is now */
    api_reply_json(c->exchange, 200,
                   json_pack("{s:s, s:b}", "queue", c->queue, "paused", (int)c->verb));
}

static void pause_or_resume(struct http_exchange *x, const struct http_request *request,
                            struct span queue, struct service *s, bool pause)
{
    struct api_call *c;

    if (!api_query_is_empty(x, request) || !api_body_is_empty(x, request)) return;
    if (!(c = api_call_of_queue(s, x, request, queue))) return;
    c->change = true;
    c->verb = pause;
    submitter_register(service_submitter(s), queue); /* it may be paused before its first job */
    pause_build(&c->call.request, queue_key_span(&c->key), pause);
    api_call_send(c, on_paused);
}

void queue_pause(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    pause_or_resume(x, request, args->arg[0], ctx, true);
}

void queue_resume(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    pause_or_resume(x, request, args->arg[0], ctx, false);
}

/* ---- drain ----------------------------------------------------------------------------------- */

static void on_drained(struct api_call *c, const struct redisReply *reply)
{
    (void)reply;
    api_reply_json(c->exchange, 200,
                   json_pack("{s:s, s:b}", "queue", c->queue, "draining", (int)c->verb));
}

void queue_drain(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    static const char *const known[] = {"off", NULL};
    struct api_call *c;
    struct span off;
    char room[8];

    if (!api_body_is_empty(x, request) || !api_query_is(x, request, known) ||
        !api_query_text(x, request, "off", room, sizeof room, &off))
        return;
    if (off.data && !span_is(off, "true") && !span_is(off, "false")) {
        http_reply_error(x, PINION_INVALID, "?off=%s: expected true or false", room);
        return;
    }
    if (!(c = api_call_of_queue(ctx, x, request, args->arg[0]))) return;
    c->change = true;
    c->verb = !span_is(off, "true");
    submitter_register(service_submitter(ctx), args->arg[0]);
    drain_build(&c->call.request, queue_key_span(&c->key), c->verb);
    api_call_send(c, on_drained);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void on_bound(struct api_call *c, const struct redisReply *reply)
{
    struct bounds now;

    if (bounds_read(reply, &now))
        api_reply_failed(c->exchange, PINION_INTERNAL, true);
    else
        api_reply_json(c->exchange, 200,
                       json_pack("{s:s, s:o}", "queue", c->queue, "bounds", shape_bounds(now)));
}

static enum pinion_err read_bound(const char *name, const json_t *value, uint64_t *ret,
                                  struct error *why)
{
    json_int_t n = json_integer_value(value);

    if (!json_is_null(value) && (!json_is_integer(value) || n < 1 || n > BOUND_MAX))
        return error_set(why, PINION_INVALID,
                         "%s: expected a whole number from 1 to %" PRId64
                         ", or null for none of its own",
                         name, BOUND_MAX);
    *ret = (uint64_t)n;
    return PINION_OK;
}

static enum pinion_err read_bounds(struct span body, struct bounds *ret, struct error *why)
{
    json_t *o = json_loadb(body.data, body.len, JSON_REJECT_DUPLICATES, NULL), *value;
    enum pinion_err err = PINION_OK;
    const char *name;

    if (!json_is_object(o) || !json_object_size(o))
        err = error_set(why, PINION_INVALID,
                        "expected a JSON object of max_jobs, max_bytes, keep_jobs, keep_ms");
    json_object_foreach(o, name, value) {
        if (err) break;
        if (strcmp(name, "max_jobs") == 0)
            err = read_bound(name, value, &ret->max_jobs, why);
        else if (strcmp(name, "max_bytes") == 0)
            err = read_bound(name, value, &ret->max_bytes, why);
        else if (strcmp(name, "keep_jobs") == 0)
            err = read_bound(name, value, &ret->keep_jobs, why);
        else if (strcmp(name, "keep_ms") == 0)
            err = read_bound(name, value, &ret->keep_ms, why);
        else
            err = error_set(
                why, PINION_INVALID,
                "%.40s is unknown: expected max_jobs, max_bytes, keep_jobs, keep_ms", name);
    }
    json_decref(o);
    return err;
}

void queue_bound(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    struct bounds bounds = BOUNDS_KEPT;
    struct api_call *c;
    struct error why;

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
    if (read_bounds(request->body, &bounds, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if (!(c = api_call_of_queue(ctx, x, request, args->arg[0]))) return;
    c->change = true;
    submitter_register(service_submitter(ctx), args->arg[0]);
    bounds_build(&c->call.request, queue_key_span(&c->key), bounds);
    api_call_send(c, on_bound);
}
