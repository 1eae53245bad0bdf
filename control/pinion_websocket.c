#include <stdlib.h>

#include "base/memory.h"
#include "control/http/websocket.h"
#include "control/pinion_exchange.h"

_Static_assert(PINION_WEBSOCKET_QUEUE_BYTES == HTTP_STREAM_QUEUE_BYTES_MAX &&
                   HTTP_MESSAGE_BYTES_COST == 64,
               "pinion.h says what a queue holds");

struct pinion_websocket {
    struct http_stream stream;
    struct pinion_websocket_handler handler;
    void *ctx;
};

static struct pinion_websocket *of(struct http_stream *stream)
{
    return container_of(stream, struct pinion_websocket, stream);
}

static void on_message(struct http_stream *stream, struct span message, bool text)
{
    struct pinion_websocket *w = of(stream);

    if (w->handler.message) w->handler.message(w, message.data, message.len, text, w->ctx);
}

static void on_ready(struct http_stream *stream)
{
    struct pinion_websocket *w = of(stream);

    if (w->handler.ready) w->handler.ready(w, w->ctx);
}

static void on_ended(struct http_stream *stream)
{
    struct pinion_websocket *w = of(stream);

    if (w->handler.closed) w->handler.closed(w, w->ctx);
    free(w);
}

static const struct http_stream_type type = {on_message, on_ready, on_ended};

struct pinion_websocket *pinion_websocket_open(struct pinion_exchange *e,
                                               const struct pinion_websocket_handler *handler,
                                               void *ctx)
{
    struct pinion_websocket *w = xcalloc(1, sizeof *w);
    struct http_websocket_options options = {
        .message_bytes_max = handler->message_bytes_max,
        .ping_ms = handler->ping_ms,
        .protocol = handler->protocol,
    };

    w->stream.type = &type;
    w->handler = *handler;
    w->ctx = ctx;
    http_websocket_open(e->x, e->request, &w->stream, &options);
    exchange_free(e);
    return w;
}

enum pinion_err pinion_websocket_send(struct pinion_websocket *w, const void *data, size_t len,
                                      int text)
{
    struct pinion_websocket *const one[] = {w};

    if (text && !text_is_utf8(data, len)) return PINION_INVALID;
    if (!http_stream_is_open(&w->stream)) return PINION_CONFLICT;
    return pinion_websocket_send_all(one, 1, data, len, text) ? PINION_OK : PINION_BUSY;
}

size_t pinion_websocket_send_all(struct pinion_websocket *const *all, size_t count,
                                 const void *data, size_t len, int text)
{
    struct http_message *m;
    size_t queued = 0;

    if (len > PINION_WEBSOCKET_QUEUE_BYTES || (text && !text_is_utf8(data, len))) return 0;
    m = http_message_new(data, len, text != 0);
    for (size_t i = 0; i < count; i++) queued += http_stream_send_message(&all[i]->stream, m);
    http_message_free(m);
    return queued;
}

size_t pinion_websocket_queued(const struct pinion_websocket *w)
{
    return http_stream_queued(&w->stream);
}

void pinion_websocket_close(struct pinion_websocket *w, unsigned code, const char *why)
{
    http_stream_end(&w->stream, code, why);
}
