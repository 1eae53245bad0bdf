#include "tests/flow/api_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "base/memory.h"
#include "control/state.h"
#include "tests/flow/scratch.h"
#include "workers/registry.h"

#define TOKEN_WORD "TOKEN"

struct redis_server *world_redis;
struct service *world_service;

static struct ev_loop *loop;
static struct config config;
static char scratch[SCRATCH_MAX], token[STATE_TOKEN_LEN + 1];
static unsigned port;
static struct visitor *kept;
static struct answer last;

/* ---- the world ------------------------------------------------------------------------------- */

static void set(const char *key, const char *value)
{
    struct error why;

    if (config_set(&config, key, value, &why)) fail_msg("%s", why.text);
}

void world_open_with(void (*configure)(struct config *), void (*add)(struct service *))
{
    struct state_info info = {0};
    struct error why = {0};

    assert_true(scratch_make(scratch));
    world_redis = redis_server_start(NULL);
    log_set(LOG_ERROR, LOG_AS_TEXT);
    config_init(&config);
    set("redis", redis_server_url(world_redis));
    set("listen", "127.0.0.1:0");
    set("state", scratch);
    set("command", "wc=wc -w");
    if (configure) configure(&config);
    if (config_finish(&config, &why)) fail_msg("%s", why.text);
    loop = ev_loop_new(EVFLAG_AUTO);
    world_service = service_new(loop, &config);
    if (add) add(world_service);
    if (service_start(world_service, &why)) fail_msg("%s", why.text);
    eventually(service_ready(world_service));
    assert_int_equal(state_read_info(scratch, &info, &why), PINION_OK);
    port = (unsigned)strtoul(strrchr(info.http, ':') + 1, NULL, 10);
    state_info_deinit(&info);
    assert_int_equal(state_read_token(scratch, token, &why), PINION_OK);
}

void world_open(void)
{
    world_open_with(NULL, NULL);
}

static void forget_last(void)
{
    free(last.head);
    free(last.body);
    last = (struct answer){0};
}

void world_close(void)
{
    if (kept) visitor_close(kept);
    kept = NULL;
    forget_last();
    service_stop(world_service);
    eventually(service_stopped(world_service));
    service_free(world_service);
    config_deinit(&config);
    ev_loop_destroy(loop);
    redis_server_free(world_redis);
    scratch_remove(scratch);
}

int world_open_group(void **state)
{
    (void)state;
    world_open();
    return 0;
}

int world_close_group(void **state)
{
    (void)state;
    world_close();
    return 0;
}

struct ev_loop *world_loop(void)
{
    return loop;
}

void world_turn(void)
{
    ev_run(loop, EVRUN_NOWAIT);
    poll(NULL, 0, 1); /* Redis, and the kernel, work meanwhile */
    ev_run(loop, EVRUN_NOWAIT);
}

const char *world_state_dir(void)
{
    return scratch;
}

/* ---- visitors -------------------------------------------------------------------------------- */

struct visitor *visitor_open(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons((uint16_t)port)};
    struct visitor *v = xcalloc(1, sizeof *v);

    v->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(v->fd, (struct sockaddr *)&in, sizeof in), 0);
    return v;
}

void visitor_close(struct visitor *v)
{
    close(v->fd);
    buffer_deinit(&v->got);
    free(v);
}

void visitor_reset(struct visitor *v)
{
    struct linger now = {1, 0};

    setsockopt(v->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    visitor_close(v);
}

static void pull(struct visitor *v)
{
    while (!v->eof) {
        ssize_t n = recv(v->fd, buffer_reserve(&v->got, 65536), 65536, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (n <= 0)
            v->eof = true;
        else
            v->got.len += (size_t)n;
    }
}

static void send_bytes(struct visitor *v, const char *data, size_t len)
{
    while (len) {
        ssize_t n = send(v->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return; /* the server closed: the test sees what it said */
        if (n < 0)
            world_turn();
        else
            data += n, len -= (size_t)n;
    }
}

void visitor_send(struct visitor *v, const char *text, size_t len)
{
    const char *end = memmem(text, len, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - text) : len;
    const char *word = memmem(text, head, TOKEN_WORD, sizeof TOKEN_WORD - 1);

    if (!word) {
        send_bytes(v, text, len);
        return;
    }
    struct buffer all = BUFFER_INIT;
    buffer_add(&all, text, (size_t)(word - text));
    buffer_add_text(&all, token);
    word += sizeof TOKEN_WORD - 1;
    buffer_add(&all, word, len - (size_t)(word - text));
    send_bytes(v, all.data, all.len);
    buffer_deinit(&all);
}

/* The length of the whole answer at the front of `got`; 0: not all of it is there. */
static size_t answer_len(struct visitor *v, size_t *ret_head)
{
    pull(v);
    char *end = v->got.len ? memmem(v->got.data, v->got.len, "\r\n\r\n", 4) : NULL;
    if (!end) return 0;
    *ret_head = (size_t)(end - v->got.data) + 4;
    char *length = v->bodiless ? NULL : memmem(v->got.data, *ret_head, "Content-Length: ", 16);
    size_t body = length ? (size_t)strtoul(length + 16, NULL, 10) : 0;
    return v->got.len < *ret_head + body ? 0 : *ret_head + body;
}

struct answer visitor_answer(struct visitor *v)
{
    size_t len = 0, head = 0;

    forget_last();
    eventually((len = answer_len(v, &head)) > 0 || v->eof);
    if (!len) return last;
    last.head = xmemdup(v->got.data, head);
    last.body = xmemdup(v->got.data + head, len - head);
    last.status = (unsigned)strtoul(last.head + 9, NULL, 10);
    buffer_consume(&v->got, len);
    return last;
}

bool visitor_is_open(struct visitor *v)
{
    pull(v);
    return !v->eof;
}

/* ---- exchanges ------------------------------------------------------------------------------- */

struct answer ask(const char *method, const char *target, const char *headers, const char *body)
{
    struct buffer text = BUFFER_INIT;

    if (kept && !visitor_is_open(kept)) {
        visitor_close(kept);
        kept = NULL;
    }
    if (!kept) kept = visitor_open();
    kept->bodiless = strcmp(method, "HEAD") == 0;
    buffer_printf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n%s", method, target,
                  headers ? headers : "");
    if (body) buffer_printf(&text, "Content-Length: %zu\r\n", strlen(body));
    buffer_add_text(&text, "\r\n");
    if (body) buffer_add_text(&text, body);
    visitor_send(kept, text.data, text.len);
    buffer_deinit(&text);
    return visitor_answer(kept);
}

json_t *ask_json(unsigned status, const char *method, const char *target, const char *headers,
                 const char *body)
{
    struct answer a = ask(method, target, headers, body);
    json_t *json;

    if (a.status != status)
        fail_msg("%s %s: %u, expected %u: %s", method, target, a.status, status, a.body);
    json = json_loads(a.body, JSON_REJECT_DUPLICATES, NULL);
    if (!json) fail_msg("%s %s: no JSON: %s", method, target, a.body);
    return json;
}

static const json_t *value_at(const json_t *o, const char *path)
{
    char *words = xstrdup(path), *rest = words, *word;

    while (o && (word = strsep(&rest, "."))) o = json_object_get(o, word);
    if (!o) fail_msg("nothing at %s", path);
    free(words);
    return o;
}

json_int_t number_at(const json_t *o, const char *path)
{
    assert_true(json_is_integer(value_at(o, path)));
    return json_integer_value(value_at(o, path));
}

const char *text_at(const json_t *o, const char *path)
{
    assert_true(json_is_string(value_at(o, path)));
    return json_string_value(value_at(o, path));
}
