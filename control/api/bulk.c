/* control/api/bulk.c — steps, one after the other, while the client waits; it goes on by `next`. */
#include "control/api/bulk.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/api/call.h"
#include "control/api/filter.h"
#include "control/bulk.h"
#include "control/service.h"

#define CURSOR_MAX (KIND_MAX + LABEL_MAX + QUEUE_NAME_MAX + 80)

struct bulk_run {
    struct call call;
    struct http_waiter waiter;
    struct http_exchange *exchange;
    const struct service *service;
    struct bulk bulk;
    struct api_filter filter;
    struct queue_key key;
    unsigned steps;
    bool left; /* nobody reads the answer any more */
    char queue[QUEUE_NAME_MAX + 1], state[16], after[CURSOR_MAX + 1];
};

static void free_run(struct bulk_run *r)
{
    bulk_deinit(&r->bulk);
    request_deinit(&r->call.request);
    free(r);
}

static void take_step(struct bulk_run *);

static void on_step(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct bulk_run *r = container_of(call, struct bulk_run, call);

    if (!err) err = bulk_step_read(&r->bulk, reply);
    if (!err && bulk_more(&r->bulk) && r->steps < API_BULK_STEPS_MAX && !r->left) {
        take_step(r);
        return;
    }
    if (err)
        api_reply_failed(r->exchange, err, true);
    else
        api_reply_json(r->exchange, 200, shape_bulk(&r->bulk));
    free_run(r);
}

static void take_step(struct bulk_run *r)
{
    r->steps++;
    bulk_step_build(&r->bulk, &r->call.request, queue_key_span(&r->key));
    link_send(service_link(r->service), &r->call, on_step);
}

static void on_left(struct http_waiter *waiter)
{
    container_of(waiter, struct bulk_run, waiter)->left = true;
}

/* false: it has answered. */
static bool read_query(struct bulk_run *r, const struct http_request *request, enum bulk_verb verb,
                       bool purge)
{
    static const char *const known[] = {"state", API_FILTER_KEYS, "after", NULL};
    struct bulk_options o = {.verb = verb, .all_states = purge, .queue = span_of(r->queue)};
    struct http_exchange *x = r->exchange;
    struct error why;

    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "state", r->state, sizeof r->state, &o.state) ||
        !api_filter_read(&r->filter, x, request) ||
        !api_query_text(x, request, "after", r->after, sizeof r->after, &o.after))
        return false;
    o.filter = r->filter.filter;
    if (bulk_init(&r->bulk, &o, &why) == PINION_OK) return true;
    api_reply_why(x, &why);
    return false;
}

static void start(struct http_exchange *x, const struct http_request *request, struct span queue,
                  struct service *s, enum bulk_verb verb, bool purge)
{
    struct bulk_run *r;
    struct error why;

    if (!api_body_is_empty(x, request)) return;
    if (queue_name_check(queue, &why)) {
        api_reply_why(x, &why);
        return;
    }
    r = xcalloc(1, sizeof *r);
    *r = (struct bulk_run){.waiter.left = on_left, .exchange = x, .service = s};
    r->call.request = REQUEST_INIT;
    r->key = queue_key(service_config(s)->name_space, queue);
    snprintf(r->queue, sizeof r->queue, "%.*s", (int)queue.len, queue.data);
    if (!read_query(r, request, verb, purge) || !api_has_redis(s, x)) {
        free_run(r);
        return;
    }
    http_wait(x, &r->waiter);
    take_step(r);
}

void jobs_retry(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    start(x, request, args->arg[0], ctx, BULK_RETRY, false);
}

void jobs_cancel(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    start(x, request, args->arg[0], ctx, BULK_CANCEL, false);
}

void jobs_delete(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    start(x, request, args->arg[0], ctx, BULK_DELETE, false);
}

void queue_purge(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    start(x, request, args->arg[0], ctx, BULK_DELETE, true);
}
