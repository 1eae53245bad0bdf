#include "control/api/batches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/api/call.h"
#include "control/new_job.h"
#include "control/service.h"
#include "control/shape.h"
#include "control/shape_batch.h"
#include "control/submitter.h"
#include "queue/batch.h"

#define CURSOR_BYTES_MAX 24

/* ---- list ------------------------------------------------------------------------------------ */

static void on_list(struct api_call *c, const struct redisReply *reply)
{
    struct span next = batch_list_next(reply);
    char text[CURSOR_BYTES_MAX];

    snprintf(text, sizeof text, "%.*s", (int)next.len, next.len ? next.data : "");
    api_reply_json(c->exchange, 200,
                   shape_list(shape_batches(reply, span_of(c->queue)), next.len ? text : NULL));
}

void batches_list(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    static const char *const known[] = {"after", "limit", NULL};
    char room[CURSOR_BYTES_MAX];
    uint64_t limit = 100;
    struct span after;
    struct api_call *c;

    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "after", room, sizeof room, &after) ||
        !api_query_number(x, request, "limit", BATCH_PAGE_MAX, &limit))
        return;
    if (after.data && (!after.len || strspn(room, "0123456789") != after.len)) {
        http_reply_error(x, PINION_INVALID, "?after=%s: expected the `next` of a listing", room);
        return;
    }
    if (!(c = api_call_of_queue(ctx, x, request, args->arg[0]))) return;
    batch_list_build(&c->call.request, queue_key_span(&c->key), after, limit);
    api_call_send(c, on_list);
}

/* ---- one ------------------------------------------------------------------------------------- */

/* Answers and gives NULL where a name in the path is bad; else c->local is that of the batch. */
static struct api_call *call_of(struct service *s, struct http_exchange *x,
                                const struct http_request *request, const struct route_args *args)
{
    struct api_call *c;
    struct error why;

    if (batch_name_check(args->arg[1], &why)) {
        api_reply_why(x, &why);
        return NULL;
    }
    if (!(c = api_call_of_queue(s, x, request, args->arg[0]))) return NULL;
    snprintf(c->local, sizeof c->local, "%s", args->arg[1].data);
    return c;
}

static void on_show(struct api_call *c, const struct redisReply *reply)
{
    struct batch_view b;
    struct error why;

    if (batch_show_read(reply, span_of(c->local), &b, &why)) api_reply_why(c->exchange, &why);
    else api_reply_json(c->exchange, c->verb, shape_batch(&b, span_of(c->queue)));
}

static void show(struct api_call *c, unsigned status)
{
    c->verb = status;
    batch_show_build(&c->call.request, queue_key_span(&c->key), span_of(c->local));
    api_call_send(c, on_show);
}

void batch_show(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct api_call *c;

    if (!api_query_is(x, request, known)) return;
    if ((c = call_of(ctx, x, request, args))) show(c, 200);
}

static void on_close(struct api_call *c, const struct redisReply *reply)
{
    struct batch_view b;
    struct error why;
    bool existing;
    json_t *o;

    if (batch_close_read(reply, span_of(c->local), &b, &existing, &why)) {
        api_reply_why(c->exchange, &why);
        return;
    }
    o = shape_batch(&b, span_of(c->queue));
    json_object_set_new(o, "existing", json_boolean(existing));
    api_reply_json(c->exchange, 200, o);
}

void batch_close(struct http_exchange *x, const struct http_request *request,
                 const struct route_args *args, void *ctx)
{
    struct api_call *c;

    if (!api_query_is_empty(x, request) || !api_body_is_empty(x, request)) return;
    if (!(c = call_of(ctx, x, request, args))) return;
    c->change = true;
    batch_close_build(&c->call.request, queue_key_span(&c->key), span_of(c->local));
    api_call_send(c, on_close);
}

/* ---- open ------------------------------------------------------------------------------------ */

/* The answer is the batch, which takes a second question. */
static void on_open(struct api_call *c, const struct redisReply *reply)
{
    struct error why;
    bool existing;
    struct api_call *next;

    if (batch_open_read(reply, span_of(c->local), &existing, &why)) {
        api_reply_why(c->exchange, &why);
        return;
    }
    next = api_call_of_queue(c->service, c->exchange, c->request, span_of(c->queue));
    if (!next) return;
    snprintf(next->local, sizeof next->local, "%s", c->local);
    show(next, existing ? 200 : 201);
}

/* {"on_complete": {"kind", "payload"}}, or nothing. */
static enum pinion_err read_body(struct span body, struct new_job *ret, bool *ret_has,
                                 struct error *why)
{
    json_t *o = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *job = json_object_get(o, "on_complete");
    const char *name;
    json_t *value;
    enum pinion_err err = PINION_OK;
    char *text;

    if (!json_is_object(o) || json_object_size(o) != (job ? 1 : 0))
        err = error_set(why, PINION_INVALID,
                        "expected a JSON object: {} or {\"on_complete\":{\"kind\",\"payload\"}}");
    json_object_foreach (job, name, value)
        if (!err && strcmp(name, "kind") && strcmp(name, "payload") &&
            strcmp(name, "payload_base64"))
            err = error_set(why, PINION_INVALID,
                            "on_complete: key %.40s: expected kind, payload, payload_base64", name);
    *ret_has = job && !json_is_null(job);
    if (!err && *ret_has) {
        text = json_dumps(job, JSON_COMPACT | JSON_ENCODE_ANY);
        err = new_job_read(span_of(text), NULL, ret, why);
        free(text);
    }
    json_decref(o);
    return err;
}

void batch_put(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    struct new_job job;
    struct api_call *c;
    struct error why;
    bool has = false;

    if (!api_query_is_empty(x, request) || !api_body_is_json(x, request)) return;
    if (read_body(request->body, &job, &has, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if ((c = call_of(ctx, x, request, args))) {
        c->change = true;
        submitter_register(service_submitter(ctx), args->arg[0]); /* perhaps before any job */
        batch_open_build(&c->call.request, queue_key_span(&c->key), span_of(c->local),
                         has ? &job.job : NULL, service_now_ms(ctx));
        api_call_send(c, on_open);
    }
    if (has) new_job_deinit(&job);
}
