#include "control/api/jobs.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/explain.h"
#include "control/api/filter.h"
#include "control/listing.h"
#include "control/new_job.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/steering.h"
#include "queue/steer.h"

/* ---- a page ---------------------------------------------------------------------------------- */

#define CURSOR_MAX (KIND_MAX + QUEUE_NAME_MAX + 80) /* a state, a score, and an id or a lane */

struct jobs_page {
    struct call call;
    struct http_waiter waiter;
    struct http_exchange *exchange;
    const struct service *service;
    struct listing listing;
    enum shape_content content;
    struct queue_key key;
    json_t *items;
    unsigned calls;
    bool left; /* nobody reads the answer any more */
    struct api_filter filter;
    char queue[QUEUE_NAME_MAX + 1], state[16], after[CURSOR_MAX + 1];
};

static void free_page(struct jobs_page *p)
{
    json_decref(p->items);
    listing_deinit(&p->listing);
    request_deinit(&p->call.request);
    free(p);
}

static void add_item(void *ctx, const struct job_view *v)
{
    struct jobs_page *p = ctx;

    json_array_append_new(p->items, shape_job(v, span_of(p->queue), p->content));
}

static void reply_page(struct jobs_page *p)
{
    char *next = listing_cursor(&p->listing);

    api_reply_json(p->exchange, 200, shape_list(p->items, next));
    p->items = NULL;
    free(next);
}

static void ask_for_more(struct jobs_page *);

static void on_page(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct jobs_page *p = container_of(call, struct jobs_page, call);

    if (!err) listing_read(&p->listing, reply, add_item, p);
    if (!err && listing_more(&p->listing) && p->calls < API_JOBS_CALLS_MAX && !p->left) {
        ask_for_more(p);
        return;
    }
    if (err)
        api_reply_failed(p->exchange, err, false);
    else
        reply_page(p);
    free_page(p);
}

static void ask_for_more(struct jobs_page *p)
{
    p->calls++;
    listing_build(&p->listing, &p->call.request, queue_key_span(&p->key));
    link_send(service_link(p->service), &p->call, on_page);
}

static void on_left(struct http_waiter *waiter)
{
    container_of(waiter, struct jobs_page, waiter)->left = true;
}

/* false: it has answered. */
static bool read_query(struct jobs_page *p, const struct http_request *request)
{
    static const char *const known[] = {"state", API_FILTER_KEYS, "after", "limit", NULL};
    struct listing_options o = {
        .queue = span_of(p->queue), .limit = API_JOBS_DEFAULT, .bytes_max = API_JOBS_BYTES_MAX};
    struct http_exchange *x = p->exchange;
    struct error why;

    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "state", p->state, sizeof p->state, &o.state) ||
        !api_filter_read(&p->filter, x, request) ||
        !api_query_text(x, request, "after", p->after, sizeof p->after, &o.after) ||
        !api_query_number(x, request, "limit", API_JOBS_MAX, &o.limit))
        return false;
    o.filter = p->filter.filter;
    if (listing_init(&p->listing, &o, &why) == PINION_OK) return true;
    api_reply_why(x, &why);
    return false;
}

void jobs_list(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    struct span queue = args->arg[0];
    struct jobs_page *p;
    struct error why;

    if (queue_name_check(queue, &why)) {
        api_reply_why(x, &why);
        return;
    }
    p = xcalloc(1, sizeof *p);
    *p = (struct jobs_page){.waiter.left = on_left,
                            .exchange = x,
                            .service = ctx,
                            .content = api_content(ctx, request)};
    p->call.request = REQUEST_INIT;
    p->key = queue_key(service_config(ctx)->name_space, queue);
    snprintf(p->queue, sizeof p->queue, "%.*s", (int)queue.len, queue.data);
    if (!read_query(p, request) || !api_has_redis(ctx, x)) {
        free_page(p);
        return;
    }
    p->items = json_array();
    http_wait(x, &p->waiter);
    ask_for_more(p);
}

/* ---- one ------------------------------------------------------------------------------------- */

static void reply_not_shown(struct api_call *c, enum pinion_err err)
{
    if (err != PINION_NOT_FOUND) api_reply_failed(c->exchange, err, false);
    else http_reply_error(c->exchange, err,
                          "job %s:%s: not found; it may have ended and not been kept (retain_ms)",
                          c->queue, c->local);
}

static void on_job(struct api_call *c, const struct redisReply *reply)
{
    struct job_view view;
    enum pinion_err err = show_read(reply, span_of(c->local), &view);

    if (err) {
        reply_not_shown(c, err);
        return;
    }
    api_reply_json(c->exchange, 200,
                   shape_job(&view, span_of(c->queue), api_content(c->service, c->request)));
    job_view_deinit(&view);
}

void job_show(struct http_exchange *x, const struct http_request *request,
              const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct api_call *c;

    if (!api_query_is(x, request, known)) return;
    if (!(c = api_call_of_job(ctx, x, request, args->arg[0]))) return;
    show_build(&c->call.request, queue_key_span(&c->key), span_of(c->local));
    api_call_send(c, on_job);
}

static void on_explained(struct api_call *c, const struct redisReply *reply)
{
    struct explain_options o = {.queue = span_of(c->queue),
                                .content = api_content(c->service, c->request)};
    struct explain_view view;
    enum pinion_err err = explain_read(reply, span_of(c->local), &view);

    if (err) {
        reply_not_shown(c, err);
        return;
    }
    api_reply_json(c->exchange, 200, explain_shape(reply, &view, &o));
    job_view_deinit(&view.job);
}

void job_explain(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct api_call *c;

    if (!api_query_is(x, request, known)) return;
    if (!(c = api_call_of_job(ctx, x, request, args->arg[0]))) return;
    explain_build(&c->call.request, queue_key_span(&c->key), span_of(c->local));
    api_call_send(c, on_explained);
}

/* ---- steered --------------------------------------------------------------------------------- */

static void on_steered(struct api_call *c, const struct redisReply *reply)
{
    struct span status = steer_status(reply, 0);
    char text[ERROR_TEXT_MAX];
    enum pinion_err err = steering_judge((enum steering_verb)c->verb, status, text);

    if (err == PINION_INTERNAL)
        api_reply_failed(c->exchange, err, true);
    else if (err)
        http_reply_error(c->exchange, err, "job %s:%s: %s", c->queue, c->local, text);
    else
        api_reply_json(c->exchange, 200,
                       json_pack("{s:o, s:o}", "id", json_sprintf("%s:%s", c->queue, c->local),
                                 "status", shape_text(status)));
}

static void steer(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, struct service *s, enum steering_verb verb)
{
    struct api_call *c;

    if (!api_body_is_empty(x, request)) return;
    if (!(c = api_call_of_job(s, x, request, args->arg[0]))) return;
    c->change = true;
    c->verb = verb;
    steering_build(verb, &c->call.request, queue_key_span(&c->key), span_of(c->local));
    api_call_send(c, on_steered);
}

void job_delete(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    steer(x, request, args, ctx, STEERING_DELETE);
}

void job_cancel(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    steer(x, request, args, ctx, STEERING_CANCEL);
}

void job_retry(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    steer(x, request, args, ctx, STEERING_RETRY);
}

void job_run(struct http_exchange *x, const struct http_request *request,
             const struct route_args *args, void *ctx)
{
    steer(x, request, args, ctx, STEERING_RUN);
}

void job_edit(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    struct job_edit edit;
    struct error why;
    struct api_call *c;
    char *text;

    if (!api_body_is_json(x, request)) return;
    if (job_edit_read(request->body, &edit, &text, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if ((c = api_call_of_job(ctx, x, request, args->arg[0]))) {
        c->change = true;
        c->verb = STEERING_EDIT;
        edit_build(&c->call.request, queue_key_span(&c->key), span_of(c->local), &edit,
                   service_now_ms(ctx));
        api_call_send(c, on_steered);
    }
    free(text);
}
