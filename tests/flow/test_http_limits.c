/* tests/flow/test_http_limits.c — every limit of size and number: at it, one past it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "tests/flow/http_world.h"
#include "control/http/conn.h"

static bool has(const char *answer, const char *part)
{
    return strstr(answer, part) != NULL;
}

static void open_with(struct http_limits limits)
{
    options.limits = limits;
    world_open();
}

static struct client *client_with(const char *request)
{
    struct client *c = client_open();

    client_send(c, request);
    return c;
}

/* In TLS there is no word before a handshake, for which nobody who is full has time. */
static void expect_turned_away(struct client *c)
{
    if (!world_has_tls()) assert_true(has(expect(c, 503), "too many connections"));
    expect_eof(c);
}

static void send_bytes_of(struct client *c, size_t len)
{
    char *body = xmalloc(len);

    memset(body, 'x', len);
    client_send_bytes(c, body, len);
    free(body);
}

static struct client *post(const char *more, size_t len)
{
    struct client *c = client_open();
    char head[200];

    snprintf(head, sizeof head,
             "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n", len, more);
    client_send(c, head);
    return c;
}

/* ---- sizes and counts ------------------------------------------------------------------------ */

TEST(head_and_headers)
{
    open_with((struct http_limits){.head_bytes_max = 64, .headers_max = 2});
    struct client *c =
        client_with("GET /echo?1234567890123456789012345 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(c, 431); /* 65 bytes; below: 64 */
    expect_eof(c);
    c = client_with("GET /echo?123456789012345678901234 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(c, 200);
    client_send(c, "GET /echo HTTP/1.1\r\nHost: localhost\r\nA: b\r\n\r\n");
    expect(c, 200);
    client_send(c, "GET /echo HTTP/1.1\r\nHost: localhost\r\nA: b\r\nC:\r\n\r\n");
    expect(c, 431);
    expect_eof(c);
}

TEST(body)
{
    open_with((struct http_limits){.body_bytes_max = 100000, .swallow_bytes_max = 300000});
    struct client *c = post("", 100000);
    send_bytes_of(c, 100000);
    expect(c, 200);
    client_leave(c);

    c = post("", 100001); /* an ordinary client sends all before it reads */
    send_bytes_of(c, 100001);
    assert_true(has(expect(c, 413), "\"code\":\"too_large\""));
    client_send(c, GET("/echo"));
    expect(c, 200);

    c = post("Expect: 100-continue\r\n", 100001);
    assert_true(has(expect(c, 413), "Connection: close"));
    expect_eof(c);

    c = post("", 10000000);
    send_bytes_of(c, 300001);
    assert_true(has(expect(c, 413), "Connection: close"));
    expect_eof(c);
    assert_int_equal(requests, 2);
    assert_int_equal(server->buffered, 0);
}

/* 8 MiB of it against a limit of one. */
static void send_too_much(bool chunked)
{
    enum { PIECE = 65536, PIECES = 128, LIMIT = 1u << 20, KEPT = 4 * HTTP_READ_BYTES_MAX };
    size_t most = 0;

    open_with((struct http_limits){.body_bytes_max = LIMIT});
    struct client *c = chunked ? client_with("POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                                             "Transfer-Encoding: chunked\r\n\r\n")
                               : post("", (size_t)PIECE * PIECES);
    for (unsigned i = 0; i < PIECES; i++) {
        if (chunked) client_send(c, "10000\r\n");
        send_bytes_of(c, PIECE);
        if (chunked) client_send(c, "\r\n");
        world_turns(5);
        if (most < server->buffered) most = server->buffered;
        if (!chunked || i > LIMIT / PIECE) assert_in_range(server->buffered, 0, KEPT);
    }
    assert_in_range(most, 1, chunked ? 2 * LIMIT + KEPT : KEPT);
    if (chunked) client_send(c, "0\r\n\r\n");
    assert_true(has(expect(c, 413), "at most 1048576 bytes"));
    client_send(c, GET("/echo"));
    expect(c, 200);
    assert_int_equal(server->buffered, 0);
}

TEST(a_body_announced_too_large_is_not_kept)
{
    send_too_much(false);
}

/* What was taken before that was known comes back then. */
TEST(a_body_that_grew_too_large_is_not_kept)
{
    send_too_much(true);
}

TEST(chunked_body)
{
    static const char head[] =
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    open_with((struct http_limits){.body_bytes_max = 8, .swallow_bytes_max = 20});
    struct client *c = client_with(head);
    client_send(c, "4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n");
    assert_true(has(expect(c, 200), ": abcdefgh"));
    client_send(c, head);
    client_send(c, "4\r\nabcd\r\n5\r\nefghi\r\n0\r\n\r\n" GET("/echo"));
    expect(c, 413);
    expect(c, 200);
    client_send(c, head);
    client_send(c, "15\r\n123456789012345678901\r\n");
    assert_true(has(expect(c, 413), "Connection: close"));
    expect_eof(c);
}

TEST(buffered_bytes_of_all)
{
    open_with((struct http_limits){.buffered_bytes_max = 400000, .body_bytes_max = 150000});
    struct client *first = post("", 150000), *second;
    send_bytes_of(first, 100000);
    eventually(server->buffered >= 100000);
    second = post("", 150000);
    send_bytes_of(second, 149999);
    assert_true(has(expect(second, 429), "\r\nRetry-After: 1\r\n"));
    client_leave(second);
    send_bytes_of(first, 50000);
    expect(first, 200);
    second = post("", 150000);
    send_bytes_of(second, 150000);
    expect(second, 200);
    client_leave(second);
    second = post("", 150000);
    send_bytes_of(second, 100000);
    eventually(server->buffered > 0);
    client_leave(second); /* in the middle: what it held is free again */
    eventually(http_server_connections(server) == 1);
    assert_int_equal(server->buffered, 0);
}

TEST(reply_size)
{
    open_with((struct http_limits){.reply_bytes_max = 5000});
    struct client *c = client_with(GET("/big?5000"));
    assert_int_equal(strlen(strstr(expect(c, 200), "\r\n\r\n")), 5004);
    client_send(c, GET("/big?5001"));
    expect(c, 500);
}

TEST(unsent_bytes_of_all)
{
    open_with((struct http_limits){.unsent_bytes_max = 100000});
    expect(client_with(GET("/big?100000")), 200);
    assert_true(has(expect(client_with(GET("/big?100001")), 503), "slow readers"));
    expect(client_with(GET("/big?8192")), 200);
    eventually(server->unsent == 0);
}

TEST(slow_readers_do_not_take_all_memory)
{
    open_with((struct http_limits){.unsent_bytes_max = 20000000, .write_ms = 5000});
    struct client *slow = client_with(GET("/big?12000000"));
    for (unsigned i = 0; i < 20; i++) world_sleep_turn();
    assert_in_range(server->unsent, 8000001, 20000000);
    struct client *c = client_with(GET("/big?12000000"));
    expect(c, 503);
    client_send(c, GET("/echo")); /* what is small is still answered */
    expect(c, 200);
    expect(slow, 200);
    eventually(server->unsent == 0);
    client_send(c, GET("/big?12000000"));
    expect(c, 200);
    slow = client_with(GET("/big?12000000"));
    for (unsigned i = 0; i < 20; i++) world_sleep_turn();
    world_pass(5100);
    assert_int_equal(server->unsent, 0); /* one that never reads is cut, and its memory is free */
}

TEST(connections)
{
    open_with((struct http_limits){.connections_max = 3});
    struct client *c[4];
    for (unsigned i = 0; i < 3; i++) expect(c[i] = client_with(GET("/echo")), 200);
    c[3] = client_open();
    expect_turned_away(c[3]);
    assert_int_equal(http_server_connections(server), 3);
    client_leave(c[0]);
    eventually(http_server_connections(server) == 2);
    expect(client_with(GET("/echo")), 200);
}

TEST(connections_of_one_peer)
{
    open_with((struct http_limits){.peer_connections_max = 2});
    struct client *a = client_open_from("127.0.0.5"), *b = client_open_from("127.0.0.5");
    expect_turned_away(client_open_from("127.0.0.5"));
    struct client *other = client_open_from("127.0.0.6");
    client_send(other, GET("/echo"));
    expect(other, 200);
    client_send(b, GET("/echo"));
    expect(b, 200);
    client_leave(a);
    eventually(http_server_connections(server) == 2);
    a = client_open_from("127.0.0.5");
    client_send(a, GET("/echo"));
    expect(a, 200);
}

TEST(pipelined_requests_share_turns)
{
    open_with((struct http_limits){.pipeline_max = 4});
    struct client *c = client_open();
    eventually(http_server_connections(server) == 1);
    static const char text[] = GET("/echo") GET("/echo") GET("/echo") GET("/echo") GET("/echo");
    assert_int_equal(client_try_send(c, text, sizeof text - 1), sizeof text - 1);
    while (requests == 0) world_turns(1);
    assert_int_equal(requests, 4);
    eventually(requests == 5);
    for (unsigned i = 0; i < 5; i++) expect(c, 200);
}

/* A client that asks and does not read: what waits for it stays bounded, and then it is cut. */
TEST(slow_reader)
{
    open_with((struct http_limits){.reply_queue_bytes_max = 100000, .write_ms = 5000});
    struct client *c = client_open();
    struct buffer many = BUFFER_INIT;
    for (unsigned i = 0; i < 200; i++) buffer_add_text(&many, GET("/big?50000"));
    client_send_bytes(c, many.data, many.len);
    buffer_deinit(&many);
    unsigned before;
    do {
        before = requests;
        for (unsigned i = 0; i < 20; i++) world_sleep_turn();
    } while (requests != before);
    assert_in_range(requests, 3, 150);
    struct http_exchange *x = container_of(server->conns.next, struct http_exchange, node);
    assert_in_range(x->out.len - x->out_at, 1, 100000 + 51000);
    world_pass(4900);
    assert_int_equal(http_server_connections(server), 1);
    world_pass(200);
    assert_int_equal(http_server_connections(server), 0);
}

TEST(slow_reader_that_wakes_gets_all)
{
    open_with((struct http_limits){.reply_queue_bytes_max = 100000});
    struct client *c = client_open();
    for (unsigned i = 0; i < 60; i++) client_send(c, GET("/big?100000"));
    for (unsigned i = 0; i < 60; i++) expect(c, 200);
    assert_int_equal(requests, 60);
}

/* ---- no descriptors -------------------------------------------------------------------------- */

TEST(no_descriptor_neither_spins_nor_starves)
{
    struct rlimit old, few;

    open_with((struct http_limits){0});
    struct client *in = client_with(GET("/echo")), *out[3];
    expect(in, 200);
    for (unsigned i = 0; i < 3; i++) out[i] = client_open_clear(); /* our side is there */
    client_leave(out[0]);
    getrlimit(RLIMIT_NOFILE, &old);
    int highest = dup(0);
    close(highest);
    few = (struct rlimit){3, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (unsigned i = 1; i < 3; i++) world_sleep_turn();
    assert_false(ev_is_active(&server->accept)); /* even the spare is of no use under this limit */
    client_send(in, GET("/echo"));
    expect(in, 200);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    world_pass(HTTP_ACCEPT_PAUSE_MS + 1);
    assert_true(ev_is_active(&server->accept));
    client_shake(out[1]);
    client_send(out[1], GET("/echo"));
    expect(out[1], 200);
}

/* The usual case: the process is full, the spare one still frees a place to say so. */
TEST(a_full_process_turns_clients_away)
{
    struct rlimit old, few;
    int filler[256], filled = 0;

    open_with((struct http_limits){0});
    struct client *in = client_with(GET("/echo"));
    expect(in, 200);
    getrlimit(RLIMIT_NOFILE, &old);
    few = (struct rlimit){64, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct client *out = client_open_clear();
    while (filled < 256 && (filler[filled] = dup(0)) >= 0) filled++;
    assert_int_equal(errno, EMFILE);
    expect_turned_away(out);
    assert_true(server->spare_fd >= 0);
    client_send(in, GET("/echo"));
    expect(in, 200);
    while (filled) close(filler[--filled]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    expect(client_with(GET("/echo")), 200);
}

static int teardown(void **state)
{
    (void)state;
    world_close();
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(head_and_headers),
        test(body),
        test(a_body_announced_too_large_is_not_kept),
        test(a_body_that_grew_too_large_is_not_kept),
        test(chunked_body),
        test(buffered_bytes_of_all),
        test(reply_size),
        test(unsent_bytes_of_all),
        test(slow_readers_do_not_take_all_memory),
        test(connections),
        test(connections_of_one_peer),
        test(pipelined_requests_share_turns),
        test(slow_reader),
        test(slow_reader_that_wakes_gets_all),
        test(no_descriptor_neither_spins_nor_starves),
        test(a_full_process_turns_clients_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
