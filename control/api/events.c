/* control/api/events.c — a frame of the hub is one message: `id: ID\ndata: JSON\n\n`, or of a
 * WebSocket the JSON. It is made once for all that are sent the same. */
#include "control/api/events.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/events/hub.h"
#include "control/http/websocket.h"
#include "control/service.h"
#include "scheduler/ticker.h"

#define VALUE_BYTES_MAX 4096 /* of one name in the query */

enum form { FORM_SSE, FORM_WEBSOCKET };

_Static_assert(FORM_WEBSOCKET < FRAME_FORMS, "a frame has a place for each form");

struct event_stream {
    struct http_stream stream;
    struct listener listener;
    struct service *service;
    enum form form;
    struct alarm idle;
};

/* ---- sending --------------------------------------------------------------------------------- */

static void drop_form(void *form)
{
    http_message_free(form);
}

static struct http_message *message_of(const struct frame *f, enum form form)
{
    struct buffer text = BUFFER_INIT;
    struct http_message *m;

    if (form == FORM_WEBSOCKET) return http_message_new(f->json.data, f->json.len, true);
    buffer_printf(&text, "id: %s\ndata: ", f->id);
    buffer_add(&text, f->json.data, f->json.len);
    buffer_add_text(&text, "\n\n");
    m = http_message_new(text.data, text.len, true);
    buffer_deinit(&text);
    return m;
}

static bool send_frame(struct listener *listener, struct frame *f)
{
    struct event_stream *e = container_of(listener, struct event_stream, listener);

    f->drop_form = drop_form;
    if (!f->forms[e->form]) f->forms[e->form] = message_of(f, e->form);
    if (!http_stream_send_message(&e->stream, f->forms[e->form])) return false;
    http_stream_flush(&e->stream); /* so that the hub knows what a frame costs the loop */
    return true;
}

/* A WebSocket is pinged by itself. */
static void on_idle(struct alarm *alarm)
{
    static const char comment[] = ":\n\n";
    struct event_stream *e = container_of(alarm, struct event_stream, idle);

    if (http_stream_queued(&e->stream) == 0)
        (void)http_stream_send(&e->stream, comment, sizeof comment - 1);
    ticker_set_in(service_ticker(e->service), &e->idle, EVENTS_IDLE_MS);
}

static void on_ended(struct http_stream *stream)
{
    struct event_stream *e = container_of(stream, struct event_stream, stream);

    hub_leave(service_hub(e->service), &e->listener);
    ticker_cancel(service_ticker(e->service), &e->idle);
    free(e);
}

static const struct http_stream_type stream_type = {.ended = on_ended};

/* ---- what is asked --------------------------------------------------------------------------- */

struct asked {
    struct event_filter filter;
    uint64_t frames;
    char last_id[FRAME_ID_MAX + 1];
    bool has_last_id;
};

static enum pinion_err read_with(struct event_filter *f, struct span value, struct error *why)
{
    f->with_kind = true;
    if (span_is(value, "kind")) return PINION_OK;
    return error_set(why, PINION_INVALID, "?with=%.*s: expected kind",
                     (int)(value.len > 40 ? 40 : value.len), value.data);
}

static const struct {
    const char *name;
    enum pinion_err (*read)(struct event_filter *, struct span, struct error *);
} lists[] = {
    {"queue", event_filter_queues},
    {"kind",  event_filter_kinds },
    {"type",  event_filter_types },
    {"with",  read_with          },
};

/* One name=value of the query, which may stand in it more than once. */
static enum pinion_err read_pair(struct event_filter *f, struct span pair, struct error *why)
{
    char value[VALUE_BYTES_MAX];
    enum pinion_err err = PINION_OK;

    for (size_t i = 0; !err && i < countof(lists); i++) {
        struct span rest = pair;
        if (!span_is(span_cut(&rest, '='), lists[i].name)) continue;
        err = route_query(pair, lists[i].name, value, sizeof value, why);
        if (!err) err = lists[i].read(f, span_of(value), why);
    }
    return err;
}

static bool read_filter(struct http_exchange *x, const struct http_request *request,
                        struct event_filter *f)
{
    struct span rest = request->query;
    struct error why;

    while (rest.len) {
        if (!read_pair(f, span_cut(&rest, '&'), &why)) continue;
        api_reply_why(x, &why);
        return false;
    }
    if (request->caller->scope[0]) f->prefix = xstrdup(request->caller->scope);
    for (struct span names = span_of(f->queues.text); names.len;) {
        if (api_may_see(request, span_cut(&names, ','))) continue;
        api_reply_out_of_scope(x, request);
        return false;
    }
    return true;
}

/* One that is too long is none of ours. */
static bool read_last_id(struct http_exchange *x, const struct http_request *request,
                         struct asked *a)
{
    struct span given = http_header(request, "Last-Event-ID");
    char value[VALUE_BYTES_MAX];
    struct span named;

    if (!api_query_text(x, request, "last_event_id", value, sizeof value, &named)) return false;
    if (named.data) given = named;
    a->has_last_id = given.len > 0;
    if (given.len && given.len < sizeof a->last_id) memcpy(a->last_id, given.data, given.len);
    return true;
}

static bool read_asked(struct http_exchange *x, const struct http_request *request,
                       struct asked *a)
{
    static const char *const known[] = {"queue",  "kind",          "type", "with",
                                        "frames", "last_event_id", NULL};

    *a = (struct asked){0};
    a->frames = HUB_FRAMES_MAX;
    return api_query_is(x, request, known) && read_filter(x, request, &a->filter) &&
           api_query_number(x, request, "frames", HUB_FRAMES_MAX, &a->frames) &&
           read_last_id(x, request, a);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static void begin(struct service *s, struct http_exchange *x, const struct http_request *request,
                  struct asked *a)
{
    static const struct http_header headers[] = {
        {"Cache-Control",     "no-store"},
        {"X-Accel-Buffering", "no"      }, /* a proxy passes on what comes, as it comes */
        {NULL,                NULL      }
    };
    static const char hello[] = "retry: 1000\n\n"; /* milliseconds, until a cut client comes back */
    struct event_stream *e = xcalloc(1, sizeof *e);

    *e = (struct event_stream){.stream.type = &stream_type,
                               .listener.frame = send_frame,
                               .service = s,
                               .form = http_websocket_wanted(request) ? FORM_WEBSOCKET : FORM_SSE};
    alarm_init(&e->idle, on_idle);
    hub_listen(service_hub(s), &e->listener, &a->filter, (unsigned)a->frames,
               a->has_last_id ? span_of(a->last_id) : (struct span){0});
    if (e->form == FORM_WEBSOCKET) {
        http_websocket_open(x, request, &e->stream, NULL);
        return;
    }
    http_stream_open(x, &e->stream, "text/event-stream", headers);
    (void)http_stream_send(&e->stream, hello, sizeof hello - 1);
    ticker_set_in(service_ticker(s), &e->idle, EVENTS_IDLE_MS);
}

void events_follow(struct http_exchange *x, const struct http_request *request,
                   const struct route_args *args, void *ctx)
{
    struct hub *hub = service_hub(ctx);
    struct asked asked;

    (void)args;
    if (!read_asked(x, request, &asked)) goto end;
    if (!hub || hub_stopped(hub))
        http_reply_error(x, PINION_UNAVAILABLE,
                         "Redis is out of reach, or the service stops; try again in a moment");
    else
        begin(ctx, x, request, &asked);
end:
    event_filter_deinit(&asked.filter);
}
