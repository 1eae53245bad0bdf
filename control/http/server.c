/* control/http/server.c — the listener: who may come in, and the turn of those who have work. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "control/http/conn.h"

struct http_limits http_limits_filled(struct http_limits l)
{
#define FILL(field, value) ((field) = (field) ? (field) : (value))
    FILL(l.head_bytes_max, HTTP_HEAD_BYTES_MAX);
    FILL(l.target_bytes_max, HTTP_TARGET_BYTES_MAX);
    FILL(l.body_bytes_max, HTTP_BODY_BYTES_MAX);
    FILL(l.swallow_bytes_max, HTTP_SWALLOW_BYTES_MAX);
    FILL(l.buffered_bytes_max, HTTP_BUFFERED_BYTES_MAX);
    FILL(l.reply_bytes_max, HTTP_REPLY_BYTES_MAX);
    FILL(l.reply_queue_bytes_max, HTTP_REPLY_QUEUE_BYTES_MAX);
    FILL(l.stream_queue_bytes_max, HTTP_STREAM_QUEUE_BYTES_MAX);
    FILL(l.streams_bytes_max, HTTP_STREAMS_BYTES_MAX);
    FILL(l.message_bytes_max, HTTP_MESSAGE_BYTES_MAX);
    FILL(l.unsent_bytes_max, HTTP_UNSENT_BYTES_MAX);
    FILL(l.headers_max, HTTP_HEADERS_MAX);
    FILL(l.connections_max, HTTP_CONNECTIONS_MAX);
    FILL(l.peer_connections_max, HTTP_PEER_CONNECTIONS_MAX);
    FILL(l.pipeline_max, HTTP_PIPELINE_MAX);
    FILL(l.shake_ms, HTTP_SHAKE_MS);
    FILL(l.head_ms, HTTP_HEAD_MS);
    FILL(l.body_ms, HTTP_BODY_MS);
    FILL(l.answer_ms, HTTP_ANSWER_MS);
    FILL(l.write_ms, HTTP_WRITE_MS);
    FILL(l.idle_ms, HTTP_IDLE_MS);
    FILL(l.linger_ms, HTTP_LINGER_MS);
    FILL(l.stall_ms, HTTP_STALL_MS);
    FILL(l.ping_ms, HTTP_PING_MS);
#undef FILL
    return l;
}

/* ---- turns ----------------------------------------------------------------------------------- */

void http_server_wake(struct http_server *server)
{
    if (ev_is_active(&server->turn)) return;
    ev_timer_set(&server->turn, 0., 0.);
    ev_timer_start(server->loop, &server->turn);
}

/* Takes the whole list first: whoever asks for another turn gets it in the next one. */
static void on_turn(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct http_server *server = container_of(w, struct http_server, turn);
    struct list todo, *node;

    (void)loop, (void)revents;
    list_init(&todo);
    list_take(&todo, &server->again);
    while ((node = list_pop(&todo))) {
        struct http_exchange *x = container_of(node, struct http_exchange, again);
        if (x->at == CONN_GONE)
            http_conn_end(x);
        else
            http_conn_turn(x);
    }
    if (!server->draining || server->connections || !server->drained) return;
    http_drained_fn *drained = server->drained;
    server->drained = NULL;
    drained(server->drained_ctx); /* may close the server: the last thing done here */
}

/* ---- accepting ------------------------------------------------------------------------------- */

/* A client that is turned away is told so, as far as one write and no waiting can: not in TLS. */
static void turn_away(struct http_server *server, int fd)
{
    static const char body[] = "{\"error\":{\"code\":\"unavailable\",\"message\":"
                               "\"too many connections; try again later\"}}\n";
    char reply[1024], scratch[4096];
    int len = snprintf(reply, sizeof reply,
                       "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\nRetry-After: 1\r\nConnection: close\r\n"
                       HTTP_SAFETY_HEADERS HTTP_SAFETY_POLICY "Cache-Control: no-store\r\n\r\n%s",
                       sizeof body - 1, body);
    ssize_t ignored = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT); /* unread bytes: a reset */

    if (!server->tls) ignored = send(fd, reply, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)ignored;
    server->replies[5]++;
    shutdown(fd, SHUT_WR);
    close(fd);
}

static int accept_one(struct http_server *server, struct sockaddr_storage *from)
{
    socklen_t len = sizeof *from;

    memset(from, 0, sizeof *from);
    return accept4(server->listener.fd, (struct sockaddr *)from, &len,
                   SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void open_spare(struct http_server *server)
{
    if (server->spare_fd < 0) server->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void pause_accepting(struct http_server *server)
{
    ev_io_stop(server->loop, &server->accept);
    ticker_set_in(server->ticker, &server->accept_pause, HTTP_ACCEPT_PAUSE_MS);
}

/* No descriptor left: without one the waiting client cannot even be refused, and the listener
 * would stay readable for ever. The spare one is given up for as long as that takes. */
static void shed(struct http_server *server)
{
    struct sockaddr_storage from;
    int fd = -1;

    if (server->spare_fd >= 0) {
        close(server->spare_fd);
        server->spare_fd = -1;
        fd = accept_one(server, &from);
        if (fd >= 0) turn_away(server, fd);
        open_spare(server);
    }
    if (fd < 0 || server->spare_fd < 0) pause_accepting(server);
}

static void welcome(struct http_server *server, int fd, const struct sockaddr_storage *from)
{
    struct http_peer peer;
    struct http_peer_key key;
    struct http_peer_count *count = NULL;

    http_peer_of(fd, from, &peer, &key);
    if (server->connections < server->limits.connections_max)
        count = http_peers_add(&server->peers, &key, server->limits.peer_connections_max);
    if (!count) {
        turn_away(server, fd);
        return;
    }
    server->connections++;
    http_conn_open(server, fd, &peer, count);
}

static void on_accept(struct ev_loop *loop, ev_io *w, int revents)
{
    struct http_server *server = container_of(w, struct http_server, accept);
    struct sockaddr_storage from;

    (void)loop, (void)revents;
    open_spare(server);
    for (unsigned n = 0; n < HTTP_ACCEPTS_PER_TURN; n++) {
        int fd = accept_one(server, &from);
        if (fd >= 0) {
            welcome(server, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE) {
            shed(server);
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(server);
        } else if (errno == EINTR || errno == ECONNABORTED) {
            continue;
        } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
            log_warn("http_accept_failed", LOG_TEXT("error", strerror(errno)));
            pause_accepting(server);
        }
        return;
    }
}

static void on_accept_pause_over(struct alarm *alarm)
{
    struct http_server *server = container_of(alarm, struct http_server, accept_pause);

    ev_io_start(server->loop, &server->accept);
}

/* ---- open, drain, close ---------------------------------------------------------------------- */

/* The names that may stand in Host; NULL: all. The address that we listen on is one of them: a
 * page from elsewhere has a name, and is not reached by a number. */
static const char **allowed_hosts(const char *const *names, const struct http_listener *listener)
{
    static const char *const always[] = {"localhost", "127.0.0.1", "[::1]"};
    size_t count = 0;

    while (names && names[count]) count++;
    const char **hosts = xcalloc(count + countof(always) + 2, sizeof *hosts);
    size_t n = 0;
    for (size_t i = 0; i < countof(always); i++) hosts[n++] = xstrdup(always[i]);
    for (size_t i = 0; i < count; i++) hosts[n++] = xstrdup(names[i]);
    if (listener->host) hosts[n] = xstrdup(listener->host);
    return hosts;
}

static void name_https(struct http_listener *listener)
{
    char *address = xasprintf("https://%s", listener->address);

    free(listener->address);
    listener->address = address;
}

enum pinion_err http_server_open(struct ev_loop *loop, struct ticker *ticker,
                                 const struct http_options *options, http_handler_fn *handler,
                                 void *ctx, struct http_server **ret_server, struct error *why)
{
    struct http_listener listener;
    enum pinion_err err = http_listen_open(options->listen, &listener, why);

    if (err) return err;
    if (options->tls) name_https(&listener);
    struct http_server *server = xcalloc(1, sizeof *server);
    server->loop = loop;
    server->ticker = ticker;
    server->handler = handler;
    server->answered = options->answered;
    server->ctx = ctx;
    server->id_start = (uint32_t)random_u64();
    server->listener = listener;
    server->tls = options->tls;
    server->limits = http_limits_filled(options->limits);
    server->hosts = allowed_hosts(options->hosts, &listener);
    server->spare_fd = -1;
    open_spare(server);
    list_init(&server->conns);
    list_init(&server->again);
    list_init(&server->closed);
    http_peers_init(&server->peers);
    alarm_init(&server->accept_pause, on_accept_pause_over);
    ev_timer_init(&server->turn, on_turn, 0., 0.);
    ev_io_init(&server->accept, on_accept, listener.fd, EV_READ);
    ev_io_start(loop, &server->accept);
    *ret_server = server;
    return PINION_OK;
}

void http_server_limit(struct http_server *server, struct http_limits limits)
{
    server->limits = http_limits_filled(limits);
}

void http_server_renew(struct http_server *server, struct http_tls *tls)
{
    assert(server->tls && tls);
    http_tls_free(server->tls);
    server->tls = tls;
}

const char *http_server_address(const struct http_server *server)
{
    return server->listener.address;
}

unsigned http_server_connections(const struct http_server *server)
{
    return server->connections;
}

uint64_t http_server_replies(const struct http_server *server, unsigned class)
{
    assert(class > 0 && class < HTTP_STATUS_CLASSES);
    return server->replies[class];
}

void http_server_recall(struct http_server *server,
                        bool (*stays)(const struct http_caller *, void *ctx), void *ctx)
{
    struct list *next;

    for (struct list *node = server->conns.next; node != &server->conns; node = next) {
        struct http_exchange *x = container_of(node, struct http_exchange, node);
        bool waits = x->at == CONN_STREAM || (x->at == CONN_ANSWER && x->allow_ms);
        next = node->next;
        if (waits && !stays(&x->caller, ctx)) http_conn_close(x);
    }
}

static void stop_accepting(struct http_server *server)
{
    ev_io_stop(server->loop, &server->accept);
    ticker_cancel(server->ticker, &server->accept_pause);
    if (server->spare_fd >= 0) close(server->spare_fd);
    server->spare_fd = -1;
}

void http_server_drain(struct http_server *server, http_drained_fn *drained, void *ctx)
{
    server->drained = drained;
    server->drained_ctx = ctx;
    server->draining = true;
    stop_accepting(server);
    list_for_each (node, &server->conns)
        http_conn_next(container_of(node, struct http_exchange, node));
    http_server_wake(server);
}

void http_server_close(struct http_server *server)
{
    struct list *node;

    server->draining = true;
    stop_accepting(server);
    while (!list_empty(&server->conns))
        http_conn_close(container_of(server->conns.next, struct http_exchange, node));
    while ((node = list_pop(&server->again)))
        http_conn_end(container_of(node, struct http_exchange, again));
    while ((node = list_pop(&server->closed))) /* owed: each is freed by its answer */
        container_of(node, struct http_exchange, node)->server = NULL;
    assert(server->connections == 0);
    ev_timer_stop(server->loop, &server->turn);
    http_listen_close(&server->listener);
    http_tls_free(server->tls);
    http_gzip_free(server->gzip);
    for (const char **host = server->hosts; *host; host++) free((char *)(uintptr_t)*host);
    free(server->hosts);
    free(server);
}
