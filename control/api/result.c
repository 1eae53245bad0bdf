/* control/api/result.c — looks at once, and again when an event tells of an end, until the time is
 * over:
 *
 *      LOOK ──it has ended──► 200      event ──► LOOK      over, stop, left ──► LAST LOOK ──► 202
 */
#include "control/api/result.h"

#include <stdlib.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/results.h"
#include "control/service.h"
#include "control/shape.h"
#include "scheduler/ticker.h"

struct result_ask {
    struct call call;
    struct http_waiter waiter;
    struct result_wait wait;
    struct alarm over;
    struct http_exchange *exchange;
    struct service *service;
    struct queue_key key;
    bool looking; /* the call is on its way */
    bool again;   /* something was told meanwhile: look once more */
    bool last;    /* answer whatever is found */
    char queue[QUEUE_NAME_MAX + 1], local[QUEUE_NAME_MAX + 1];
};

static void free_ask(struct result_ask *a)
{
    results_leave(service_results(a->service), &a->wait);
    ticker_cancel(service_ticker(a->service), &a->over);
    request_deinit(&a->call.request);
    free(a);
}

static bool has_ended(const struct job_view *v)
{
    return span_is(v->state, "done") || span_is(v->state, "dead") ||
           span_is(v->state, "cancelled");
}

static void reply(struct result_ask *a, const struct job_view *v)
{
    json_t *o = json_pack("{s:o, s:o, s:o, s:o}", "id", json_sprintf("%s:%s", a->queue, a->local),
                          "state", shape_text(v->state), "error",
                          shape_text(span_of(v->error)), "reason", shape_text(span_of(v->why)));

    shape_bytes(o, "result", "result_base64", v->result);
    api_reply_json(a->exchange, has_ended(v) ? 200 : 202, o);
}

static void look(struct result_ask *);

static void on_look(struct call *call, enum pinion_err err, const struct redisReply *got)
{
    struct result_ask *a = container_of(call, struct result_ask, call);
    struct job_view view = {0};

    a->looking = false;
    if (!err) err = show_read(got, span_of(a->local), &view);
    if (!err && !has_ended(&view) && (!a->last || a->again)) {
        job_view_deinit(&view);
        if (a->again) look(a);
        return;
    }
    if (err == PINION_NOT_FOUND)
        http_reply_error(a->exchange, err,
                         "job %s:%s: not found; it may have ended and not been kept (retain_ms)",
                         a->queue, a->local);
    else if (err)
        api_reply_failed(a->exchange, err, false);
    else
        reply(a, &view);
    job_view_deinit(&view);
    free_ask(a);
}

static void look(struct result_ask *a)
{
    a->again = a->looking;
    if (a->looking) return;
    a->looking = true;
    show_build(&a->call.request, queue_key_span(&a->key), span_of(a->local));
    link_send(service_link(a->service), &a->call, on_look);
}

/* Whatever it is now, is told: the time is over, nobody reads it any more, or the server stops. */
static void look_last(struct result_ask *a)
{
    a->last = true;
    results_leave(service_results(a->service), &a->wait);
    look(a);
}

static void on_told(struct result_wait *wait, bool stop)
{
    struct result_ask *a = container_of(wait, struct result_ask, wait);

    if (stop) look_last(a);
    else look(a);
}

static void on_over(struct alarm *alarm)
{
    look_last(container_of(alarm, struct result_ask, over));
}

static void on_left(struct http_waiter *waiter)
{
    look_last(container_of(waiter, struct result_ask, waiter));
}

/* false: it has answered. */
static bool read_wait(struct http_exchange *x, const struct http_request *request, uint64_t *ret_ms)
{
    static const char *const known[] = {"wait", NULL};
    struct error why;
    struct span text;
    char room[32];

    *ret_ms = 0;
    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "wait", room, sizeof room, &text))
        return false;
    if (!text.data ||
        (duration_parse(text, ret_ms, &why) == PINION_OK && *ret_ms <= API_RESULT_WAIT_MAX_MS))
        return true;
    http_reply_error(x, PINION_INVALID, "?wait=%s: expected a duration of at most 5m", room);
    return false;
}

static void start(struct result_ask *a, uint64_t wait_ms)
{
    alarm_init(&a->over, on_over);
    list_init(&a->wait.node);
    a->wait.look = on_told;
    a->wait.local = span_of(a->local);
    a->last = wait_ms == 0;
    if (wait_ms && results_wait(service_results(a->service), span_of(a->queue), &a->wait)) {
        api_reply_busy(a->exchange, "too many are waiting for results: try again later");
        free_ask(a);
        return;
    }
    if (wait_ms) {
        ticker_set_in(service_ticker(a->service), &a->over, wait_ms);
        http_allow_ms(a->exchange, wait_ms + 30000);
        http_wait(a->exchange, &a->waiter);
    }
    look(a);
}

void job_result(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    struct span queue, local;
    struct result_ask *a;
    struct error why;
    uint64_t wait_ms;

    if (!read_wait(x, request, &wait_ms)) return;
    if (id_split(args->arg[0], NULL, &queue, &local, &why)) {
        api_reply_why(x, &why);
        return;
    }
    if (!api_has_redis(ctx, x)) return;
    a = xcalloc(1, sizeof *a);
    a->call.request = REQUEST_INIT;
    a->waiter.left = on_left;
    a->exchange = x;
    a->service = ctx;
    a->key = queue_key(service_config(ctx)->name_space, queue);
    snprintf(a->queue, sizeof a->queue, "%.*s", (int)queue.len, queue.data);
    snprintf(a->local, sizeof a->local, "%.*s", (int)local.len, local.data);
    start(a, wait_ms);
}
