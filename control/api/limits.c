#include "control/api/limits.h"

#include "control/api/call.h"
#include "control/service.h"
#include "control/shape_limits.h"
#include "control/submitter.h"
#include "queue/look.h"

static void on_stats(struct api_call *c, const struct redisReply *reply)
{
    api_reply_json(c->exchange, 200,
                   json_pack("{s:s, s:o}", "queue", c->queue, "limits", shape_limits(reply)));
}

/* The answer is what is in force now, which takes a second question. */
static void on_set(struct api_call *c, const struct redisReply *reply)
{
    struct error why;
    struct api_call *show;

    if (limit_read(reply, &why)) {
        api_reply_why(c->exchange, &why);
        return;
    }
    show = api_call_of_queue(c->service, c->exchange, c->request, span_of(c->queue));
    if (!show) return;
    stats_build(&show->call.request, queue_key_span(&show->key));
    api_call_send(show, on_stats);
}

void limits_put(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    struct limits all;
    struct api_call *c;
    struct error why;
    json_t *json;
    enum pinion_err err;

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
    json = json_loadb(request->body.data ? request->body.data : "", request->body.len,
                      JSON_REJECT_DUPLICATES, NULL);
    err = limits_read(json, &all, &why);
    if (err) {
        api_reply_why(x, &why);
    } else {
        if ((c = api_call_of_queue(ctx, x, request, args->arg[0]))) {
            c->change = true;
            submitter_register(service_submitter(ctx), args->arg[0]); /* perhaps before any job */
            limit_build(&c->call.request, queue_key_span(&c->key), true, all.limits, all.count);
            api_call_send(c, on_set);
        }
        limits_deinit(&all);
    }
    json_decref(json);
}
