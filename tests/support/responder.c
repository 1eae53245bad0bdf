#include "tests/support/responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/list.h"
#include "base/memory.h"

#define READ_BYTES 65536
#define BACKLOG    1024

struct responder {
    struct ev_loop *loop;
    pthread_t thread;
    ev_io accept;
    ev_async stop;
    unsigned port;
    atomic_uint accepted, open;
    responder_fn *respond;
    void *ctx;
    struct list connections;
};

struct connection {
    struct visit visit;
    struct responder *owner;
    ev_io in, out;
    ev_timer wait;
    struct buffer got, unsent, head;
    size_t body_at; /* of the request that is being answered */
    bool asked, busy;
    struct list node;
};

static void close_connection(struct connection *c)
{
    struct ev_loop *loop = c->owner->loop;

    ev_io_stop(loop, &c->in);
    ev_io_stop(loop, &c->out);
    ev_timer_stop(loop, &c->wait);
    close(c->in.fd);
    list_remove(&c->node);
    c->owner->open--;
    buffer_deinit(&c->got);
    buffer_deinit(&c->unsent);
    buffer_deinit(&c->head);
    free(c);
}

static struct connection *connection_of(struct visit *v)
{
    return container_of(v, struct connection, visit);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void flush(struct connection *c)
{
    while (c->unsent.len) {
        ssize_t n = send(c->in.fd, c->unsent.data, c->unsent.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            ev_io_start(c->owner->loop, &c->out);
            return;
        }
        if (n < 0) break; /* it left: to be read soon */
        buffer_consume(&c->unsent, (size_t)n);
    }
    ev_io_stop(c->owner->loop, &c->out);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop, (void)events;
    flush(container_of(io, struct connection, out));
}

static void ask(struct connection *c)
{
    c->owner->respond(&c->visit, c->owner->ctx);
}

void visit_write(struct visit *v, const void *bytes, size_t len)
{
    struct connection *c = connection_of(v);

    buffer_add(&c->unsent, bytes, len);
    flush(c);
}

void visit_answer(struct visit *v, unsigned status, const char *headers, const void *body,
                  size_t body_len)
{
    struct connection *c = connection_of(v);

    buffer_printf(&c->unsent, "HTTP/1.1 %u It\r\nContent-Length: %zu\r\n%s\r\n", status, body_len,
                  headers ? headers : "");
    buffer_add(&c->unsent, body, body_len);
    flush(c);
    buffer_consume(&c->got, c->body_at + v->body_len);
    c->asked = false;
}

void visit_wait(struct visit *v, unsigned ms)
{
    struct connection *c = connection_of(v);

    ev_timer_stop(c->owner->loop, &c->wait);
    ev_timer_set(&c->wait, ms / 1e3, 0.);
    ev_timer_start(c->owner->loop, &c->wait);
}

static void on_waited(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct connection *c = container_of(timer, struct connection, wait);

    (void)loop, (void)events;
    c->visit.waited++;
    ask(c);
}

void visit_hang_up(struct visit *v)
{
    shutdown(connection_of(v)->in.fd, SHUT_RDWR); /* read soon, and then closed */
}

/* ---- requests -------------------------------------------------------------------------------- */

struct span visit_header(const struct visit *v, const char *name)
{
    struct span rest = span_of(v->head);
    size_t len = strlen(name);

    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        if (line.len <= len || line.data[len] != ':' || strncasecmp(line.data, name, len) != 0)
            continue;
        line.data += len + 1, line.len -= len + 1;
        while (line.len && line.data[0] == ' ') line.data++, line.len--;
        if (line.len && line.data[line.len - 1] == '\r') line.len--;
        return line;
    }
    return (struct span){NULL, 0};
}

/* Is a whole request there? Then it is asked about. */
static bool take_request(struct connection *c)
{
    const char *end = c->got.len ? memmem(c->got.data, c->got.len, "\r\n\r\n", 4) : NULL;
    uint64_t body_len = 0;

    if (!end || c->asked) return false;
    c->body_at = (size_t)(end - c->got.data) + 4;
    buffer_clear(&c->head);
    buffer_add(&c->head, c->got.data, c->body_at);
    c->visit = (struct visit){.head = c->head.data};
    struct span length = visit_header(&c->visit, "Content-Length");
    if (length.data && text_parse_u64(length, 0, 1 << 30, &body_len)) return false;
    if (c->got.len < c->body_at + body_len) return false;
    c->visit.body = c->got.data + c->body_at;
    c->visit.body_len = body_len;
    c->asked = true;
    ask(c);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    struct connection *c = container_of(io, struct connection, in);
    ssize_t n = recv(io->fd, buffer_reserve(&c->got, READ_BYTES), READ_BYTES, MSG_DONTWAIT);

    (void)loop, (void)events;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        close_connection(c);
        return;
    }
    c->got.len += (size_t)n;
    while (take_request(c)) continue;
}

static void on_connection(struct ev_loop *loop, ev_io *io, int events)
{
    struct responder *r = container_of(io, struct responder, accept);
    int fd;

    (void)events;
    while ((fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
        struct connection *c = xcalloc(1, sizeof *c);
        c->owner = r;
        ev_io_init(&c->in, on_readable, fd, EV_READ);
        ev_io_init(&c->out, on_writable, fd, EV_WRITE);
        ev_init(&c->wait, on_waited);
        ev_io_start(loop, &c->in);
        list_push(&r->connections, &c->node);
        r->accepted++;
        r->open++;
    }
}

static void on_stop(struct ev_loop *loop, ev_async *async, int events)
{
    (void)async, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void *run(void *ctx)
{
    struct responder *r = ctx;

    ev_run(r->loop, 0);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int listen_on(const char *address, unsigned *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port)};
    bool is_v6 = inet_pton(AF_INET6, address, &in6.sin6_addr) == 1;
    struct sockaddr *to = is_v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
    socklen_t len = is_v6 ? sizeof in6 : sizeof in;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

    inet_pton(AF_INET, address, &in.sin_addr);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, to, len) == 0 && listen(fd, BACKLOG) == 0 && getsockname(fd, to, &len) == 0) {
        *port = ntohs(is_v6 ? in6.sin6_port : in.sin_port);
        return fd;
    }
    if (fd >= 0) close(fd);
    return -1;
}

struct responder *responder_open(const char *address, unsigned port, responder_fn *respond,
                                 void *ctx)
{
    int fd = listen_on(address ? address : "127.0.0.1", &port);
    struct responder *r;

    if (fd < 0) return NULL;
    r = xcalloc(1, sizeof *r);
    r->loop = ev_loop_new(EVFLAG_AUTO);
    r->port = port;
    r->respond = respond;
    r->ctx = ctx;
    list_init(&r->connections);
    ev_io_init(&r->accept, on_connection, fd, EV_READ);
    ev_io_start(r->loop, &r->accept);
    ev_async_init(&r->stop, on_stop);
    ev_async_start(r->loop, &r->stop);
    if (!r->loop || pthread_create(&r->thread, NULL, run, r)) abort();
    return r;
}

void responder_close(struct responder *r)
{
    if (!r) return;
    ev_async_send(r->loop, &r->stop);
    pthread_join(r->thread, NULL);
    list_for_each_safe (node, &r->connections)
        close_connection(container_of(node, struct connection, node));
    ev_io_stop(r->loop, &r->accept);
    ev_async_stop(r->loop, &r->stop);
    close(r->accept.fd);
    ev_loop_destroy(r->loop);
    free(r);
}

unsigned responder_port(const struct responder *r)
{
    return r->port;
}

unsigned responder_accepted(const struct responder *r)
{
    return atomic_load(&r->accepted);
}

unsigned responder_connections(const struct responder *r)
{
    return atomic_load(&r->open);
}
