#include "tests/flow/http_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/http/conn.h"
#include "control/http/route.h"
#include "scheduler/ticker.h"
#include "tests/flow/tls_files.h"

static struct ev_loop *loop;
static struct ticker *ticker;
static struct client clients[CLIENTS_MAX];
static unsigned client_count;
static uint64_t passed_us;
static const char *address; /* of the server */

struct http_server *server;
struct http_options options;
http_handler_fn *world_handler;
bool close_when_drained;
unsigned requests, waiting_count, drained;
struct waiting waiting[WAITING_MAX];

/* ---- base/clock.h, in our hands -------------------------------------------------------------- */

/* While a world is open, time passes by world_pass() alone, however long a turn takes. */
static uint64_t stood_mono_us, stood_wall_us; /* 0: the clock goes */

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void stand_still(void)
{
    stood_mono_us = read_clock(CLOCK_MONOTONIC);
    stood_wall_us = read_clock(CLOCK_REALTIME);
}

uint64_t clock_mono_us(void)
{
    return stood_mono_us ? stood_mono_us + passed_us : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void)
{
    return (int64_t)(stood_wall_us ? stood_wall_us + passed_us : read_clock(CLOCK_REALTIME));
}

/* ---- the handler ----------------------------------------------------------------------------- */

static void on_left(struct http_waiter *w)
{
    struct waiting *waiter = container_of(w, struct waiting, waiter);

    assert_false(waiter->left);
    waiter->left = true;
    if (!waiter->answer_when_left) return;
    http_reply(waiter->exchange, &(struct http_reply){.body = "[]", .len = 2});
    waiter->exchange = NULL;
}

static void reply_text(struct http_exchange *x, const char *text)
{
    http_reply(x, &(struct http_reply){.type = "text/plain", .body = text, .len = strlen(text)});
}

static void show_job(struct http_exchange *x, const struct http_request *request,
                     const struct route_args *args, void *ctx)
{
    (void)request, (void)ctx;
    reply_text(x, args->arg[0].data);
}

static const struct route table[] = {
    {"GET",    "/v1/jobs/{id}", show_job, 0},
    {"DELETE", "/v1/jobs/{id}", show_job, 0},
};

static void wait_for_test(struct http_exchange *x, const struct http_request *r)
{
    struct waiting *w = &waiting[waiting_count++];

    assert_true(waiting_count <= WAITING_MAX);
    *w = (struct waiting){.waiter = {on_left}, .exchange = x, .request = r};
    http_wait(x, &w->waiter);
}

static void echo(struct http_exchange *x, const struct http_request *r)
{
    struct buffer text = BUFFER_INIT;

    buffer_printf(&text, "%s %.*s ?%.*s: ", r->method, (int)r->path.len, r->path.data,
                  (int)r->query.len, r->query.data ? r->query.data : "");
    buffer_add(&text, r->body.data, r->body.len);
    http_reply(x, &(struct http_reply){.body = text.data, .len = text.len});
    buffer_deinit(&text);
}

static void inject(struct http_exchange *x, const struct http_request *r)
{
    struct span given = http_header(r, "x-given");
    char value[64];

    snprintf(value, sizeof value, "a\r\nEvil: %.*s", (int)given.len, given.data ? given.data : "");
    const struct http_header headers[] = {
        {"X-Shown", value}, {"Cache-Control", "max-age=60"}, {NULL, NULL}};
    http_reply(x, &(struct http_reply){.status = 204, .headers = headers});
}

static void big(struct http_exchange *x, struct span query)
{
    size_t len = (size_t)strtoul(query.data, NULL, 10);
    char *body = xmalloc(len + 1);

    memset(body, 'b', len);
    http_reply(x, &(struct http_reply){.body = body, .len = len});
    free(body);
}

static void handle(struct http_exchange *x, const struct http_request *r, void *ctx)
{
    assert_ptr_equal(ctx, &requests);
    requests++;
    if (world_handler)
        world_handler(x, r, ctx);
    else if (span_is(r->path, "/wait"))
        wait_for_test(x, r);
    else if (span_is(r->path, "/echo"))
        echo(x, r);
    else if (span_is(r->path, "/inject"))
        inject(x, r);
    else if (span_is(r->path, "/big"))
        big(x, r->query);
    else if (span_is(r->path, "/peer"))
        reply_text(x, r->peer->local ? r->peer->text : "remote");
    else
        http_serve(x, r, table, countof(table), NULL, ctx);
}

/* ---- the world ------------------------------------------------------------------------------- */

static int descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 512; fd++) count += fcntl(fd, F_GETFD) != -1;
    return count;
}

/* ---- TLS ------------------------------------------------------------------------------------- */

SSL_CTX *client_tls;
static char tls_folder[] = "/tmp/pinion-tls-XXXXXX";
char tls_cert[64], tls_key[64];

static void remove_tls_files(void)
{
    unlink(tls_cert);
    unlink(tls_key);
    rmdir(tls_folder);
    SSL_CTX_free(client_tls);
}

static void make_tls_files(void)
{
    if (*tls_cert) return;
    assert_non_null(mkdtemp(tls_folder));
    snprintf(tls_cert, sizeof tls_cert, "%s/cert", tls_folder);
    snprintf(tls_key, sizeof tls_key, "%s/key", tls_folder);
    tls_files_make(tls_cert, tls_key, 1, 30);
    log_set(LOG_WARN, LOG_AS_TEXT); /* each world would tell of its certificate */
    client_tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(client_tls, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(client_tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    atexit(remove_tls_files);
}

/* A unix socket needs none. */
static void use_tls(void)
{
    struct error why;

    if (!getenv("PINION_TEST_TLS") || strncmp(options.listen, "unix:", 5) == 0) return;
    make_tls_files();
    if (http_tls_open(tls_cert, tls_key, &options.tls, &why)) fail_msg("%s", why.text);
}

bool world_has_tls(void)
{
    return client_tls && server->tls;
}

void client_shake(struct client *c)
{
    client_shake_with(c, NULL);
}

/* A server that has no room for us leaves us without: the test sees what follows. */
void client_shake_with(struct client *c, SSL_SESSION *session)
{
    if (!world_has_tls()) return;
    c->ssl = SSL_new(client_tls);
    if (session) SSL_set_session(c->ssl, session);
    SSL_set_fd(c->ssl, c->fd);
    fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    for (unsigned tries = 0; tries < 100; tries++) {
        int n = SSL_connect(c->ssl), error = SSL_get_error(c->ssl, n);
        if (n == 1 || (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)) return;
        world_sleep_turn();
    }
}

ssize_t client_take(struct client *c, void *out, size_t size)
{
    if (!c->ssl) return recv(c->fd, out, size, MSG_DONTWAIT);
    int n = SSL_read(c->ssl, out, (int)size);
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return error == SSL_ERROR_ZERO_RETURN ? 0 : n > 0 ? n : -1;
}

ssize_t client_try_send(struct client *c, const void *data, size_t len)
{
    if (!c->ssl) return send(c->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (!len) return 0;
    int n = SSL_write(c->ssl, data, (int)len);
    int error = n > 0 ? SSL_ERROR_NONE : SSL_get_error(c->ssl, n);
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
    return n > 0 ? n : -1;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static int descriptors_before;

void world_open(void)
{
    struct error why = {0};

    descriptors_before = descriptors();
    close_when_drained = false;
    requests = waiting_count = drained = client_count = 0;
    stand_still();
    loop = ev_loop_new(EVFLAG_AUTO);
    ticker = ticker_new(loop);
    if (!options.listen) options.listen = "127.0.0.1:0";
    use_tls();
    if (http_server_open(loop, ticker, &options, handle, &requests, &server, &why))
        fail_msg("%s", why.text);
    address = http_server_address(server);
}

void world_attach(struct ev_loop *others, const char *others_address)
{
    loop = others;
    address = others_address;
    client_count = 0;
}

void world_detach(void)
{
    for (unsigned i = 0; i < client_count; i++) {
        SSL_free(clients[i].ssl);
        if (clients[i].fd >= 0) close(clients[i].fd);
        buffer_deinit(&clients[i].got);
    }
}

void world_close(void)
{
    world_detach();
    if (server) http_server_close(server);
    server = NULL;
    ticker_free(ticker);
    ev_loop_destroy(loop);
    options = (struct http_options){0};
    passed_us = stood_mono_us = stood_wall_us = 0;
    assert_int_equal(descriptors(), descriptors_before);
}

static void on_drained(void *ctx)
{
    ++*(unsigned *)ctx;
    if (!close_when_drained) return;
    http_server_close(server);
    server = NULL;
}

void world_drain(void)
{
    http_server_drain(server, on_drained, &drained);
}

void client_pull(struct client *c)
{
    while (c->fd >= 0 && !c->eof) {
        ssize_t n = client_take(c, buffer_reserve(&c->got, 65536), 65536);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0) c->eof = true;
        if (n > 0) c->got.len += (size_t)n;
    }
}

void world_turns(unsigned turns)
{
    while (turns--) ev_run(loop, EVRUN_NOWAIT);
}

void world_sleep_turn(void)
{
    world_turns(1);
    poll(NULL, 0, 1); /* the kernel moves bytes between the two ends meanwhile */
    world_turns(1);
}

void world_pass(uint64_t ms)
{
    passed_us += ms * 1000;
    ticker_turn(ticker);
    world_turns(3);
}

/* ---- clients --------------------------------------------------------------------------------- */

static struct client *new_client(int family)
{
    struct client *c = &clients[client_count++];

    assert_true(client_count <= CLIENTS_MAX);
    *c = (struct client){.fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_true(c->fd >= 0);
    return c;
}

static void connect_tcp(struct client *c)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};

    in.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    assert_int_equal(connect(c->fd, (struct sockaddr *)&in, sizeof in), 0);
}

struct client *client_open_clear(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct client *c;

    if (strncmp(address, "unix:", 5) != 0) {
        connect_tcp(c = new_client(AF_INET));
        return c;
    }
    snprintf(un.sun_path, sizeof un.sun_path, "%s", address + 5);
    c = new_client(AF_UNIX);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&un, sizeof un), 0);
    return c;
}

struct client *client_open(void)
{
    struct client *c = client_open_clear();

    client_shake(c);
    return c;
}

struct client *client_open_from(const char *v4)
{
    struct client *c = new_client(AF_INET);
    struct sockaddr_in in = {.sin_family = AF_INET};

    inet_pton(AF_INET, v4, &in.sin_addr);
    assert_int_equal(bind(c->fd, (struct sockaddr *)&in, sizeof in), 0);
    connect_tcp(c);
    client_shake(c);
    return c;
}

void client_send_bytes(struct client *c, const void *data, size_t len)
{
    const char *bytes = data;

    for (unsigned tries = 0; len; tries++) {
        ssize_t n = client_try_send(c, bytes, len);
        if (n < 0 && errno != EAGAIN) return; /* the server closed: the test sees what it said */
        if (n < 0) world_sleep_turn();
        if (n > 0) bytes += n, len -= (size_t)n, tries = 0;
        if (tries > 5000) fail_msg("the server takes no more bytes");
    }
    world_turns(2);
}

void client_send(struct client *c, const char *text)
{
    client_send_bytes(c, text, strlen(text));
}

void client_leave(struct client *c)
{
    SSL_free(c->ssl);
    c->ssl = NULL;
    close(c->fd);
    c->fd = -1;
}

void client_reset(struct client *c)
{
    struct linger now = {1, 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_leave(c);
}

void client_half_close(struct client *c)
{
    if (c->ssl) SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_WR);
}

/* The length of the whole answer at the front of `got`; 0: not all of it is there. */
static size_t answer_len(struct client *c, bool head_only)
{
    client_pull(c);
    char *end = c->got.len ? memmem(c->got.data, c->got.len, "\r\n\r\n", 4) : NULL;
    if (!end) return 0;
    size_t head = (size_t)(end - c->got.data) + 4;
    char *length = memmem(c->got.data, head, "Content-Length: ", 16);
    size_t body = length && !head_only ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    return c->got.len < head + body ? 0 : head + body;
}

static const char *expect_answer(struct client *c, unsigned status, bool head_only)
{
    static char *last;
    char start[32];
    size_t len;

    eventually((len = answer_len(c, head_only)) > 0);
    free(last);
    last = xmemdup(c->got.data, len);
    buffer_consume(&c->got, len);
    snprintf(start, sizeof start, "HTTP/1.1 %u ", status);
    if (strncmp(last, start, strlen(start)) != 0) fail_msg("expected %u, got %s", status, last);
    return last;
}

const char *expect(struct client *c, unsigned status)
{
    return expect_answer(c, status, false);
}

const char *expect_head_only(struct client *c, unsigned status)
{
    return expect_answer(c, status, true);
}

void expect_eof(struct client *c)
{
    eventually((client_pull(c), c->eof));
    assert_int_equal(c->got.len, 0);
}

void expect_nothing(struct client *c)
{
    for (unsigned i = 0; i < 3; i++) world_sleep_turn();
    client_pull(c);
    assert_int_equal(c->got.len, 0);
    assert_false(c->eof);
}
