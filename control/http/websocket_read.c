/* control/http/websocket_read.c — frames to messages.
 *
 *      in --libwslay--> begin_frame, its payload in pieces, end_frame --> message, pong, close
 *
 * libwslay takes frames apart and off their masks; what they mean is decided here. It is there,
 * with the message so far, from a message's first byte to its last; in between it costs nothing.
 * A broken rule ends the stream with the code that RFC 6455 has for it.
 */
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/memory.h"
#include "control/http/flow.h"

struct websocket_reader {
    struct http_exchange *x;
    wslay_frame_context_ptr frames;
    uint64_t fed, framed; /* bytes given to libwslay, and those of whole frames */

    bool in_frame;
    uint64_t left; /* of its payload */
    enum http_opcode opcode;
    bool last; /* FIN */
    char control[WEBSOCKET_CONTROL_BYTES_MAX];
    size_t control_len;

    bool in_message;
    bool text;
    struct buffer message;
    size_t counted; /* what server->buffered holds for it */
};

static ssize_t feed(uint8_t *out, size_t size, int flags, void *ctx)
{
    struct websocket_reader *r = ctx;
    struct http_exchange *x = r->x;
    size_t len = x->in.len - x->in_at;

    (void)flags;
    if (len > size) len = size;
    if (!len) return -1;
    memcpy(out, x->in.data + x->in_at, len);
    x->in_at += len;
    r->fed += len;
    return (ssize_t)len;
}

static void begin_reading(struct http_exchange *x)
{
    static const struct wslay_frame_callbacks callbacks = {.recv_callback = feed};
    struct websocket_reader *r = xcalloc(1, sizeof *r);

    r->x = x;
    if (wslay_frame_context_init(&r->frames, &callbacks, r)) abort(); /* as xmalloc does */
    x->flow->reader = r;
}

static void count_message(struct http_server *server, struct websocket_reader *r)
{
    size_t now = r->message.cap > HTTP_BUFFER_BYTES_KEPT ? r->message.cap : 0;

    server->buffered += now - r->counted; /* unsigned: also goes down */
    r->counted = now;
}

void websocket_reader_free(struct http_server *server, struct http_flow *f)
{
    struct websocket_reader *r = f->reader;

    if (!r) return;
    buffer_deinit(&r->message);
    count_message(server, r);
    wslay_frame_context_free(r->frames);
    free(r);
    f->reader = NULL;
}

/* ---- what ends it ---------------------------------------------------------------------------- */

/* Always false: the frame is the last one that was looked at. */
static bool broken(struct websocket_reader *r, unsigned code, const char *why)
{
    struct http_flow *f = r->x->flow;

    if (f->ending) return false;
    f->ending = true;
    f->end_code = code;
    f->end_why = xstrdup(why);
    return false;
}

/* Those that a peer may send: RFC 6455, 7.4, and the registry of the codes. */
static bool is_close_code(unsigned code)
{
    if (code >= 3000) return code <= 4999;
    return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

static bool on_close(struct websocket_reader *r)
{
    const unsigned char *c = (const unsigned char *)r->control;

    if (r->control_len == 0) return broken(r, CLOSE_NONE, NULL);
    if (r->control_len == 1) return broken(r, CLOSE_PROTOCOL, "half a close code");
    if (!is_close_code((unsigned)c[0] << 8 | c[1]))
        return broken(r, CLOSE_PROTOCOL, "a close code that nobody sends");
    if (!text_is_utf8(r->control + 2, r->control_len - 2))
        return broken(r, CLOSE_NOT_UTF8, "a reason that is no UTF-8");
    return broken(r, (unsigned)c[0] << 8 | c[1], NULL);
}

/* ---- frames ---------------------------------------------------------------------------------- */

static bool is_control(enum http_opcode opcode)
{
    return opcode >= OP_CLOSE;
}

static bool check_order(struct websocket_reader *r, enum http_opcode opcode)
{
    switch (opcode) {
    case OP_MORE:
        return r->in_message || broken(r, CLOSE_PROTOCOL, "a continuation of nothing");
    case OP_TEXT:
    case OP_BINARY:
        return !r->in_message || broken(r, CLOSE_PROTOCOL, "a message within another");
    case OP_CLOSE:
    case OP_PING:
    case OP_PONG: return true;
    }
    return broken(r, CLOSE_PROTOCOL, "an unknown opcode");
}

static bool check_frame(struct websocket_reader *r, const struct wslay_frame_iocb *io)
{
    if (io->rsv) return broken(r, CLOSE_PROTOCOL, "a reserved bit is set");
    if (!io->mask) return broken(r, CLOSE_PROTOCOL, "a client's frames are masked");
    if (!check_order(r, (enum http_opcode)io->opcode)) return false;
    if (is_control((enum http_opcode)io->opcode))
        return (io->fin && io->payload_length <= WEBSOCKET_CONTROL_BYTES_MAX) ||
               broken(r, CLOSE_PROTOCOL, "a control frame in parts, or too long");
    if (io->payload_length > r->x->flow->message_bytes_max - r->message.len)
        return broken(r, CLOSE_TOO_LARGE, "the message is too large");
    return true;
}

static uint64_t head_bytes(uint64_t payload)
{
    return 2 + (payload < 126 ? 0 : payload <= UINT16_MAX ? 2 : 8) + 4;
}

static bool begin_frame(struct websocket_reader *r, const struct wslay_frame_iocb *io)
{
    if (!check_frame(r, io)) return false;
    r->in_frame = true;
    r->left = io->payload_length;
    r->opcode = (enum http_opcode)io->opcode;
    r->last = io->fin;
    r->framed += head_bytes(io->payload_length) + io->payload_length;
    r->control_len = 0;
    if (is_control(r->opcode) || r->opcode == OP_MORE) return true;
    r->in_message = true;
    r->text = r->opcode == OP_TEXT;
    return true;
}

static bool take_payload(struct websocket_reader *r, const struct wslay_frame_iocb *io)
{
    struct http_server *server = r->x->server;

    r->left -= io->data_length;
    if (!io->data_length) return true;
    if (is_control(r->opcode)) {
        memcpy(r->control + r->control_len, io->data, io->data_length);
        r->control_len += io->data_length;
        return true;
    }
    buffer_add(&r->message, io->data, io->data_length);
    count_message(server, r);
    if (!r->counted || server->buffered <= server->limits.buffered_bytes_max) return true;
    return broken(r, CLOSE_TRY_LATER, "too much is being received; try again later");
}

static bool end_message(struct websocket_reader *r)
{
    struct http_stream *s = r->x->stream;
    struct span message = {r->message.len ? r->message.data : "", r->message.len};

    if (r->text && !text_is_utf8(message.data, message.len))
        return broken(r, CLOSE_NOT_UTF8, "a text that is no UTF-8");
    if (s->type->message) s->type->message(s, message, r->text);
    r->in_message = false;
    buffer_deinit(&r->message);
    count_message(r->x->server, r);
    return !r->x->flow->ending;
}

static bool answer_ping(struct websocket_reader *r)
{
    struct http_message *m = http_message_make(OP_PONG, r->control, r->control_len);

    (void)!http_flow_push(r->x, m); /* one that does not read will miss a pong, too */
    http_message_free(m);
    return true;
}

static bool end_frame(struct websocket_reader *r)
{
    r->in_frame = false;
    switch (r->opcode) {
    case OP_CLOSE: return on_close(r);
    case OP_PING: return answer_ping(r);
    case OP_PONG: return true;
    default: return !r->last || end_message(r);
    }
}

/* false: there is nothing more to read, for now or for ever. */
static bool read_piece(struct websocket_reader *r)
{
    struct wslay_frame_iocb io = {0};
    ssize_t n = wslay_frame_recv(r->frames, &io);

    if (n == WSLAY_ERR_WANT_READ) return false;
    if (n < 0) return broken(r, CLOSE_PROTOCOL, "no frame of RFC 6455");
    if (!r->in_frame && !begin_frame(r, &io)) return false;
    return take_payload(r, &io) && (r->left || end_frame(r));
}

static bool is_between_messages(const struct websocket_reader *r)
{
    return !r->in_frame && !r->in_message && r->fed == r->framed;
}

void http_websocket_read(struct http_exchange *x)
{
    struct http_flow *f = x->flow;

    if (x->in_at == x->in.len) return;
    f->pinged = false;
    x->served = true; /* it lives: the next ping is as far away as ever */
    if (!f->reader) begin_reading(x);
    f->reading = true;
    while (read_piece(f->reader)) continue;
    f->reading = false;
    if (f->ending)
        http_flow_finish(x, f->end_code, f->end_why);
    else if (is_between_messages(f->reader))
        websocket_reader_free(x->server, f);
}
