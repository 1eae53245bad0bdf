#include "control/api/jobs.h"

#include <stdlib.h>
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/explain.h"
#include "control/new_job.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/steering.h"
#include "queue/steer.h"

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
                   shape_job(&view, span_of(c->queue), api_content(c->request)));
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
                                .content = api_content(c->request)};
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

    if (!api_query_is_empty(x, request) || !api_body_is_empty(x, request)) return;
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

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
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
