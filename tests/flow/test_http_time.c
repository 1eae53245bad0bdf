/* tests/flow/test_http_time.c — every deadline: just before it, at it; and leavers. */
#include <stdio.h>
#include <string.h>

#include "tests/flow/http_world.h"

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

static void reply_to(unsigned n)
{
    assert_true(span_is(waiting[n].request->path, "/wait")); /* valid until the answer */
    assert_true(span_starts(waiting[n].request->headers, "Host: localhost\r\n"));
    http_reply(waiting[n].exchange, &(struct http_reply){.body = "{}", .len = 2});
    waiting[n].exchange = NULL;
}

static struct client *post(size_t len)
{
    struct client *c = client_open();
    char head[200];

    snprintf(head, sizeof head,
             "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", len);
    client_send(c, head);
    return c;
}

/* ---- deadlines ------------------------------------------------------------------------------- */

TEST(head_deadline_is_a_total)
{
    static const char slow_text[] = "GET /echo HTTP/1.1\r\n";
    open_with((struct http_limits){.head_ms = 10000, .idle_ms = 50000});
    struct client *silent = client_open(), *slow = client_open();
    eventually(http_server_connections(server) == 2);
    for (unsigned i = 0; i < 9; i++) {
        client_send_bytes(slow, slow_text + i, 1);
        world_pass(1000);
    }
    world_pass(900);
    expect_nothing(silent);
    expect_nothing(slow);
    world_pass(101);
    expect_eof(silent);
    expect(slow, 408);
    expect_eof(slow);
}

TEST(head_deadline_answers_408)
{
    open_with((struct http_limits){.head_ms = 10000, .idle_ms = 50000});
    struct client *c = client_with(GET("/echo"));
    expect(c, 200);
    world_pass(49000); /* idle, then the first byte starts the head's time */
    static const char head[] = "GET /echo HTTP/1.1\r\n";
    for (unsigned i = 0; i < 9; i++) {
        client_send_bytes(c, head + i, 1);
        world_pass(1000);
    }
    world_pass(900);
    expect_nothing(c);
    world_pass(101);
    assert_true(has(expect(c, 408), "Connection: close"));
    expect_eof(c);
}

TEST(idle_deadline)
{
    open_with((struct http_limits){.idle_ms = 50000});
    struct client *c = client_with(GET("/echo"));
    expect(c, 200);
    world_pass(49900);
    client_send(c, GET("/echo"));
    expect(c, 200);
    world_pass(49900);
    expect_nothing(c);
    world_pass(101);
    expect_eof(c);
}

TEST(body_deadline)
{
    open_with((struct http_limits){.body_ms = 20000});
    struct client *c = post(100);
    for (unsigned i = 0; i < 19; i++) {
        client_send(c, "x");
        world_pass(1000);
    }
    expect_nothing(c);
    world_pass(1001);
    expect(c, 408);
    expect_eof(c);
}

TEST(answer_deadline)
{
    open_with((struct http_limits){.answer_ms = 5000});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    world_pass(4900);
    expect_nothing(c);
    assert_false(waiting[0].left);
    world_pass(101);
    assert_true(has(expect(c, 503), "Connection: close"));
    assert_true(waiting[0].left);
    expect_eof(c);
    client_leave(c);
    eventually(http_server_connections(server) == 0);
    reply_to(0); /* to nobody */
}

TEST(a_long_poll_may_take_longer)
{
    open_with((struct http_limits){.answer_ms = 5000});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    http_allow_ms(waiting[0].exchange, 30000);
    world_pass(34900);
    expect_nothing(c);
    reply_to(0);
    expect(c, 200);
    client_send(c, GET("/wait")); /* the allowance was for one answer */
    eventually(waiting_count == 2);
    waiting[1].answer_when_left = true;
    world_pass(5001);
    expect(c, 503);
    assert_null(waiting[1].exchange);
}

TEST(linger_deadline)
{
    open_with((struct http_limits){.linger_ms = 2000});
    struct client *c = client_with("BAD\r\n\r\n");
    expect(c, 400);
    expect_eof(c);
    client_send(c, "still talking");
    world_pass(1900);
    assert_int_equal(http_server_connections(server), 1);
    world_pass(101);
    assert_int_equal(http_server_connections(server), 0);
}

/* ---- leaving --------------------------------------------------------------------------------- */

TEST(a_client_that_leaves_while_it_waits_is_noticed)
{
    open_with((struct http_limits){0});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    client_leave(c);
    eventually(waiting[0].left);
    reply_to(0);
    eventually(http_server_connections(server) == 0);
}

TEST(a_reset_while_waiting)
{
    open_with((struct http_limits){0});
    for (unsigned i = 0; i < 2; i++) {
        struct client *c = client_with(GET("/wait"));
        eventually(waiting_count == i + 1);
        waiting[i].answer_when_left = i == 1;
        client_reset(c);
        eventually(waiting[i].left);
        assert_int_equal(http_server_connections(server), 0);
    }
    world_turns(3);
    reply_to(0);
    assert_null(waiting[1].exchange);
}

TEST(half_closed_clients_get_their_answers)
{
    open_with((struct http_limits){0});
    struct client *c = client_with(GET("/echo") GET("/wait") GET("/echo"));
    client_half_close(c);
    expect(c, 200);
    eventually(waiting_count == 1 && waiting[0].left);
    reply_to(0);
    expect(c, 200);
    expect(c, 200);
    expect_eof(c);
}

TEST(leaving_behind_unread_bytes)
{
    open_with((struct http_limits){0});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    client_send(c, GET("/echo"));
    expect_nothing(c);
    assert_int_equal(requests, 1);
    http_allow_ms(waiting[0].exchange, 30000); /* a moved deadline keeps the look */
    client_leave(c);
    for (unsigned i = 0; i < 5; i++) world_sleep_turn();
    world_pass(HTTP_LEFT_CHECK_MS);
    eventually(waiting[0].left);
    reply_to(0);
    eventually(http_server_connections(server) == 0);
}

TEST(unread_bytes_do_not_hide_the_deadline)
{
    open_with((struct http_limits){.answer_ms = 2500});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    client_send(c, GET("/echo"));
    expect_nothing(c);
    world_pass(1000);
    world_pass(1000);
    expect_nothing(c);
    world_pass(501);
    expect(c, 503);
    assert_true(waiting[0].left);
    client_leave(c);
    eventually(http_server_connections(server) == 0);
    reply_to(0);
}

TEST(pipelined_behind_a_wait_is_served_after_it)
{
    open_with((struct http_limits){0});
    struct client *c = client_with(GET("/wait"));
    eventually(waiting_count == 1);
    client_send(c, GET("/echo"));
    expect_nothing(c);
    reply_to(0);
    expect(c, 200);
    expect(c, 200);
}

TEST(leaving_at_any_byte)
{
    static const char text[] = "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
                               "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    open_with((struct http_limits){0});
    for (size_t i = 0; i < sizeof text - 1; i += 3) {
        struct client *c = client_open();
        client_send_bytes(c, text, i);
        if (i % 2)
            client_reset(c);
        else
            client_leave(c);
        eventually(http_server_connections(server) == 0);
    }
    assert_int_equal(requests, 0);
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
        test(head_deadline_is_a_total),
        test(head_deadline_answers_408),
        test(idle_deadline),
        test(body_deadline),
        test(answer_deadline),
        test(a_long_poll_may_take_longer),
        test(linger_deadline),
        test(a_client_that_leaves_while_it_waits_is_noticed),
        test(a_reset_while_waiting),
        test(half_closed_clients_get_their_answers),
        test(leaving_behind_unread_bytes),
        test(unread_bytes_do_not_hide_the_deadline),
        test(pipelined_behind_a_wait_is_served_after_it),
        test(leaving_at_any_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
