/* tests/flow/test_stream.c — replies without end: what their readers get, and when they end. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/http/conn.h"
#include "tests/flow/stream_world.h"

static bool has(const char *answer, const char *part)
{
    return strstr(answer, part) != NULL;
}

static void expect_bytes(struct client *c, const char *text)
{
    size_t len = strlen(text);

    eventually((client_pull(c), c->got.len >= len));
    assert_memory_equal(c->got.data, text, len);
    buffer_consume(&c->got, len);
}

static struct client *stream_open(void)
{
    struct client *c = client_open();

    client_send(c, GET("/stream"));
    const char *head = expect_head_only(c, 200);
    assert_true(has(head, "\r\nContent-Type: text/plain\r\n"));
    assert_true(has(head, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_true(has(head, "\r\nCache-Control: no-store\r\n"));
    assert_true(has(head, "\r\nX-Given: yes\r\n"));
    assert_false(has(head, "Content-Length"));
    return c;
}

TEST(what_is_sent_comes_in_chunks_and_in_order)
{
    struct client *c = stream_open();

    assert_true(http_stream_send(&seen[0].stream, "one", 3));
    expect_bytes(c, "3\r\none\r\n");
    assert_true(http_stream_send(&seen[0].stream, "sixteen bytes...", 16));
    assert_true(http_stream_send(&seen[0].stream, "", 0)); /* says nothing, above all not the end */
    assert_true(http_stream_send(&seen[0].stream, "x", 1));
    assert_int_equal(http_stream_queued(&seen[0].stream), 17 + 2 * HTTP_MESSAGE_BYTES_COST);
    expect_bytes(c, "10\r\nsixteen bytes...\r\n1\r\nx\r\n");
    eventually(http_stream_queued(&seen[0].stream) == 0);
    assert_true(seen[0].readies >= 1);
    expect_nothing(c);
}

TEST(an_end_lets_the_connection_go_on)
{
    struct client *c = stream_open();

    http_stream_send(&seen[0].stream, "bye", 3);
    http_stream_end(&seen[0].stream, 1000, "unheard");
    http_stream_end(&seen[0].stream, 1000, "again");
    assert_false(http_stream_send(&seen[0].stream, "x", 1));
    assert_int_equal(seen[0].endeds, 0);
    expect_bytes(c, "3\r\nbye\r\n0\r\n\r\n");
    eventually(seen[0].endeds == 1);
    client_send(c, GET("/brief") GET("/brief") GET("/plain"));
    for (unsigned i = 0; i < 2; i++) {
        expect_head_only(c, 200);
        expect_bytes(c, "2\r\nhi\r\n0\r\n\r\n");
    }
    expect(c, 200);
    assert_int_equal(seen[1].endeds + seen[2].endeds, 2);
}

TEST(a_request_behind_a_stream_waits_for_its_end)
{
    struct client *c = client_open();

    client_send(c, GET("/stream") GET("/plain"));
    expect_head_only(c, 200);
    expect_nothing(c);
    http_stream_end(&seen[0].stream, 0, NULL);
    expect_bytes(c, "0\r\n\r\n");
    expect(c, 200);
}

TEST(who_says_too_much_behind_a_stream_is_closed)
{
    char *much = xmalloc(HTTP_STREAM_BEHIND_BYTES_MAX + 1);
    struct client *c = stream_open();

    memset(much, 'x', HTTP_STREAM_BEHIND_BYTES_MAX + 1);
    client_send_bytes(c, much, HTTP_STREAM_BEHIND_BYTES_MAX);
    expect_nothing(c);
    assert_int_equal(seen[0].endeds, 0);
    client_send_bytes(c, much, 1);
    eventually(seen[0].endeds == 1);
    free(much);
}

TEST(http_1_0_reads_until_the_connection_closes)
{
    struct client *c = client_open();

    client_send(c, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    const char *head = expect_head_only(c, 200);
    assert_false(has(head, "Transfer-Encoding"));
    assert_true(has(head, "\r\nConnection: close\r\n"));
    http_stream_send(&seen[0].stream, "plain", 5);
    expect_bytes(c, "plain");
    http_stream_send(&seen[0].stream, " end", 4);
    http_stream_end(&seen[0].stream, 0, NULL);
    expect_bytes(c, " end");
    expect_eof(c);
    assert_int_equal(seen[0].endeds, 1);
}

TEST(head_gets_the_head_and_ends)
{
    struct client *c = client_open();

    client_send(c, "HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n" GET("/plain"));
    assert_true(has(expect_head_only(c, 200), "Transfer-Encoding: chunked"));
    expect(c, 200);
    assert_int_equal(seen[0].endeds, 1);
}

TEST(a_reader_that_leaves_is_noticed)
{
    struct client *c = stream_open();
    client_leave(c);
    eventually(seen[0].endeds == 1);

    c = stream_open();
    client_reset(c);
    eventually(seen[1].endeds == 1);

    c = stream_open();
    client_half_close(c);
    eventually(seen[2].endeds == 1);
    expect_eof(c);
    eventually(http_server_connections(server) == 0);
}

TEST(a_waiting_exchange_may_become_a_stream)
{
    struct client *c = client_open();

    client_send(c, GET("/hold"));
    eventually(seen_count == 1);
    http_stream_open(held, &seen[0].stream, "text/plain", NULL);
    expect_head_only(c, 200);
    http_stream_send(&seen[0].stream, "late", 4);
    expect_bytes(c, "4\r\nlate\r\n");
}

TEST(one_that_left_before_it_opened_is_ended)
{
    struct client *c = client_open();

    client_send(c, GET("/hold"));
    eventually(seen_count == 1);
    client_reset(c);
    eventually(http_server_connections(server) == 0);
    http_stream_open(held, &seen[0].stream, "text/plain", NULL);
    assert_int_equal(seen[0].endeds, 0);
    assert_false(http_stream_send(&seen[0].stream, "x", 1));
    eventually(seen[0].endeds == 1);
}

TEST(one_whose_time_was_over_is_ended)
{
    struct client *c = client_open();

    client_send(c, GET("/hold"));
    eventually(seen_count == 1);
    world_pass(HTTP_ANSWER_MS);
    expect(c, 503);
    http_stream_open(held, &seen[0].stream, "text/plain", NULL);
    eventually(seen[0].endeds == 1);
}

TEST(one_of_a_closed_server_is_ended)
{
    struct client *c = client_open();

    client_send(c, GET("/hold"));
    eventually(seen_count == 1);
    http_server_close(server);
    server = NULL;
    http_stream_open(held, &seen[0].stream, "text/plain", NULL);
    assert_int_equal(seen[0].endeds, 1);
    expect_eof(c);
}

/* Fills the kernel's buffers and then the queue of a reader that takes nothing; gives how many
 * bytes were taken over. */
static size_t fill(struct http_stream *s, const char *piece, size_t len)
{
    size_t sent = 0;

    for (unsigned same = 0; same < 20; same++) {
        while (http_stream_send(s, piece, len)) sent += len, same = 0;
        world_turns(2);
    }
    return sent;
}

TEST(the_queue_of_a_slow_reader_is_bounded)
{
    static char piece[1000];
    struct client *c = stream_open();
    struct http_stream *s = &seen[0].stream;
    size_t sent = fill(s, piece, sizeof piece);

    assert_true(http_stream_queued(s) <= HTTP_STREAM_QUEUE_BYTES_MAX);
    assert_true(http_stream_queued(s) + sizeof piece + HTTP_MESSAGE_BYTES_COST >
                HTTP_STREAM_QUEUE_BYTES_MAX);
    unsigned before = seen[0].readies;
    http_stream_end(s, 0, NULL); /* what was queued still comes */
    for (size_t got = 0; got < sent; got += sizeof piece) {
        eventually((client_pull(c), c->got.len >= sizeof piece + 7));
        assert_memory_equal(c->got.data, "3e8\r\n", 5);
        buffer_consume(&c->got, sizeof piece + 7);
    }
    expect_bytes(c, "0\r\n\r\n");
    assert_int_equal(seen[0].readies, before);
}

TEST(the_queue_takes_its_limit_and_not_one_byte_more)
{
    struct client *c = stream_open();
    struct http_stream *s = &seen[0].stream;
    size_t max = HTTP_STREAM_QUEUE_BYTES_MAX - HTTP_MESSAGE_BYTES_COST;
    char *bytes = xcalloc(1, max + 1);

    assert_false(http_stream_send(s, bytes, max + 1));
    assert_int_equal(http_stream_queued(s), 0);
    assert_true(http_stream_send(s, bytes, max));
    assert_false(http_stream_send(s, bytes, 1));
    expect_bytes(c, "3ffc0\r\n");
    eventually((client_pull(c), c->got.len >= max + 2));
    eventually(seen[0].readies == 1);
    free(bytes);
}

static bool send_zeros(unsigned i, size_t len)
{
    static const char zeros[4096];

    return http_stream_send(&seen[i].stream, zeros, len);
}

TEST(all_queues_together_take_their_limit_and_not_one_byte_more)
{
    const size_t cost = HTTP_MESSAGE_BYTES_COST;

    stream_open();
    stream_open();
    http_server_limit(server, (struct http_limits){.streams_bytes_max = 4000});
    assert_false(send_zeros(0, 4000 - cost + 1));
    assert_true(send_zeros(0, 4000 - cost));
    assert_int_equal(server->streamed, 4000);
    assert_false(send_zeros(1, 1));
    eventually(server->streamed == 0); /* both read */
    assert_true(send_zeros(0, 1000));
    assert_false(send_zeros(0, 3000 - (1000 + cost) - cost + 1)); /* something waits already */
    assert_true(send_zeros(0, 3000 - (1000 + cost) - cost));
    assert_false(send_zeros(0, 1));
    assert_false(send_zeros(1, 1000 - cost + 1));
    assert_true(send_zeros(1, 1000 - cost)); /* nothing waited for that one */
    assert_int_equal(server->streamed, 4000);
    eventually(server->streamed == 0);
}

TEST(what_many_are_sent_counts_once)
{
    static const char zeros[1000];
    struct client *c[3] = {stream_open(), stream_open(), stream_open()};
    struct http_message *m = http_message_new(zeros, sizeof zeros, false);

    for (unsigned i = 0; i < countof(c); i++)
        assert_true(http_stream_send_message(&seen[i].stream, m));
    assert_int_equal(server->streamed, 1000 + countof(c) * HTTP_MESSAGE_BYTES_COST);
    eventually(server->streamed == 0);
    assert_true(http_stream_send_message(&seen[0].stream, m));
    assert_int_equal(server->streamed, 1000 + HTTP_MESSAGE_BYTES_COST);
    eventually(server->streamed == 0);
    while (http_stream_send_message(&seen[2].stream, m)) world_turns(1);
    assert_in_range(server->streamed, 1, HTTP_STREAM_QUEUE_BYTES_MAX);
    http_message_free(m);
    client_reset(c[2]); /* its queue goes with it */
    eventually(server->streamed == 0);
}

TEST(a_reader_that_takes_nothing_is_ended)
{
    static char piece[1000];
    struct client *c = stream_open();

    fill(&seen[0].stream, piece, sizeof piece);
    world_pass(HTTP_STALL_MS - 5000);
    assert_int_equal(seen[0].endeds, 0);
    for (unsigned i = 0; i < 5; i++) { /* one that takes a little goes on */
        client_pull(c);
        for (unsigned turn = 0; turn < 5; turn++) world_sleep_turn();
        fill(&seen[0].stream, piece, sizeof piece);
        world_pass(HTTP_STALL_MS - 5000);
        assert_int_equal(seen[0].endeds, 0);
    }
    eventually((world_pass(HTTP_STALL_MS), seen[0].endeds == 1));
    eventually(http_server_connections(server) == 0);
}

TEST(an_idle_stream_has_no_deadline_and_no_buffers)
{
    struct client *c = stream_open();

    world_pass(UINT64_C(24) * 3600 * 1000);
    assert_int_equal(seen[0].endeds, 0);
    struct http_exchange *x = seen[0].stream.exchange;
    assert_int_equal(x->in.cap + x->out.cap, 0);
    http_stream_send(&seen[0].stream, "day", 3);
    expect_bytes(c, "3\r\nday\r\n");
    assert_int_equal(x->in.cap + x->out.cap, 0);
}

TEST(many_share_one_message)
{
    enum { READERS = 20 };
    struct client *c[READERS];
    struct http_message *m = http_message_new("all", 3, true);

    for (unsigned i = 0; i < READERS; i++) c[i] = stream_open();
    for (unsigned i = 0; i < READERS; i++)
        assert_true(http_stream_send_message(&seen[i].stream, m));
    http_message_free(m);
    client_leave(c[3]);
    for (unsigned i = 0; i < READERS; i++)
        if (i != 3) expect_bytes(c[i], "3\r\nall\r\n");
}

TEST(a_draining_server_ends_its_streams)
{
    struct client *a = stream_open(), *b = stream_open();

    http_stream_send(&seen[0].stream, "last", 4);
    world_drain();
    expect_bytes(a, "4\r\nlast\r\n0\r\n\r\n");
    expect_bytes(b, "0\r\n\r\n");
    expect_eof(a);
    expect_eof(b);
    assert_int_equal(seen[0].endeds + seen[1].endeds, 2);
    client_leave(a);
    client_leave(b);
    eventually(drained == 1);
}

TEST(a_closed_server_tells_its_streams)
{
    struct client *c = stream_open();

    http_server_close(server);
    server = NULL;
    assert_int_equal(seen[0].endeds, 1);
    expect_eof(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(what_is_sent_comes_in_chunks_and_in_order),
        IN_WORLD(an_end_lets_the_connection_go_on),
        IN_WORLD(a_request_behind_a_stream_waits_for_its_end),
        IN_WORLD(who_says_too_much_behind_a_stream_is_closed),
        IN_WORLD(http_1_0_reads_until_the_connection_closes),
        IN_WORLD(head_gets_the_head_and_ends),
        IN_WORLD(a_reader_that_leaves_is_noticed),
        IN_WORLD(a_waiting_exchange_may_become_a_stream),
        IN_WORLD(one_that_left_before_it_opened_is_ended),
        IN_WORLD(one_whose_time_was_over_is_ended),
        IN_WORLD(one_of_a_closed_server_is_ended),
        IN_WORLD(the_queue_of_a_slow_reader_is_bounded),
        IN_WORLD(the_queue_takes_its_limit_and_not_one_byte_more),
        IN_WORLD(all_queues_together_take_their_limit_and_not_one_byte_more),
        IN_WORLD(what_many_are_sent_counts_once),
        IN_WORLD(a_reader_that_takes_nothing_is_ended),
        IN_WORLD(an_idle_stream_has_no_deadline_and_no_buffers),
        IN_WORLD(many_share_one_message),
        IN_WORLD(a_draining_server_ends_its_streams),
        IN_WORLD(a_closed_server_tells_its_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
