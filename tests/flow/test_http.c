/* tests/flow/test_http.c — requests and answers over real sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/flow/http_world.h"
#include "control/http/conn.h"

static bool has(const char *answer, const char *part)
{
    return strstr(answer, part) != NULL;
}

static bool ends_with(const char *answer, const char *end)
{
    return strcmp(answer + strlen(answer) - strlen(end), end) == 0;
}

TEST(answers_and_keeps_the_connection)
{
    struct client *c = client_open();

    for (unsigned i = 1; i <= 3; i++) {
        client_send(c, GET("/echo?a=b"));
        const char *answer = expect(c, 200);
        assert_true(ends_with(answer, "\r\n\r\nGET /echo ?a=b: "));
        assert_true(has(answer, "\r\nX-Content-Type-Options: nosniff\r\n"));
        assert_true(has(answer, "\r\nCache-Control: no-store\r\n"));
        assert_true(has(answer, "\r\nContent-Type: application/json\r\n"));
        assert_true(has(answer, "\r\nDate: ") && has(answer, " GMT\r\n"));
        assert_false(has(answer, "Connection:"));
        assert_int_equal(requests, i);
    }
    assert_int_equal(http_server_connections(server), 1);
}

TEST(head_has_the_length_and_no_body)
{
    struct client *c = client_open();

    client_send(c, "HEAD /big?1234 HTTP/1.1\r\nHost: localhost\r\n\r\n" GET("/echo"));
    assert_true(has(expect_head_only(c, 200), "Content-Length: 1234\r\n"));
    expect(c, 200);
    client_send(c, "HEAD /v1/jobs/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(has(expect_head_only(c, 200), "Content-Length: 1\r\n"));
    expect_nothing(c);
}

TEST(closes_when_asked)
{
    struct client *c = client_open();
    client_send(c, "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_true(has(expect(c, 200), "\r\nConnection: close\r\n"));
    expect_eof(c);

    c = client_open();
    client_send(c, "GET /echo HTTP/1.0\r\n\r\n");
    assert_true(has(expect(c, 200), "\r\nConnection: close\r\n"));
    expect_eof(c);

    c = client_open();
    client_send(c, "GET /echo HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    assert_true(has(expect(c, 200), "\r\nConnection: keep-alive\r\n"));
    expect_nothing(c);
}

TEST(pipelined_requests_are_answered_in_order)
{
    struct client *c = client_open();

    client_send(c,
                GET("/echo?1") "POST /echo?2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n"
                               "\r\nabc" GET("/wait") GET("/echo?3"));
    assert_true(ends_with(expect(c, 200), "?1: "));
    assert_true(ends_with(expect(c, 200), "?2: abc"));
    expect_nothing(c);
    assert_int_equal(requests, 3);
    http_reply_error(waiting[0].exchange, PINION_CONFLICT, "not \"now\"\n");
    const char *answer = expect(c, 409);
    assert_true(ends_with(
        answer, "{\"error\":{\"code\":\"conflict\",\"message\":\"not \\\"now\\\"\\u000a\"}}\n"));
    assert_true(ends_with(expect(c, 200), "?3: "));
}

TEST(bytes_apart_give_the_same)
{
    static const char text[] = "POST /echo?x HTTP/1.1\r\nHost: localhost\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    struct client *c = client_open();

    client_send(c, text);
    assert_true(ends_with(expect(c, 200), "POST /echo ?x: abcde"));
    for (size_t i = 0; i < sizeof text - 1; i++) client_send_bytes(c, text + i, 1);
    assert_true(ends_with(expect(c, 200), "POST /echo ?x: abcde"));
}

TEST(routes)
{
    struct client *c = client_open();

    client_send(c, GET("/v1/jobs/mail%3A7"));
    assert_true(ends_with(expect(c, 200), "\r\n\r\nmail:7"));
    client_send(c, GET("/nothing"));
    assert_true(has(expect(c, 404), "{\"error\":{\"code\":\"not_found\",\"message\":\""));
    client_send(c, GET("/v1/jobs/a%2fb"));
    assert_true(has(expect(c, 400), "\"code\":\"invalid\""));
    client_send(c, "PUT /v1/jobs/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}");
    assert_true(has(expect(c, 405), "\r\nAllow: GET, HEAD, DELETE\r\n"));
    client_send(c, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(c, 404);
    client_send(c, "BREW /v1/jobs/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(has(expect(c, 501), "Connection: close"));
    expect_eof(c);
}

TEST(a_bad_request_is_answered_and_ends_the_connection)
{
    struct client *c = client_open();

    client_send(c, GET("/echo") "GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n" GET("/echo"));
    expect(c, 200);
    assert_true(has(expect(c, 400), "LF without CR"));
    expect_eof(c);
    assert_int_equal(requests, 1);
}

static void assert_host(const char *target, const char *host, unsigned status)
{
    struct client *c = client_open();
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host);
    client_send(c, text);
    expect(c, status);
    client_leave(c);
}

static const char *const names[] = {"jobs.example", NULL};

TEST(foreign_hosts_are_misdirected)
{
    assert_host("/echo", "LocalHost:80", 200);
    assert_host("/echo", "[::1]:7466", 200);
    assert_host("/echo", "jobs.example:443", 200);
    assert_host("/echo", "evil.example", 421);
    assert_host("/echo", "", 421);
    assert_host("http://localhost:1/echo", "localhost", 200);
    assert_host("http://evil.example/echo", "localhost", 421);
    assert_host("http://localhost/echo", "evil.example", 421);
    assert_int_equal(requests, 4);
}

TEST(expect_continue)
{
    struct client *c = client_open();

    client_send(c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                   "Content-Length: 3\r\n\r\n");
    expect(c, 100);
    client_send(c, "abc");
    assert_true(ends_with(expect(c, 200), ": abc"));
    client_send(c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
                   "Content-Length: 3\r\n\r\nabc"); /* did not wait: needs no word */
    assert_true(ends_with(expect(c, 200), ": abc"));
    client_send(c, "POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n"
                   "Content-Length: 3\r\n\r\n");
    expect_nothing(c);
    client_send(c, "abc");
    expect(c, 200);
}

TEST(headers_cannot_be_injected)
{
    struct client *c = client_open();

    client_send(c, "GET /inject HTTP/1.1\r\nHost: localhost\r\nX-GIVEN: \t v w \r\n\r\n");
    const char *answer = expect(c, 204);
    assert_true(has(answer, "\r\nX-Shown: a??Evil: v w\r\n"));
    assert_true(has(answer, "\r\nCache-Control: max-age=60\r\n"));
    assert_false(has(answer, "no-store"));
    assert_false(has(answer, "Content-Length"));
}

TEST(large_bodies_and_replies_pass)
{
    size_t len = 3u << 20;
    char *body = calloc(1, len + 1);
    struct client *c = client_open();

    memset(body, 'x', len);
    client_send(c, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3145728\r\n\r\n");
    client_send_bytes(c, body, len);
    assert_true(ends_with(expect(c, 200), body));
    eventually(server->buffered == 0); /* an idle connection gave its memory back */
    free(body);
}

#define ASK(method, query, accepts)              \
    method " /big?" query " HTTP/1.1\r\nHost: localhost\r\n" \
           "Accept-Encoding: " accepts "\r\n\r\n"

/* Those who take gzip, and have asked for enough: that the bytes are right, test_gzip.c shows. */
TEST(large_replies_are_packed)
{
    static const struct {
        const char *request;
        bool vary, packed, head;
    } rows[] = {
        {ASK("GET", "1399", "gzip"),        false, false, false},
        {ASK("GET", "1400", "gzip"),        true,  true,  false},
        {ASK("GET", "1400", "gzip;q=0"),    true,  false, false},
        {ASK("GET", "1400", "identity"),    true,  false, false},
        {GET("/big?1400"),                  true,  false, false},
        {ASK("GET", "524288", "br, gzip"),  true,  true,  false},
        {ASK("GET", "524289", "gzip"),      false, false, false},
        {ASK("HEAD", "100000", "gzip"),     true,  true,  true },
    };
    struct client *c = client_open();

    for (size_t i = 0; i < countof(rows); i++) {
        client_send(c, rows[i].request);
        const char *answer = rows[i].head ? expect_head_only(c, 200) : expect(c, 200);
        if (has(answer, "\r\nVary: Accept-Encoding\r\n") != rows[i].vary ||
            has(answer, "\r\nContent-Encoding: gzip\r\n") != rows[i].packed)
            fail_msg("%s: %.300s", rows[i].request, answer);
        const char *body = strstr(answer, "\r\n\r\n") + 4;
        if (!rows[i].head) assert_int_equal(body[0], rows[i].packed ? '\x1f' : 'b');
    }
}

/* ---- drain and close ------------------------------------------------------------------------- */

TEST(drain_finishes_what_is_in_flight)
{
    struct client *idle = client_open(), *busy = client_open(), *half = client_open();

    client_send(idle, GET("/echo"));
    expect(idle, 200);
    client_send(busy, GET("/wait"));
    client_send(half, "GET /echo HT");
    eventually(waiting_count == 1);
    world_drain();
    expect_eof(idle);
    expect_nothing(busy);
    client_send(half, "TP/1.1\r\nHost: localhost\r\n\r\n");
    assert_true(has(expect(half, 200), "Connection: close"));
    expect_eof(half);
    client_leave(half);
    assert_int_equal(drained, 0);
    http_reply(waiting[0].exchange, &(struct http_reply){.body = "{}", .len = 2});
    assert_true(has(expect(busy, 200), "Connection: close"));
    client_leave(busy);
    eventually(drained == 1);
    assert_int_equal(http_server_connections(server), 0);
}

TEST(drain_of_nobody_ends_from_the_loop)
{
    world_drain();
    assert_int_equal(drained, 0);
    eventually(drained == 1);
}

TEST(drained_may_close_the_server)
{
    struct client *c = client_open();

    client_send(c, GET("/echo"));
    expect(c, 200);
    close_when_drained = true;
    world_drain();
    eventually(drained == 1);
    assert_null(server);
    expect_eof(c);
}

TEST(answers_may_come_after_the_server)
{
    struct client *a = client_open(), *b = client_open();

    client_send(a, GET("/wait"));
    client_send(b, GET("/wait"));
    eventually(waiting_count == 2);
    waiting[1].answer_when_left = true;
    http_server_close(server);
    server = NULL;
    assert_true(waiting[0].left && waiting[1].left);
    assert_null(waiting[1].exchange);
    http_reply_error(waiting[0].exchange, PINION_UNAVAILABLE, "stopping");
}

/* ---- addresses ------------------------------------------------------------------------------- */

static void assert_no_listen(const char *listen, enum pinion_err err, const char *word)
{
    struct http_listener listener;
    struct error why = {0};

    assert_int_equal(http_listen_open(listen, &listener, &why), err);
    if (!has(why.text, word)) fail_msg("%s: %s", listen, why.text);
}

TEST(bad_addresses_are_explained)
{
    static const char *const bad[] = {"",
                                      "7466",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1",
                                      "example.com:80",
                                      "[::1]",
                                      "::1:80",
                                      "[::1:80",
                                      "1.2.3:80",
                                      "127.0.0.1:80x",
                                      "fd:x",
                                      "fd:2",
                                      ":80",
                                      "]:80"};
    char long_path[200] = "unix:/";

    for (size_t i = 0; i < countof(bad); i++) assert_no_listen(bad[i], PINION_INVALID, "expected");
    memset(long_path + 6, 'x', sizeof long_path - 7);
    assert_no_listen(long_path, PINION_INVALID, "107");
    assert_no_listen("unix:", PINION_INVALID, "107");
    assert_no_listen("unix:/nowhere/at/all", PINION_INTERNAL, "No such file");
    assert_no_listen("fd:500", PINION_INVALID, "not a listening socket");
    const char *ours = http_server_address(server);
    assert_no_listen(world_has_tls() ? ours + strlen("https://") : ours, PINION_BUSY, "in use");
}

TEST(ipv6_and_inherited_sockets)
{
    struct http_listener six, again;
    struct error why = {0};
    char text[16];

    if (http_listen_open("[::1]:0", &six, &why)) {
        print_message("no IPv6 here: %s\n", why.text);
        return;
    }
    assert_int_equal(strncmp(six.address, "[::1]:", 6), 0);
    assert_string_equal(six.host, "[::1]");
    snprintf(text, sizeof text, "fd:%d", dup(six.fd));
    assert_int_equal(http_listen_open(text, &again, &why), PINION_OK);
    assert_string_equal(again.address, six.address);
    http_listen_close(&again);
    http_listen_close(&six);
    http_listen_close(&six);
}

static char folder[] = "/tmp/pinion-http-XXXXXX";
static char unix_address[64];

static int open_unix(void **state)
{
    (void)state;
    memcpy(strchr(folder, '-') + 6, "XXXXXX", 6);
    if (!mkdtemp(folder)) return -1;
    snprintf(unix_address, sizeof unix_address, "unix:%s/s", folder);
    options.listen = unix_address;
    world_open();
    return 0;
}

static int close_unix(void **state)
{
    (void)state;
    world_close();
    return rmdir(folder); /* fails if the socket was left there */
}

TEST(unix_socket)
{
    struct client *c = client_open();
    struct stat st;
    char text[32];

    assert_int_equal(stat(unix_address + 5, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    client_send(c, "GET /peer HTTP/1.1\r\nHost: anything.example\r\n\r\n");
    snprintf(text, sizeof text, "\r\n\r\nuid %u", (unsigned)getuid());
    assert_true(ends_with(expect(c, 200), text));
    assert_no_listen(unix_address, PINION_BUSY, "in use");
    client_send(c, "GET /peer HTTP/1.1\r\nHost: x\r\n\r\n"); /* the file is still ours */
    expect(c, 200);
    client_open();
}

TEST(unix_socket_of_a_dead_server_is_replaced)
{
    struct http_listener listener;
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[80];

    snprintf(un.sun_path, sizeof un.sun_path, "%s/dead", folder);
    snprintf(text, sizeof text, "unix:%s/dead", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
    assert_int_equal(http_listen_open(text, &listener, NULL), PINION_OK);
    http_listen_close(&listener);
    assert_int_equal(access(un.sun_path, F_OK), -1);
}

TEST(peer_of_tcp)
{
    struct client *c = client_open_from("127.0.0.9");

    client_send(c, GET("/peer"));
    assert_true(ends_with(expect(c, 200), "\r\n\r\n127.0.0.9"));
}

TEST(descriptors_do_not_leak_into_children)
{
    struct client *c = client_open();

    client_send(c, GET("/echo"));
    expect(c, 200);
    for (int fd = 3; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD), is_socket = 0;
        socklen_t len = sizeof is_socket;
        if (flags == -1 || getsockopt(fd, SOL_SOCKET, SO_TYPE, &is_socket, &len) != 0) continue;
        assert_true(flags & FD_CLOEXEC);
    }
}

static int open_tcp(void **state)
{
    (void)state;
    options.hosts = names;
    world_open();
    return 0;
}

static int close_tcp(void **state)
{
    (void)state;
    world_close();
    return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, open_tcp, close_tcp)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(answers_and_keeps_the_connection),
        test(head_has_the_length_and_no_body),
        test(closes_when_asked),
        test(pipelined_requests_are_answered_in_order),
        test(bytes_apart_give_the_same),
        test(routes),
        test(a_bad_request_is_answered_and_ends_the_connection),
        test(foreign_hosts_are_misdirected),
        test(expect_continue),
        test(headers_cannot_be_injected),
        test(large_bodies_and_replies_pass),
        test(large_replies_are_packed),
        test(drain_finishes_what_is_in_flight),
        test(drain_of_nobody_ends_from_the_loop),
        test(drained_may_close_the_server),
        test(answers_may_come_after_the_server),
        test(bad_addresses_are_explained),
        test(ipv6_and_inherited_sockets),
        cmocka_unit_test_setup_teardown(unix_socket, open_unix, close_unix),
        cmocka_unit_test_setup_teardown(unix_socket_of_a_dead_server_is_replaced, open_unix,
                                        close_unix),
        test(peer_of_tcp),
        test(descriptors_do_not_leak_into_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
