#include "control/http/stream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/http/flow.h"

/* ---- messages -------------------------------------------------------------------------------- */

struct http_message *http_message_make(enum http_opcode opcode, const void *data, size_t len)
{
    struct http_message *m = xmalloc(sizeof *m + len);

    *m = (struct http_message){.refs = 1, .opcode = opcode, .len = len};
    if (len) memcpy(m->data, data, len);
    return m;
}

struct http_message *http_message_new(const void *data, size_t len, bool text)
{
    return http_message_make(text ? OP_TEXT : OP_BINARY, data, len);
}

void http_message_free(struct http_message *m)
{
    if (m && --m->refs == 0) free(m);
}

/* ---- framing --------------------------------------------------------------------------------- */

#define FRAME_HEAD_MAX 20 /* a chunk's size in hex and CR LF; a WebSocket needs less */

/* What stands before a message. */
static size_t frame_head(const struct http_flow *f, const struct http_message *m,
                         char out[FRAME_HEAD_MAX])
{
    size_t more = m->len < 126 ? 0 : m->len <= UINT16_MAX ? 2 : 8;

    if (f->chunked) return (size_t)snprintf(out, FRAME_HEAD_MAX, "%zx\r\n", m->len);
    if (!f->websocket) return 0;
    out[0] = (char)(0x80 | m->opcode);
    out[1] = (char)(more == 0 ? m->len : more == 2 ? 126 : 127);
    for (size_t i = 0; i < more; i++) out[2 + i] = (char)((uint64_t)m->len >> (8 * (more - 1 - i)));
    return 2 + more;
}

static size_t framed_len(const struct http_flow *f, const struct http_message *m)
{
    char head[FRAME_HEAD_MAX];

    return frame_head(f, m, head) + m->len + (f->chunked ? 2 : 0);
}

/* Adds what of `part` lies behind the first *skip bytes, as far as there is room. */
static size_t add_part(struct span part, size_t *skip, char *out, size_t room)
{
    size_t skipped = *skip < part.len ? *skip : part.len;
    size_t len = part.len - skipped < room ? part.len - skipped : room;

    *skip -= skipped;
    if (len) memcpy(out, part.data + skipped, len);
    return len;
}

size_t http_flow_gather(const struct http_exchange *x, char *out, size_t size)
{
    const struct http_flow *f = x->flow;
    size_t len = 0, skip = f->sent;
    char head[FRAME_HEAD_MAX];

    for (unsigned i = 0; i < f->count && len < size; i++) {
        const struct http_message *m = f->queue[f->at + i];
        const struct span parts[] = {
            {head,    frame_head(f, m, head)},
            {m->data, m->len                },
            {"\r\n",  f->chunked ? 2 : 0    },
        };
        for (size_t p = 0; p < countof(parts); p++)
            len += add_part(parts[p], &skip, out + len, size - len);
    }
    return len;
}

/* ---- the queue ------------------------------------------------------------------------------- */

static size_t cost_of(const struct http_message *m)
{
    return m->len + HTTP_MESSAGE_BYTES_COST;
}

static void make_room(struct http_flow *f)
{
    if (f->at + f->count < f->cap) return;
    if (f->at > f->cap / 2) {
        memmove(f->queue, f->queue + f->at, f->count * sizeof *f->queue);
        f->at = 0;
        return;
    }
    f->cap = f->cap ? f->cap * 2 : 4;
    f->queue = xrealloc(f->queue, f->cap * sizeof *f->queue);
}

/* A quarter of what all may hold is left to readers for whom nothing waits: they are not made to
 * miss anything by those who do not read. */
static bool has_room(const struct http_exchange *x, const struct http_message *m)
{
    const struct http_limits *limits = &x->server->limits;
    size_t max = limits->streams_bytes_max, more = HTTP_MESSAGE_BYTES_COST;

    if (m->opcode == OP_PING) return true; /* one each, and only while nothing waits */
    if (x->flow->count) max -= max / 4;
    if (!m->queues) more += m->len;
    return x->flow->queued + cost_of(m) <= limits->stream_queue_bytes_max &&
           x->server->streamed + more <= max;
}

static void enqueue(struct http_exchange *x, struct http_message *m)
{
    struct http_flow *f = x->flow;

    make_room(f);
    f->queue[f->at + f->count++] = m;
    f->queued += cost_of(m);
    x->server->streamed += HTTP_MESSAGE_BYTES_COST + (m->queues++ ? 0 : m->len);
    m->refs++;
}

static void let_go(struct http_exchange *x, struct http_message *m)
{
    x->server->streamed -= HTTP_MESSAGE_BYTES_COST + (--m->queues ? 0 : m->len);
    http_message_free(m);
}

bool http_flow_push(struct http_exchange *x, struct http_message *m)
{
    if (!has_room(x, m)) return false;
    enqueue(x, m);
    if (!x->in_turn) http_conn_next(x);
    return true;
}

static void pop(struct http_exchange *x)
{
    struct http_flow *f = x->flow;
    struct http_message *m = f->queue[f->at++];

    f->queued -= cost_of(m);
    f->sent = 0;
    let_go(x, m);
    if (--f->count) return;
    f->at = 0;
    f->emptied = true;
    if (f->cap <= HTTP_STREAM_ENTRIES_KEPT) return;
    free(f->queue);
    f->queue = NULL;
    f->cap = 0;
}

void http_flow_sent(struct http_exchange *x, size_t bytes)
{
    struct http_flow *f = x->flow;

    x->served = true; /* it takes something: its time begins anew */
    while (f->count) {
        size_t left = framed_len(f, f->queue[f->at]) - f->sent;
        if (bytes < left) break;
        bytes -= left;
        pop(x);
    }
    f->sent += bytes;
}

bool http_stream_is_open(const struct http_stream *s)
{
    return s->exchange && !s->exchange->flow->ending;
}

bool http_stream_send_message(struct http_stream *s, struct http_message *m)
{
    struct http_exchange *x = s->exchange;

    if (!http_stream_is_open(s)) return false;
    if (!m->len && !x->flow->websocket) return true; /* an empty chunk would be the last one */
    return http_flow_push(x, m);
}

void http_stream_flush(struct http_stream *s)
{
    if (s->exchange) http_conn_flush(s->exchange);
}

bool http_stream_send(struct http_stream *s, const void *data, size_t len)
{
    struct http_message *m;

    if (!s->exchange || len > s->exchange->server->limits.stream_queue_bytes_max) return false;
    m = http_message_new(data, len, true);
    bool queued = http_stream_send_message(s, m);
    http_message_free(m);
    return queued;
}

size_t http_stream_queued(const struct http_stream *s)
{
    return s->exchange ? s->exchange->flow->queued : 0;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void http_flow_refuse(struct http_exchange *x, struct http_stream *s)
{
    s->exchange = NULL;
    x->stream = s;
}

struct http_flow *http_flow_begin(struct http_exchange *x, struct http_stream *s)
{
    struct http_flow *f = xcalloc(1, sizeof *f);

    assert(x->at == CONN_ANSWER && !x->flow);
    x->stream = s;
    x->flow = f;
    x->at = CONN_STREAM;
    x->served = true;
    x->in_at += x->parser.head.bytes + x->parser.body_len;
    s->exchange = x;
    return f;
}

void http_flow_free(struct http_exchange *x)
{
    struct http_flow *f = x->flow;

    if (!f) return;
    assert(!f->reading);
    x->stream->exchange = NULL;
    x->flow = NULL;
    websocket_reader_free(x->server, f);
    for (unsigned i = 0; i < f->count; i++) let_go(x, f->queue[f->at + i]);
    free(f->queue);
    free(f->end_why);
    free(f);
}

/* The head is in `out`, or the client is told something else, or is gone: the turn goes on. */
void http_flow_opened(struct http_exchange *x)
{
    struct http_stream *s = x->stream;

    x->owed = false;
    x->waiter = NULL;
    if (x->server) {
        if (!x->in_turn || !x->flow) http_conn_next(x);
        return;
    }
    x->stream = NULL;
    http_conn_free(x); /* the server was closed: no loop is left to tell it by */
    s->type->ended(s);
}

/* A body was begun, and has no more to come: the next request, or the end. */
static void body_done(struct http_exchange *x, bool close)
{
    x->served = true;
    x->at = close ? CONN_CLOSE : CONN_HEAD;
    http_parser_init(&x->parser, &x->server->limits);
}

void http_stream_open(struct http_exchange *x, struct http_stream *s, const char *content_type,
                      const struct http_header *headers)
{
    assert(x->owed && !x->stream);
    if (x->at != CONN_ANSWER) {
        http_flow_refuse(x, s);
    } else {
        bool head = strcmp(x->parser.head.method, "HEAD") == 0;
        bool close = http_exchange_closes(x) || x->parser.head.old;
        struct http_flow *f = http_flow_begin(x, s);
        f->chunked = !x->parser.head.old;
        http_render_endless(x, content_type, headers, close);
        if (head) {
            http_flow_free(x);
            body_done(x, close);
        }
    }
    http_flow_opened(x);
}

/* The text of an end that fits, and is cut at no half of a character. */
static size_t why_len(const char *why)
{
    size_t len = why ? strlen(why) : 0;

    if (len > WEBSOCKET_WHY_BYTES_MAX) len = WEBSOCKET_WHY_BYTES_MAX;
    while (len && !text_is_utf8(why, len)) len--;
    return len;
}

static struct http_message *close_message(unsigned code, const char *why)
{
    char text[WEBSOCKET_CONTROL_BYTES_MAX] = {(char)(code >> 8), (char)code};
    size_t len = why_len(why);

    if (code == CLOSE_NONE) return http_message_make(OP_CLOSE, NULL, 0);
    if (len) memcpy(text + 2, why, len);
    return http_message_make(OP_CLOSE, text, len + 2);
}

/* Also beyond the limit of the queue: the last word is always said. */
static void push_close(struct http_exchange *x, unsigned code, const char *why)
{
    struct http_message *m = close_message(code, why);

    enqueue(x, m);
    http_message_free(m);
}

void http_flow_finish(struct http_exchange *x, unsigned code, const char *why)
{
    struct http_flow *f = x->flow;
    bool close = f->websocket || !f->chunked || http_exchange_closes(x);
    bool chunked = f->chunked;
    char *room;
    size_t len;

    if (f->websocket) push_close(x, code, why);
    do {
        room = buffer_reserve(&x->out, HTTP_STREAM_WRITE_BYTES);
        len = http_flow_gather(x, room, HTTP_STREAM_WRITE_BYTES);
        x->out.len += len;
        http_flow_sent(x, len);
    } while (len);
    if (chunked) buffer_add_text(&x->out, "0\r\n\r\n");
    if (f->websocket) http_conn_release(x);
    http_flow_free(x);
    body_done(x, close);
    http_conn_next(x);
}

void http_stream_end(struct http_stream *s, unsigned code, const char *why)
{
    struct http_exchange *x = s->exchange;

    if (!x || x->flow->ending) return;
    if (!x->flow->reading) {
        http_flow_finish(x, code, why);
        return;
    }
    x->flow->ending = true;
    x->flow->end_code = code;
    x->flow->end_why = xstrdup(why);
}

/* ---- the turn -------------------------------------------------------------------------------- */

void http_flow_tell(struct http_exchange *x)
{
    struct http_stream *s = x->stream;

    if (!s) return;
    if (!x->flow) {
        x->stream = NULL;
        s->type->ended(s);
    } else if (x->flow->emptied && !x->flow->count) {
        x->flow->emptied = false;
        if (s->type->ready) s->type->ready(s);
    }
}

enum step http_flow_step(struct http_exchange *x)
{
    struct http_flow *f = x->flow;

    if (x->server->draining) {
        http_flow_finish(x, CLOSE_GOING, "the server stops");
        return STEP_WAIT;
    }
    if (f->queued > x->server->limits.stream_queue_bytes_max / 2) return STEP_WAIT;
    if (f->websocket) http_websocket_read(x);
    if (x->at != CONN_STREAM) return STEP_WAIT;
    if (x->in_at == x->in.len) {
        http_conn_release(x);
        buffer_deinit(&x->in);
    }
    if (x->eof || x->in.len - x->in_at > HTTP_STREAM_BEHIND_BYTES_MAX) {
        http_conn_close(x);
        return STEP_WAIT;
    }
    return STEP_HUNGRY;
}
