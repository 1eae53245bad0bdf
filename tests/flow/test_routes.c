/* tests/flow/test_routes.c — routes and WebSockets of a program's own, on a whole service. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/access/token_file.h"
#include "control/state.h"
#include "include/pinion.h"
#include "tests/flow/scratch.h"
#include "tests/flow/stream_world.h"
#include "tests/support/redis_server.h"

static struct redis_server *redis;
static struct ev_loop *own_loop;
static struct pinion_service *service;
static char scratch[SCRATCH_MAX], token[STATE_TOKEN_LEN + 1], address[64];

/* ---- what the routes did --------------------------------------------------------------------- */

static struct pinion_exchange *kept;
static struct pinion_websocket *sockets[8];
static unsigned lefts, socket_count, closed, readies;
static char said[8][64];

static void on_hello(struct pinion_exchange *x, void *ctx)
{
    pinion_reply(x, &(struct pinion_reply){.type = "text/plain", .body = ctx, .body_len = 5});
}

/* All that was asked, in lines. */
static void on_show(struct pinion_exchange *x, void *ctx)
{
    const struct pinion_asked *a = pinion_exchange_asked(x);
    const char *room = pinion_exchange_arg(x, "room"), *q = pinion_exchange_query(x, "q");
    const char *header = pinion_exchange_header(x, "x-given");
    char text[512];

    (void)ctx;
    int len = snprintf(text, sizeof text, "%s %s|%s|%s|%s|%.*s|%s|%s|%s", a->method, a->path,
                       room ? room : "-", q ? q : "-", header ? header : "-", (int)a->body_len,
                       (const char *)a->body, a->peer, a->caller,
                       pinion_exchange_arg(x, "other") ? "?" : "-");
    pinion_reply(x, &(struct pinion_reply){.body = text, .body_len = (size_t)len});
}

static void on_page(struct pinion_exchange *x, void *ctx)
{
    static const char *const headers[] = {"Cache-Control: max-age=60", "X-Bad\r\nEvil: 1",
                                          "Content-Length: 7", "no header", NULL};

    (void)ctx;
    pinion_reply(x, &(struct pinion_reply){.status = 201, .type = "text/html; charset=utf-8",
                                           .body = "<p>", .body_len = 3, .headers = headers});
}

static void on_strange_status(struct pinion_exchange *x, void *ctx)
{
    (void)ctx;
    pinion_reply(x, &(struct pinion_reply){.status = 100});
}

static void on_busy(struct pinion_exchange *x, void *ctx)
{
    (void)ctx;
    pinion_reply_error(x, PINION_BUSY, "too \"many\"");
}

static void on_keep(struct pinion_exchange *x, void *ctx)
{
    (void)ctx;
    kept = x;
}

static void on_left(struct pinion_exchange *x, void *ctx)
{
    (void)ctx;
    assert_ptr_equal(x, kept);
    lefts++;
}

static void on_message(struct pinion_websocket *w, const void *data, size_t len, int text,
                       void *ctx)
{
    char *mine = ctx;

    snprintf(mine, sizeof said[0], "%s:%.*s", text ? "text" : "bytes", (int)len,
             (const char *)data);
    assert_int_equal(pinion_websocket_send(w, data, len, text), PINION_OK);
}

static void on_ready(struct pinion_websocket *w, void *ctx)
{
    (void)w, (void)ctx;
    readies++;
}

static void on_closed(struct pinion_websocket *w, void *ctx)
{
    (void)ctx;
    closed++;
    assert_int_equal(pinion_websocket_send(w, "x", 1, 1), PINION_CONFLICT);
}

static void on_socket(struct pinion_exchange *x, void *ctx)
{
    static const struct pinion_websocket_handler handler = {
        .message = on_message, .ready = on_ready, .closed = on_closed, .message_bytes_max = 100};

    (void)ctx;
    sockets[socket_count] = pinion_websocket_open(x, &handler, said[socket_count]);
    socket_count++;
}

static const struct pinion_route routes[] = {
    {.path = "/hello", .serve = on_hello, .ctx = (void *)(uintptr_t)"hello"},
    {.path = "/rooms/{room}", .serve = on_show},
    {.path = "/rooms/lobby", .serve = on_hello, .ctx = (void *)(uintptr_t)"lobby"},
    {.method = "POST", .path = "/rooms/{room}", .serve = on_show},
    {.path = "/page", .serve = on_page},
    {.path = "/strange", .serve = on_strange_status},
    {.path = "/busy", .serve = on_busy},
    {.path = "/keep", .serve = on_keep, .left = on_left},
    {.path = "/ws", .serve = on_socket},
    {.path = "/secret/ws", .serve = on_socket, .role = PINION_FOR_READ},
    {.path = "/for/read", .serve = on_show, .role = PINION_FOR_READ},
    {.path = "/for/admin", .serve = on_show, .role = PINION_FOR_ADMIN},
    {.path = "/orders/{id}", .serve = on_show, .role = PINION_FOR_ENQUEUE},
    {.path = "/of/{queue}", .serve = on_show, .role = PINION_FOR_ENQUEUE},
};

/* ---- the service ----------------------------------------------------------------------------- */

static void start(void)
{
    struct state_info info = {0};
    struct error why = {0};
    char text[256];

    if (pinion_service_start(service, text, sizeof text)) fail_msg("%s", text);
    world_attach(own_loop, NULL);
    while (!pinion_service_ready(service)) ev_run(own_loop, EVRUN_ONCE);
    assert_int_equal(state_read_info(scratch, &info, &why), PINION_OK);
    snprintf(address, sizeof address, "%s", info.http);
    state_info_deinit(&info);
    assert_int_equal(state_read_token(scratch, token, &why), PINION_OK);
    world_attach(own_loop, address);
}

static int make(void **state)
{
    struct pinion_service_options given = {.state_dir = scratch, .listen = "127.0.0.1:0"};
    char why[256];

    (void)state;
    lefts = socket_count = closed = readies = 0;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    redis = redis_server_start(NULL);
    own_loop = ev_loop_new(EVFLAG_AUTO);
    if (!scratch_make(scratch)) return -1;
    given.redis_url = redis_server_url(redis);
    if (pinion_service_new(own_loop, &given, &service, why, sizeof why)) fail_msg("%s", why);
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    pinion_service_free(service);
    ev_loop_destroy(own_loop);
    redis_server_free(redis);
    return scratch_remove(scratch);
}

static enum pinion_err add_token(struct token_set *set, void *ctx, struct error *why)
{
    return token_set_add(set, ctx, why);
}

/* An admin's, for queues that begin with mail. */
static void add_some(void)
{
    struct token some = {.name = "some", .roles = ROLE_BIT(ROLE_ADMIN), .queues = "mail",
                         .made_ms = 1};
    struct error why;

    token_hash(span_of("pinion_some"), some.hash);
    if (token_file_edit(scratch, add_token, &some, &why)) fail_msg("%s", why.text);
}

static int open_all(void **state)
{
    char why[256];

    if (make(state)) return -1;
    add_some();
    for (size_t i = 0; i < countof(routes); i++)
        if (pinion_service_route(service, &routes[i], why, sizeof why)) fail_msg("%s", why);
    start();
    return 0;
}

static int close_all(void **state)
{
    world_detach();
    pinion_service_stop(service);
    while (!pinion_service_stopped(service)) ev_run(own_loop, EVRUN_ONCE);
    unmake(state);
    assert_int_equal(closed, socket_count);
    return 0;
}

static bool has(const char *answer, const char *part)
{
    return strstr(answer, part) != NULL;
}

static const char *get(const char *target, const char *headers, unsigned status)
{
    char request[512];
    struct client *c = client_open();

    snprintf(request, sizeof request, "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", target, headers);
    client_send(c, request);
    const char *answer = expect(c, status);
    client_leave(c);
    return answer;
}

static const char *with_token(void)
{
    static char header[128];

    snprintf(header, sizeof header, "Authorization: Bearer %s\r\n", token);
    return header;
}

/* ---- registering ----------------------------------------------------------------------------- */

TEST(each_bad_route_is_refused_with_a_reason)
{
    static const struct {
        struct pinion_route route;
        enum pinion_err err;
        const char *why;
    } bad[] = {
        {{.path = NULL, .serve = on_show}, PINION_INVALID, "route NULL: expected a path"},
        {{.path = "", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "hello", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/hello/", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "//x", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/a b", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/a%20b", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/../x", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/./x", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/{}", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/{a}b", .serve = on_show}, PINION_INVALID, "expected a path"},
        {{.path = "/1/2/3/4/5/6/7/8/9", .serve = on_show}, PINION_INVALID, "up to 8 segments"},
        {{.path = "/x", .serve = NULL}, PINION_INVALID, "a function that serves it"},
        {{.path = "/x", .serve = on_show, .method = "get"}, PINION_INVALID, "expected GET"},
        {{.path = "/x", .serve = on_show, .method = "HEAD"}, PINION_INVALID, "expected GET"},
        {{.path = "/x", .serve = on_show, .role = 5}, PINION_INVALID, "a role of pinion.h"},
        {{.path = "/v1", .serve = on_show}, PINION_INVALID, "is the service's"},
        {{.path = "/v1/mine", .serve = on_show}, PINION_INVALID, "is the service's"},
        {{.path = "/healthz", .serve = on_show}, PINION_INVALID, "is the service's"},
        {{.path = "/metrics/x", .serve = on_show}, PINION_INVALID, "is the service's"},
        {{.path = "/rooms/{other}", .serve = on_show}, PINION_CONFLICT, "there is /rooms/{room}"},
        {{.path = "/hello", .serve = on_show, .method = "GET"}, PINION_CONFLICT, "already"},
    };
    char why[256];

    for (size_t i = 0; i < countof(routes); i++)
        assert_int_equal(pinion_service_route(service, &routes[i], NULL, 0), PINION_OK);
    for (size_t i = 0; i < countof(bad); i++) {
        assert_int_equal(pinion_service_route(service, &bad[i].route, why, sizeof why), bad[i].err);
        if (!has(why, bad[i].why)) fail_msg("%s: \"%s\"", bad[i].why, why);
    }
}

TEST(as_many_routes_as_the_limit_and_not_one_more)
{
    char path[32];

    for (unsigned i = 0; i < PINION_ROUTES_MAX; i++) {
        snprintf(path, sizeof path, "/%u", i);
        assert_int_equal(pinion_service_route(
                             service, &(struct pinion_route){.path = path, .serve = on_show}, NULL,
                             0),
                         PINION_OK);
    }
    assert_int_equal(pinion_service_route(
                         service, &(struct pinion_route){.path = "/more", .serve = on_show}, NULL,
                         0),
                     PINION_TOO_LARGE);
}

TEST(a_service_that_has_started_takes_no_more)
{
    char why[256];
    const struct pinion_route late = {.path = "/late", .serve = on_show};

    assert_int_equal(pinion_service_route(service, &late, why, sizeof why), PINION_CONFLICT);
    assert_string_equal(why, "the service has started already");
}

/* ---- serving --------------------------------------------------------------------------------- */

TEST(what_was_asked_is_told)
{
    assert_true(has(get("GET /rooms/a%2Bb%20c?q=1+2%21&x=", "X-Given:  yes \r\n", 200),
                    "\r\n\r\nGET /rooms/a%2Bb%20c|a+b c|1 2!|yes||127.0.0.1||-"));
    assert_true(has(get("GET /rooms/x?q=1&q=2", "", 200), "|x|-|-|"));
    assert_true(has(get("GET /rooms/x?q=%zz", "", 200), "|x|-|-|"));

    struct client *c = client_open();
    client_send(c, "POST /rooms/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody");
    assert_true(has(expect(c, 200), "POST /rooms/x|x|-|-|body|"));
    client_send(c, "HEAD /rooms/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect_head_only(c, 200);
    client_leave(c);
}

TEST(the_more_literal_route_is_taken_and_ours_stay)
{
    assert_true(has(get("GET /hello", "", 200), "\r\n\r\nhello"));
    assert_true(has(get("GET /rooms/lobby", "", 200), "\r\n\r\nlobby"));
    get("GET /healthz", "", 200);
    get("GET /v1/queues", "", 200);
    get("GET /v1/nothing", "", 404);
    get("GET /rooms/x/y", "", 404);
    get("GET /rooms/%ff", "", 400);
    assert_true(has(get("DELETE /rooms/x", "", 405), "\r\nAllow: GET, HEAD, POST\r\n"));
}

TEST(a_page_is_strict_and_its_headers_are_checked)
{
    const char *answer = get("GET /page", "", 201);

    assert_true(has(answer, "\r\nContent-Security-Policy: default-src 'self'; "));
    assert_true(has(answer, "\r\nCache-Control: max-age=60\r\n"));
    assert_true(has(answer, "\r\nContent-Length: 3\r\n"));
    assert_false(has(answer, "Evil"));
    assert_false(has(answer, "no header"));
    get("GET /strange", "", 500);
    assert_true(has(get("GET /busy", "", 429), "\"message\":\"too \\\"many\\\"\""));
}

TEST(roles_need_tokens)
{
    get("GET /for/read", "", 401);
    get("GET /for/admin", "", 401);
    get("GET /for/read", "Authorization: Bearer wrong\r\n", 401);
    assert_true(has(get("GET /for/read", with_token(), 200), "|127.0.0.1|owner|"));
    get("GET /for/admin", with_token(), 200);
}

TEST(a_token_for_some_queues_is_held_to_them)
{
    static const char header[] = "Authorization: Bearer pinion_some\r\n";

    get("GET /for/read", header, 403);
    get("GET /of/mail.in", header, 200);
    get("GET /of/post", header, 403);
    get("GET /orders/mail:1", header, 200);
    get("GET /orders/post:1", header, 403);
    get("GET /orders/17", header, 403); /* no job's: nothing says that it is of its queues */
    get("GET /orders/17", with_token(), 200);
    get("GET /hello", header, 200);
}

TEST(pages_of_other_origins_change_nothing)
{
    const char *answer = get("POST /rooms/x", "Origin: http://evil.example\r\n", 403);

    assert_true(has(answer, "\"code\":\"forbidden\""));
    get("POST /rooms/x", "Origin: http://localhost\r\n", 200);
    get("GET /rooms/x", "Origin: http://evil.example\r\n", 200);
}

TEST(an_answer_may_come_later_or_to_nobody)
{
    struct client *c = client_open();

    client_send(c, GET("/keep"));
    eventually(kept != NULL);
    expect_nothing(c);
    pinion_reply_error(kept, PINION_STALE, "late");
    expect(c, 409);
    assert_int_equal(lefts, 0);

    kept = NULL;
    client_send(c, GET("/keep"));
    eventually(kept != NULL);
    client_reset(c);
    eventually(lefts == 1);
    pinion_reply_error(kept, PINION_STALE, "to nobody");
    kept = NULL;
}

TEST(an_exchange_that_is_never_answered_goes_with_the_service)
{
    struct client *c = client_open();

    client_send(c, GET("/keep"));
    eventually(kept != NULL);
    client_reset(c);
    eventually(lefts == 1);
    kept = NULL;
}

/* ---- WebSockets ------------------------------------------------------------------------------ */

TEST(messages_go_both_ways)
{
    struct client *c = websocket_open();

    websocket_say(c, "ping");
    expect_text(c, "ping");
    assert_string_equal(said[0], "text:ping");
    websocket_send(c, 0x82, "\x01\x02", 2);
    expect_frame(c, 0x82, "\x01\x02", 2);
    assert_string_equal(said[0], "bytes:\x01\x02");
    eventually(readies > 0);
    assert_int_equal(pinion_websocket_send(sockets[0], "\xff", 1, 1), PINION_INVALID);
    assert_int_equal(pinion_websocket_send(sockets[0], "\xff", 1, 0), PINION_OK);
    expect_frame(c, 0x82, "\xff", 1);
    pinion_websocket_close(sockets[0], 4000, "enough");
    assert_int_equal(closed, 0);
    expect_close(c, 4000);
    assert_int_equal(closed, 1);
}

TEST(one_message_reaches_all)
{
    struct client *c[4];

    for (unsigned i = 0; i < 4; i++) c[i] = websocket_open();
    assert_int_equal(pinion_websocket_send_all(sockets, 4, "all", 3, 1), 4);
    assert_int_equal(pinion_websocket_send_all(sockets, 4, "\xff", 1, 1), 0);
    assert_int_equal(pinion_websocket_queued(sockets[0]), 3 + 64);
    for (unsigned i = 0; i < 4; i++) expect_text(c[i], "all");
    pinion_websocket_close(sockets[2], 1000, NULL);
    assert_int_equal(pinion_websocket_send_all(sockets, 4, "all", 3, 1), 3);
}

TEST(the_queue_of_a_websocket_is_bounded)
{
    static char big[PINION_WEBSOCKET_QUEUE_BYTES - 64 + 1];
    struct client *c = websocket_open();

    (void)c;
    assert_int_equal(pinion_websocket_send(sockets[0], big, sizeof big, 0), PINION_BUSY);
    assert_int_equal(pinion_websocket_send(sockets[0], big, sizeof big - 1, 0), PINION_OK);
    assert_int_equal(pinion_websocket_send(sockets[0], "x", 1, 1), PINION_BUSY);
    eventually(pinion_websocket_queued(sockets[0]) == 0 || (client_pull(c), false));
}

TEST(a_message_that_is_too_large_ends_it)
{
    static char bytes[101];
    struct client *c = websocket_open();

    websocket_send(c, 0x82, bytes, 101);
    expect_close(c, 1009);
    assert_int_equal(closed, 1);
}

TEST(what_is_no_websocket_is_refused)
{
    get("GET /ws", "", 426);
    eventually(closed == 1);
    struct client *c = client_open();
    client_send(c, UPGRADE("/ws", "Origin: http://evil.example\r\n"));
    expect(c, 403);
    client_send(c, UPGRADE("/secret/ws", ""));
    expect(c, 401);
    assert_int_equal(socket_count, 2);
}

TEST(a_service_that_stops_closes_them)
{
    struct client *c = websocket_open();

    pinion_service_stop(service);
    expect_close(c, 1001);
    assert_int_equal(closed, 1);
}

TEST(a_service_that_is_freed_closes_them)
{
    char why[256];

    for (size_t i = 0; i < countof(routes); i++)
        if (pinion_service_route(service, &routes[i], why, sizeof why)) fail_msg("%s", why);
    start();
    websocket_open();
    pinion_service_stop(service);
    while (!pinion_service_stopped(service)) ev_run(own_loop, EVRUN_ONCE);
    world_detach();
}

#define alone(name) cmocka_unit_test_setup_teardown(name, make, unmake)
#define serving(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        alone(each_bad_route_is_refused_with_a_reason),
        alone(as_many_routes_as_the_limit_and_not_one_more),
        serving(a_service_that_has_started_takes_no_more),
        serving(what_was_asked_is_told),
        serving(the_more_literal_route_is_taken_and_ours_stay),
        serving(a_page_is_strict_and_its_headers_are_checked),
        serving(roles_need_tokens),
        serving(a_token_for_some_queues_is_held_to_them),
        serving(pages_of_other_origins_change_nothing),
        serving(an_answer_may_come_later_or_to_nobody),
        serving(an_exchange_that_is_never_answered_goes_with_the_service),
        serving(messages_go_both_ways),
        serving(one_message_reaches_all),
        serving(the_queue_of_a_websocket_is_bounded),
        serving(a_message_that_is_too_large_ends_it),
        serving(what_is_no_websocket_is_refused),
        serving(a_service_that_stops_closes_them),
        alone(a_service_that_is_freed_closes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
