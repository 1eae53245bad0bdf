/* control/http/conn.c — one connection: reads, takes steps, writes once, then settles.
 *
 *      on_readable -> read_some -+
 *      on_writable -> send_rest -+-> http_conn_turn: steps (exchange.c), send_rest, settle
 *      http_reply -> next turn --+
 *
 * A turn serves what is complete in the buffer and collects the replies. Everything that depends
 * on the state (watchers, deadline, memory) is derived in settle(), at the end of the turn, and
 * nowhere else. Only http_conn_close() gives up the descriptor, and only http_conn_end() and an
 * answer that comes after it free the struct, so that no caller's pointer dies under it.
 */
#include "control/http/conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "control/http/flow.h"

/* ---- bytes: the only places where they come and go ------------------------------------------- */

static ssize_t conn_recv(struct http_exchange *x, void *out, size_t size)
{
    return x->tls ? tls_conn_recv(x->tls, out, size) : recv(x->fd, out, size, 0);
}

static ssize_t conn_peek(struct http_exchange *x, void *out, size_t size)
{
    return x->tls ? tls_conn_peek(x->tls, out, size) : recv(x->fd, out, size, MSG_PEEK);
}

static ssize_t conn_send(struct http_exchange *x, const void *data, size_t len)
{
    return x->tls ? tls_conn_send(x->tls, data, len) : send(x->fd, data, len, MSG_NOSIGNAL);
}

static bool try_later(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static void send_flow(struct http_exchange *x)
{
    char part[HTTP_STREAM_WRITE_BYTES];
    size_t len;

    while (x->flow && (len = http_flow_gather(x, part, sizeof part))) {
        ssize_t n = conn_send(x, part, len);
        if (n < 0 && !try_later()) http_conn_close(x);
        if (n < 0) return;
        http_flow_sent(x, (size_t)n);
    }
}

static void count_unsent(struct http_exchange *x)
{
    size_t now = x->out.cap > HTTP_BUFFER_BYTES_KEPT ? x->out.cap : 0;

    x->server->unsent += now - x->out_counted; /* unsigned: also goes down */
    x->out_counted = now;
}

/* Sends what it can. The connection may be CONN_GONE afterwards. */
static void send_rest(struct http_exchange *x)
{
    while (http_conn_unsent(x)) {
        ssize_t n = conn_send(x, x->out.data + x->out_at, http_conn_unsent(x));
        if (n < 0 && !try_later()) http_conn_close(x);
        if (n < 0) return;
        x->out_at += (size_t)n;
    }
    x->out_at = 0;
    if (x->out.cap > HTTP_BUFFER_BYTES_KEPT || x->flow)
        buffer_deinit(&x->out);
    else
        buffer_clear(&x->out);
    count_unsent(x);
    send_flow(x);
}

static bool is_sending(const struct http_exchange *x)
{
    return http_conn_unsent(x) > 0 || (x->flow && x->flow->count > 0);
}

/* ---- the memory of requests ------------------------------------------------------------------ */

static void count_buffer(struct http_exchange *x)
{
    size_t now = x->in.cap > HTTP_BUFFER_BYTES_KEPT ? x->in.cap : 0;

    x->server->buffered += now - x->in_counted; /* unsigned: also goes down */
    x->in_counted = now;
}

void http_conn_release(struct http_exchange *x)
{
    if (x->in.cap > HTTP_BUFFER_BYTES_KEPT)
        buffer_deinit(&x->in);
    else
        buffer_clear(&x->in);
    x->in_at = 0;
    count_buffer(x);
}

void http_conn_shrink(struct http_exchange *x)
{
    struct buffer rest = BUFFER_INIT;

    if (x->in.cap <= HTTP_BUFFER_BYTES_SHRUNK) return;
    buffer_add(&rest, x->in.data + x->in_at, x->in.len - x->in_at);
    buffer_deinit(&x->in);
    x->in = rest;
    x->in_at = 0;
    count_buffer(x);
}

/* How many bytes to ask for. A body is not believed before it comes: memory at most doubles. */
static size_t wanted(const struct http_exchange *x)
{
    const struct http_head *h = &x->parser.head;
    size_t want = x->in.len < HTTP_READ_BODY_BYTES ? HTTP_READ_BODY_BYTES : x->in.len;

    if (x->at == CONN_STREAM && x->flow->reader) return HTTP_READ_BODY_BYTES;
    if (x->at != CONN_BODY) return HTTP_READ_BYTES;
    if (want > HTTP_READ_BYTES_MAX) want = HTTP_READ_BYTES_MAX;
    if (h->chunked || x->parser.too_large) return want;
    size_t missing = h->bytes + (size_t)h->length - x->in.len;
    return want < missing ? want : missing;
}

/* ---- settling -------------------------------------------------------------------------------- */

static void watch(struct ev_loop *loop, ev_io *w, bool on)
{
    if (on)
        ev_io_start(loop, w);
    else
        ev_io_stop(loop, w);
}

/* Bytes that TLS has taken from the socket wait in it: the socket will not tell of them again. */
static void read_inside(struct http_exchange *x, bool read)
{
    if (!read || !x->tls->more || x->at == CONN_LINGER) return;
    ev_io_start(x->server->loop, &x->readable);
    ev_feed_event(x->server->loop, &x->readable, EV_READ);
}

static void settle_watchers(struct http_exchange *x, bool hungry)
{
    bool read = (x->at == CONN_ANSWER && !x->unread) || x->at == CONN_LINGER || hungry;
    bool write = is_sending(x) || x->at == CONN_CLOSE;

    read = read && !x->eof;
    if (x->tls) {
        read = read && (!x->tls->stuck || x->at == CONN_LINGER);
        read_inside(x, read);
        bool read_waits = read && x->tls->read_wants_write;
        bool write_waits = write && x->tls->write_wants_read;
        read = (read && !read_waits) || write_waits;
        write = (write && !write_waits) || read_waits;
    }
    watch(x->server->loop, &x->readable, read);
    watch(x->server->loop, &x->writable, write);
}

static void set_due(struct http_exchange *x, uint64_t ms)
{
    x->due_ms = clock_mono_ms() + ms;
    ticker_set_at(x->server->ticker, &x->alarm, x->due_ms);
}

/* Behind unread bytes the watcher is blind, so the alarm looks now and then. */
static void set_check(struct http_exchange *x)
{
    uint64_t next_ms = clock_mono_ms() + HTTP_LEFT_CHECK_MS;

    ticker_set_at(x->server->ticker, &x->alarm, next_ms < x->due_ms ? next_ms : x->due_ms);
}

void http_allow_ms(struct http_exchange *x, uint64_t ms)
{
    assert(x->owed);
    x->allow_ms = ms;
    if (x->at != CONN_ANSWER || x->due != DUE_ANSWER) return; /* settle() will set it */
    set_due(x, x->server->limits.answer_ms + ms);
    if (x->unread) set_check(x);
}

static enum conn_due due_now(const struct http_exchange *x)
{
    switch (x->at) {
    case CONN_SHAKE: return DUE_SHAKE;
    case CONN_HEAD:
        if (http_conn_unsent(x)) return DUE_WRITE;
        return x->in_at == x->in.len && (x->served || x->due != DUE_HEAD) ? DUE_IDLE : DUE_HEAD;
    case CONN_BODY: return DUE_BODY;
    case CONN_ANSWER: return DUE_ANSWER;
    case CONN_STREAM:
        if (is_sending(x)) return DUE_STALL;
        return x->flow->websocket ? DUE_PING : DUE_NONE;
    case CONN_CLOSE: return DUE_WRITE;
    case CONN_LINGER: return DUE_LINGER;
    case CONN_GONE: break;
    }
    return DUE_NONE;
}

/* A deadline is set when its phase begins and not moved by what trickles in. */
static void settle_deadline(struct http_exchange *x)
{
    const struct http_limits *limits = &x->server->limits;
    enum conn_due due = due_now(x);

    if (due == x->due && (!x->served || due == DUE_WRITE)) return;
    x->due = due;
    switch (due) {
    case DUE_NONE: ticker_cancel(x->server->ticker, &x->alarm); break;
    case DUE_SHAKE: set_due(x, limits->shake_ms); break;
    case DUE_IDLE: set_due(x, limits->idle_ms); break;
    case DUE_HEAD: set_due(x, limits->head_ms); break;
    case DUE_BODY: set_due(x, limits->body_ms); break;
    case DUE_ANSWER: set_due(x, limits->answer_ms + x->allow_ms); break;
    case DUE_STALL: set_due(x, limits->stall_ms); break;
    case DUE_PING: set_due(x, x->flow->ping_ms); break;
    case DUE_WRITE: set_due(x, limits->write_ms); break;
    case DUE_LINGER: set_due(x, limits->linger_ms); break;
    }
}

/* All is said. A client that may still be sending would meet a reset, and with it lose our reply:
 * so half of the connection stays until it closes, for a while. */
static void linger(struct http_exchange *x)
{
    if (x->tls && !x->eof && !tls_conn_finish(x->tls)) return; /* again when the socket has room */
    if (x->eof || shutdown(x->fd, SHUT_WR) != 0)
        http_conn_close(x);
    else
        x->at = CONN_LINGER;
}

static void settle(struct http_exchange *x, enum step step)
{
    bool idle = x->at == CONN_HEAD && x->in_at == x->in.len;

    if (x->at == CONN_GONE) return;
    if (x->at == CONN_SHAKE && x->server->draining) {
        http_conn_close(x);
        return;
    }
    if (step == STEP_HUNGRY && x->eof) x->at = CONN_CLOSE;
    if (x->at == CONN_CLOSE && !http_conn_unsent(x)) linger(x);
    if (idle && x->at == CONN_HEAD) {
        http_conn_release(x);
        if (x->server->draining && !http_conn_unsent(x)) http_conn_close(x);
    }
    if (x->at == CONN_GONE) return;
    settle_watchers(x, step == STEP_HUNGRY);
    settle_deadline(x);
    count_unsent(x);
    x->served = false;
    /* Stopped by its share of the turn, or by a queue that is empty by now. */
    if (x->at == CONN_HEAD && step != STEP_HUNGRY && !http_conn_unsent(x)) http_conn_next(x);
}

void http_conn_turn(struct http_exchange *x)
{
    unsigned left = x->server->limits.pipeline_max;
    enum step step;

    if (x->at == CONN_GONE) return;
    http_flow_tell(x);
    x->in_turn = true;
    do step = http_exchange_step(x);
    while (step == STEP_SERVED && --left);
    x->in_turn = false;
    send_rest(x);
    http_flow_tell(x);
    settle(x, step);
}

void http_conn_flush(struct http_exchange *x)
{
    if (!x->in_turn && !ev_is_active(&x->writable)) send_rest(x);
}

/* ---- events ---------------------------------------------------------------------------------- */

/* Reads once; false: the connection is gone or refused, or there was nothing. */
static bool read_some(struct http_exchange *x)
{
    static const struct http_refusal busy = {
        429, PINION_BUSY, "too many requests are being received; try again later"};

    if (x->in_at) {
        buffer_consume(&x->in, x->in_at);
        x->in_at = 0;
    }
    size_t want = wanted(x);
    char *room = buffer_reserve(&x->in, want);
    count_buffer(x);
    if (x->in_counted && x->at != CONN_STREAM &&
        x->server->buffered > x->server->limits.buffered_bytes_max) {
        http_exchange_refuse(x, &busy);
        return true;
    }
    ssize_t n = conn_recv(x, room, want);
    if (n < 0 && !try_later()) http_conn_close(x);
    if (n < 0) return false;
    if (n == 0) x->eof = true;
    x->in.len += (size_t)n;
    return true;
}

/* A request waits for its answer: bytes behind it stay in the kernel, its end of file is news. */
static void look_for_leaver(struct http_exchange *x)
{
    char byte;
    ssize_t n = conn_peek(x, &byte, 1);

    if (n < 0 && try_later()) {
        settle_watchers(x, false);
        return;
    }
    if (n < 0) {
        http_conn_close(x);
        return;
    }
    x->unread = n > 0; /* from now on check_leaver() looks */
    x->eof = n == 0;
    x->in_turn = true;
    if (x->eof) http_exchange_left(x);
    x->in_turn = false;
    http_conn_turn(x);
    if (x->at == CONN_ANSWER && x->unread) set_check(x);
}

static void check_leaver(struct http_exchange *x)
{
    struct pollfd p = {x->fd, POLLRDHUP, 0};

    set_check(x);
    if (poll(&p, 1, 0) != 1) return;
    if (p.revents & (POLLERR | POLLHUP))
        http_conn_close(x);
    else
        http_exchange_left(x);
}

static void discard(struct http_exchange *x)
{
    char scratch[16384];
    ssize_t n = recv(x->fd, scratch, sizeof scratch, 0); /* whatever it would mean to TLS */

    if (n == 0 || (n < 0 && !try_later())) http_conn_close(x);
}

/* Whoever takes our port for one without TLS is told so in the clear. */
static void refuse_plain(struct http_exchange *x)
{
    static const struct http_refusal plain = {
        400, PINION_INVALID, "this port speaks TLS: use https:// instead of http://"};

    tls_conn_free(x->tls);
    x->tls = NULL;
    http_exchange_refuse(x, &plain);
    http_conn_turn(x);
}

static void shake(struct http_exchange *x)
{
    switch (tls_conn_accept(x->tls, x->fd)) {
    case TLS_FAILED: http_conn_close(x); return;
    case TLS_PLAIN: refuse_plain(x); return;
    case TLS_LATER: break;
    case TLS_DONE:
        x->at = CONN_HEAD;
        x->due = DUE_HEAD;
        set_due(x, x->server->limits.head_ms);
        break;
    }
    settle(x, STEP_HUNGRY);
}

static void read_on(struct http_exchange *x)
{
    if (x->at == CONN_SHAKE) {
        shake(x);
    } else if (x->at == CONN_ANSWER) {
        look_for_leaver(x);
    } else if (x->at == CONN_LINGER) {
        discard(x);
    } else if (read_some(x)) {
        http_conn_turn(x);
    } else if (x->at != CONN_GONE) {
        settle_watchers(x, true);
    }
}

static void write_on(struct http_exchange *x)
{
    bool waited = x->tls && x->tls->write_wants_read;

    if (x->at != CONN_STREAM) send_rest(x);
    if (x->at == CONN_GONE) return;
    bool waits = x->tls && x->tls->write_wants_read;
    if (x->at == CONN_STREAM || !http_conn_unsent(x) || waits != waited) http_conn_turn(x);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct http_exchange *x = container_of(w, struct http_exchange, readable);

    (void)loop, (void)revents;
    if (x->tls && x->tls->write_wants_read)
        write_on(x);
    else
        read_on(x);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct http_exchange *x = container_of(w, struct http_exchange, writable);

    (void)loop, (void)revents;
    if (x->tls && x->tls->read_wants_write)
        read_on(x);
    else
        write_on(x);
}

static void too_late(struct http_exchange *x, unsigned status, enum pinion_err code,
                     const char *text)
{
    http_render_problem(x, status, code, text, NULL, true);
    x->at = CONN_CLOSE;
    x->in_turn = true;
    http_exchange_left(x);
    x->in_turn = false;
    http_conn_turn(x);
}

static void on_deadline(struct alarm *alarm)
{
    struct http_exchange *x = container_of(alarm, struct http_exchange, alarm);

    switch (x->due) {
    case DUE_HEAD:
        if (x->in_at == x->in.len)
            http_conn_close(x); /* it never said a word */
        else
            too_late(x, 408, PINION_INVALID, "the head did not arrive in time");
        return;
    case DUE_BODY: too_late(x, 408, PINION_INVALID, "the body did not arrive in time"); return;
    case DUE_ANSWER:
        if (clock_mono_ms() < x->due_ms)
            check_leaver(x);
        else
            too_late(x, 503, PINION_UNAVAILABLE, "no answer in time: the outcome is unknown");
        return;
    case DUE_PING: http_websocket_ping(x); return;
    default: http_conn_close(x);
    }
}

/* ---- beginning and end ----------------------------------------------------------------------- */

void http_conn_open(struct http_server *server, int fd, const struct http_peer *peer,
                    struct http_peer_count *peer_count)
{
    struct http_exchange *x = xcalloc(1, sizeof *x);

    x->server = server;
    x->fd = fd;
    x->peer = *peer;
    x->peer_count = peer_count;
    x->at = server->tls ? CONN_SHAKE : CONN_HEAD;
    x->due = server->tls ? DUE_SHAKE : DUE_HEAD;
    if (server->tls) x->tls = tls_conn_new(server->tls, fd);
    list_init(&x->node);
    list_init(&x->again);
    list_push(&server->conns, &x->node);
    alarm_init(&x->alarm, on_deadline);
    set_due(x, server->tls ? server->limits.shake_ms : server->limits.head_ms);
    ev_io_init(&x->readable, on_readable, fd, EV_READ);
    ev_io_init(&x->writable, on_writable, fd, EV_WRITE);
    ev_io_start(server->loop, &x->readable);
    http_parser_init(&x->parser, &server->limits);
}

void http_conn_next(struct http_exchange *x)
{
    if (!list_empty(&x->again)) return;
    list_push(&x->server->again, &x->again);
    http_server_wake(x->server);
}

void http_conn_close(struct http_exchange *x)
{
    struct http_server *server = x->server;

    if (x->at == CONN_GONE) return;
    http_flow_free(x);
    ev_io_stop(server->loop, &x->readable);
    ev_io_stop(server->loop, &x->writable);
    ticker_cancel(server->ticker, &x->alarm);
    if (x->tls) tls_conn_free(x->tls);
    x->tls = NULL;
    close(x->fd);
    x->fd = -1;
    x->at = CONN_GONE;
    server->buffered -= x->in_counted;
    server->unsent -= x->out_counted;
    x->in_counted = x->out_counted = 0;
    http_peers_remove(x->peer_count);
    list_remove(&x->node);
    list_push(&server->closed, &x->node);
    server->connections--;
    http_conn_next(x);
}

void http_conn_free(struct http_exchange *x)
{
    assert(x->at == CONN_GONE && !x->owed && !x->stream);
    list_remove(&x->node);
    list_remove(&x->again);
    buffer_deinit(&x->in);
    buffer_deinit(&x->out);
    free(x);
}

void http_conn_end(struct http_exchange *x)
{
    assert(x->at == CONN_GONE);
    x->in_turn = true;
    http_exchange_left(x);
    x->in_turn = false;
    http_flow_tell(x);
    if (!x->owed) http_conn_free(x); /* else the answer will */
}
