/* control/api/output.c — looks at the job; while it runs, its server is asked to tell its output:
 *
 *      LOOK ──it has ended──► 200, what is kept of it
 *       │ ▲
 *       │ └── each second: it may have ended, run elsewhere by now, or a message was lost
 *       └──► it runs: subscribe, ask its server ──something new──► 200, and where to go on
 *                                               ──time is over, stop, left──► 200, nothing new
 */
#include "control/api/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "control/api/call.h"
#include "control/outputs.h"
#include "control/service.h"
#include "control/shape.h"
#include "scheduler/ticker.h"

#define FIRST_LOOK_MS 100 /* what was asked may have been told before we listened */
#define LOOK_MS       1000

struct output_ask {
    struct call look, follow;
    struct http_waiter waiter;
    struct output_wait wait;
    struct alarm again, over;
    struct http_exchange *exchange;
    struct service *service;
    struct queue_key key;
    uint64_t attempt, offset; /* known so far; attempt 0: nothing */
    unsigned looks;
    bool looking, following; /* the call is on its way */
    bool waits;              /* there was a ?wait= */
    bool is_over;            /* answer whatever is found */
    bool answered;           /* freed when no call is on its way any more */
    char state[16];
    char queue[QUEUE_NAME_MAX + 1], local[QUEUE_NAME_MAX + 1];
};

/* ---- the end --------------------------------------------------------------------------------- */

static void free_when_idle(struct output_ask *a)
{
    if (a->looking || a->following) return;
    request_deinit(&a->look.request);
    request_deinit(&a->follow.request);
    free(a);
}

static void end(struct output_ask *a)
{
    a->answered = true;
    http_wait(a->exchange, NULL);
    outputs_leave(service_outputs(a->service), &a->wait);
    ticker_cancel(service_ticker(a->service), &a->again);
    ticker_cancel(service_ticker(a->service), &a->over);
}

/* `offset`: of the bytes; those behind them are where it goes on, unless it has ended. */
static void reply(struct output_ask *a, struct span state, uint64_t attempt, uint64_t offset,
                  struct span bytes, bool ended)
{
    json_t *o = json_object(), *next = json_null();
    struct http_exchange *x = a->exchange;

    if (!ended) {
        json_decref(next);
        next = json_sprintf("%" PRIu64 ",%" PRIu64, attempt, offset + bytes.len);
    }
    json_object_set_new(o, "id", json_sprintf("%s:%s", a->queue, a->local));
    json_object_set_new(o, "state", shape_text(state));
    json_object_set_new(o, "attempt", json_integer((json_int_t)attempt));
    json_object_set_new(o, "offset", json_integer((json_int_t)offset));
    shape_bytes(o, "output", "output_base64", bytes);
    json_object_set_new(o, "next", next);
    end(a);
    api_reply_json(x, 200, o);
}

static void reply_nothing(struct output_ask *a)
{
    reply(a, span_of(a->state), a->attempt, a->offset, span_of(""), false);
}

/* ---- what its server tells ------------------------------------------------------------------- */

/* "ATTEMPT OFFSET BASE64": what of it is new, as `ret_bytes` in `room`. false: nothing. */
static bool read_message(struct output_ask *a, struct span text, char *room, struct span *ret_bytes)
{
    struct span attempt = span_cut(&text, ' '), offset = span_cut(&text, ' ');
    uint64_t number, from, known;
    size_t len;

    if (text_parse_u64(attempt, a->attempt, UINT32_MAX, &number) ||
        text_parse_u64(offset, 0, INT64_MAX, &from) || base64_decode(text, room, &len))
        return false;
    known = number == a->attempt && a->offset > from ? a->offset - from : 0;
    if (known >= len) return false;
    a->attempt = number;
    a->offset = from + known;
    *ret_bytes = (struct span){room + known, len - known};
    return true;
}

static void on_told(struct output_wait *wait, struct span message, bool stop)
{
    struct output_ask *a = container_of(wait, struct output_ask, wait);
    char *room = xmalloc(message.len + 1);
    struct span bytes = {0};
    bool news = !stop && read_message(a, message, room, &bytes);

    if (news) reply(a, span_of("active"), a->attempt, a->offset, bytes, false);
    else if (stop) reply_nothing(a);
    free(room);
    if (news || stop) free_when_idle(a);
}

static void on_followed(struct call *call, enum pinion_err err, const struct redisReply *got)
{
    struct output_ask *a = container_of(call, struct output_ask, follow);

    (void)err, (void)got; /* it is asked again in a second */
    a->following = false;
    if (a->answered) free_when_idle(a);
}

static void follow(struct output_ask *a, struct span server)
{
    const char *name_space = service_config(a->service)->name_space;
    char *name, *channel, *text;

    if (a->following) return;
    name = xmemdup(server.data, server.len);
    channel = channel_of_server(name_space, name);
    text = xasprintf("follow %s %s", a->queue, a->local);
    request_command(&a->follow.request, "PUBLISH");
    request_add_text(&a->follow.request, channel);
    request_add(&a->follow.request, text, strlen(text));
    a->following = true;
    link_send(service_link(a->service), &a->follow, on_followed);
    free(text);
    free(channel);
    free(name);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void look(struct output_ask *);

static bool has_ended(struct span state)
{
    return span_is(state, "done") || span_is(state, "dead") || span_is(state, "cancelled");
}

/* Goes on, or answers. */
static void judge(struct output_ask *a, const struct job_view *v)
{
    bool runs = span_is(v->state, "active") && v->server.len;

    snprintf(a->state, sizeof a->state, "%.*s", (int)v->state.len, v->state.data);
    if (has_ended(v->state)) {
        struct span kept = span_is(v->state, "done") ? v->result : span_of(v->error);
        reply(a, v->state, shape_attempt(v), 0, kept, true);
        return;
    }
    if (a->is_over || (!runs && !a->waits)) {
        reply_nothing(a);
        return;
    }
    if (!a->wait.channel &&
        outputs_wait(service_outputs(a->service), span_of(a->queue), span_of(a->local),
                     &a->wait)) {
        struct http_exchange *x = a->exchange;
        end(a);
        api_reply_busy(x, "too many follow the output of jobs: try again later");
        return;
    }
    if (runs) follow(a, v->server);
    ticker_set_in(service_ticker(a->service), &a->again, a->looks++ ? LOOK_MS : FIRST_LOOK_MS);
}

static void on_look(struct call *call, enum pinion_err err, const struct redisReply *got)
{
    struct output_ask *a = container_of(call, struct output_ask, look);
    struct job_view view = {0};

    a->looking = false;
    if (a->answered) {
        free_when_idle(a);
        return;
    }
    if (!err) err = show_read(got, span_of(a->local), &view);
    if (!err) {
        judge(a, &view);
        job_view_deinit(&view);
    } else {
        struct http_exchange *x = a->exchange;
        end(a);
        if (err == PINION_NOT_FOUND)
            http_reply_error(x, err, "job %s:%s: not found; it may have ended and not been kept "
                             "(retain_ms)", a->queue, a->local);
        else
            api_reply_failed(x, err, false);
    }
    if (a->answered) free_when_idle(a);
}

static void look(struct output_ask *a)
{
    if (a->looking) return;
    a->looking = true;
    show_build(&a->look.request, queue_key_span(&a->key), span_of(a->local));
    link_send(service_link(a->service), &a->look, on_look);
}

static void on_again(struct alarm *alarm)
{
    look(container_of(alarm, struct output_ask, again));
}

/* What it is now is told: the time is over, or nobody reads it any more. */
static void look_last(struct output_ask *a)
{
    a->is_over = true;
    outputs_leave(service_outputs(a->service), &a->wait);
    look(a);
}

static void on_over(struct alarm *alarm)
{
    look_last(container_of(alarm, struct output_ask, over));
}

static void on_left(struct http_waiter *waiter)
{
    look_last(container_of(waiter, struct output_ask, waiter));
}

/* ---- what was asked -------------------------------------------------------------------------- */

/* false: it has answered. */
static bool read_after(struct output_ask *a, const struct http_request *request)
{
    char room[48];
    struct span text, attempt;

    if (!api_query_text(a->exchange, request, "after", room, sizeof room, &text)) return false;
    if (!text.data) return true;
    attempt = span_cut(&text, ',');
    if (!text_parse_u64(attempt, 0, UINT32_MAX, &a->attempt) &&
        !text_parse_u64(text, 0, INT64_MAX, &a->offset))
        return true;
    http_reply_error(a->exchange, PINION_INVALID,
                     "?after=%s: expected the `next` of what was answered before", room);
    return false;
}

static bool read_query(struct output_ask *a, const struct http_request *request, uint64_t *ret_ms)
{
    static const char *const known[] = {"after", "wait", NULL};
    struct error why;
    struct span text;
    char room[32];

    *ret_ms = API_OUTPUT_ASK_MS;
    if (!api_query_is(a->exchange, request, known) || !read_after(a, request) ||
        !api_query_text(a->exchange, request, "wait", room, sizeof room, &text))
        return false;
    a->waits = text.data != NULL;
    if (!text.data ||
        (!duration_parse(text, ret_ms, &why) && *ret_ms <= API_OUTPUT_WAIT_MAX_MS))
        return true;
    http_reply_error(a->exchange, PINION_INVALID, "?wait=%s: expected a duration of at most 5m",
                     room);
    return false;
}

void job_output(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    struct output_ask *a = xcalloc(1, sizeof *a);
    struct span queue, local;
    struct error why;
    uint64_t wait_ms;

    a->look.request = a->follow.request = REQUEST_INIT;
    a->waiter.left = on_left;
    a->wait.told = on_told;
    a->exchange = x;
    a->service = ctx;
    alarm_init(&a->again, on_again);
    alarm_init(&a->over, on_over);
    if (id_split(args->arg[0], NULL, &queue, &local, &why)) {
        api_reply_why(x, &why);
        free(a);
        return;
    }
    if (!read_query(a, request, &wait_ms) || !api_has_redis(ctx, x)) {
        free(a);
        return;
    }
    a->key = queue_key(service_config(ctx)->name_space, queue);
    snprintf(a->queue, sizeof a->queue, "%.*s", (int)queue.len, queue.data);
    snprintf(a->local, sizeof a->local, "%.*s", (int)local.len, local.data);
    ticker_set_in(service_ticker(ctx), &a->over, wait_ms);
    http_allow_ms(x, wait_ms + 30000);
    http_wait(x, &a->waiter);
    look(a);
}
