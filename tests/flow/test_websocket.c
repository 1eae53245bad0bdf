/* tests/flow/test_websocket.c — handshakes, frames good and bad, and the ends of WebSockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "control/http/flow.h"
#include "tests/flow/stream_world.h"

/* ---- handshakes ------------------------------------------------------------------------------ */

#define HANDSHAKE "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define KEY       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13       "Sec-WebSocket-Version: 13\r\n"

static const struct {
    const char *method, *headers;
    unsigned status;
} handshakes[] = {
    {"GET",  HANDSHAKE KEY V13,                                                     101},
    {"GET",  "Connection: upgrade\r\nUpgrade: h2c, WEBSOCKET\r\n" KEY V13,          101},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://localhost\r\n",                      101},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://localhost:80\r\n",                   101},
    {"GET",  HANDSHAKE KEY V13 "Origin: https://LOCALHOST:443\r\n",                 101},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://localhost:81\r\n",                   403},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://localhost:443\r\n",                  403},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://evil.example\r\n",                   403},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://localhost.evil.example\r\n",         403},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://evil.example/localhost\r\n",         403},
    {"GET",  HANDSHAKE KEY V13 "Origin: http://\r\n",                               403},
    {"GET",  HANDSHAKE KEY V13 "Origin: null\r\n",                                  403},
    {"GET",  HANDSHAKE KEY V13 "Origin: \r\n",                                      403},
    {"GET",  HANDSHAKE KEY V13 "Origin: file://localhost\r\n",                      403},
    {"GET",  "",                                                                    426},
    {"GET",  "Connection: Upgrade\r\nUpgrade: websockets\r\n" KEY V13,              426},
    {"GET",  "Connection: keep-alive\r\nUpgrade: websocket\r\n" KEY V13,            426},
    {"GET",  HANDSHAKE KEY,                                                         426},
    {"GET",  HANDSHAKE KEY "Sec-WebSocket-Version: 8\r\n",                          426},
    {"GET",  HANDSHAKE V13,                                                         400},
    {"GET",  HANDSHAKE V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=\r\n",        400},
    {"GET",  HANDSHAKE V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQE=\r\n",       400},
    {"GET",  HANDSHAKE V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEh\r\n",       400},
    {"GET",  HANDSHAKE KEY V13 "Content-Length: 0\r\n",                             101},
    {"POST", HANDSHAKE KEY V13,                                                     400},
};

TEST(each_handshake_has_its_answer)
{
    char request[1024];

    for (size_t i = 0; i < countof(handshakes); i++) {
        struct client *c = client_open();
        snprintf(request, sizeof request, "%s /ws HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                 handshakes[i].method, handshakes[i].headers);
        client_send(c, request);
        if (handshakes[i].status == 101) {
            expect_head_only(c, 101);
            client_leave(c);
        } else {
            const char *answer = expect(c, handshakes[i].status);
            assert_non_null(strstr(answer, "\"message\":\""));
            if (handshakes[i].status == 426)
                assert_non_null(strstr(answer, "\r\nSec-WebSocket-Version: 13\r\n"));
        }
        eventually(seen[i].endeds == 1);
    }
}

TEST(a_refused_one_may_ask_for_something_else)
{
    struct client *c = client_open();

    client_send(c, GET("/ws") GET("/plain"));
    expect(c, 426);
    expect(c, 200);
}

TEST(http_1_0_has_no_websockets)
{
    struct client *c = client_open();

    client_send(c, "GET /ws HTTP/1.0\r\nHost: localhost\r\n" HANDSHAKE KEY V13 "\r\n");
    expect(c, 426);
}

TEST(a_protocol_is_named_if_it_is_offered)
{
    struct client *c = client_open();

    websocket.protocol = "pinion.chat";
    client_send(c, UPGRADE("/ws", "Sec-WebSocket-Protocol: other, pinion.chat\r\n"));
    assert_non_null(strstr(expect_head_only(c, 101),
                           "\r\nSec-WebSocket-Protocol: pinion.chat\r\n"));
    c = client_open();
    client_send(c, UPGRADE("/ws", "Sec-WebSocket-Protocol: other\r\n"));
    assert_null(strstr(expect_head_only(c, 101), "Sec-WebSocket-Protocol"));
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* What a client sends as raw bytes, with the mask 00 00 00 00, and the code of the close that
 * answers it; 0: none, and `last` is the message that arrives. */
#define BYTES(text) text, sizeof(text) - 1
#define M           "\0\0\0\0"

static const struct {
    const char *name, *bytes;
    size_t len;
    unsigned code;
    const char *last;
} frames[] = {
    {"text", BYTES("\x81\x82" M "hi"), 0, "hi"},
    {"empty text", BYTES("\x81\x80" M), 0, ""},
    {"binary", BYTES("\x82\x82" M "\xff\xfe"), 0, "\xff\xfe"},
    {"two fragments", BYTES("\x01\x82" M "ab" "\x80\x81" M "c"), 0, "abc"},
    {"empty fragments", BYTES("\x01\x80" M "\x00\x80" M "\x80\x81" M "z"), 0, "z"},
    {"all fragments are empty", BYTES("\x01\x80" M "\x80\x80" M), 0, ""},
    {"a ping between fragments", BYTES("\x01\x81" M "a" "\x89\x80" M "\x80\x81" M "b"), 0, "ab"},
    {"a pong that nobody asked for", BYTES("\x8a\x82" M "xx" "\x81\x81" M "p"), 0, "p"},
    {"a character in two fragments", BYTES("\x01\x81" M "\xc3" "\x80\x81" M "\xa9"), 0, "\xc3\xa9"},
    {"text that is no UTF-8", BYTES("\x81\x82" M "\xc3\x28"), 1007, NULL},
    {"text that ends within a character", BYTES("\x81\x81" M "\xc3"), 1007, NULL},
    {"a surrogate", BYTES("\x81\x83" M "\xed\xa0\x80"), 1007, NULL},
    {"an overlong slash", BYTES("\x81\x82" M "\xc0\xaf"), 1007, NULL},
    {"not masked", BYTES("\x81\x02hi"), 1002, NULL},
    {"a ping that is not masked", BYTES("\x89\x00"), 1002, NULL},
    {"RSV1", BYTES("\xc1\x80" M), 1002, NULL},
    {"RSV2", BYTES("\xa1\x80" M), 1002, NULL},
    {"RSV3", BYTES("\x91\x80" M), 1002, NULL},
    {"opcode 3", BYTES("\x83\x80" M), 1002, NULL},
    {"opcode 7", BYTES("\x87\x80" M), 1002, NULL},
    {"opcode 11", BYTES("\x8b\x80" M), 1002, NULL},
    {"opcode 15", BYTES("\x8f\x80" M), 1002, NULL},
    {"a continuation of nothing", BYTES("\x80\x81" M "x"), 1002, NULL},
    {"a text within a text", BYTES("\x01\x81" M "a" "\x81\x81" M "b"), 1002, NULL},
    {"a ping in fragments", BYTES("\x09\x80" M), 1002, NULL},
    {"a ping of 126 bytes", BYTES("\x89\xfe\x00\x7e" M), 1002, NULL},
    {"a length in more bytes than needed", BYTES("\x81\xfe\x00\x02" M "hi"), 1002, NULL},
    {"the same in eight", BYTES("\x81\xff\0\0\0\0\0\0\xff\xff" M), 1002, NULL},
    {"a length of 64 bits", BYTES("\x82\xff\xff\0\0\0\0\0\0\0" M), 1002, NULL},
    {"a length of 63 bits", BYTES("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" M "x"), 1009, NULL},
    {"a close without a code", BYTES("\x88\x80" M), 0, NULL},
    {"a close of 1000", BYTES("\x88\x82" M "\x03\xe8"), 1000, NULL},
    {"a close with a reason", BYTES("\x88\x84" M "\x03\xe9" "ok"), 1001, NULL},
    {"a close of 3000", BYTES("\x88\x82" M "\x0b\xb8"), 3000, NULL},
    {"a close of 4999", BYTES("\x88\x82" M "\x13\x87"), 4999, NULL},
    {"a close of one byte", BYTES("\x88\x81" M "\x03"), 1002, NULL},
    {"a close of 999", BYTES("\x88\x82" M "\x03\xe7"), 1002, NULL},
    {"a close of 1004", BYTES("\x88\x82" M "\x03\xec"), 1002, NULL},
    {"a close of 1005", BYTES("\x88\x82" M "\x03\xed"), 1002, NULL},
    {"a close of 1006", BYTES("\x88\x82" M "\x03\xee"), 1002, NULL},
    {"a close of 1015", BYTES("\x88\x82" M "\x03\xf7"), 1002, NULL},
    {"a close of 2999", BYTES("\x88\x82" M "\x0b\xb7"), 1002, NULL},
    {"a close of 5000", BYTES("\x88\x82" M "\x13\x88"), 1002, NULL},
    {"a close whose reason is no UTF-8", BYTES("\x88\x83" M "\x03\xe8\xff"), 1007, NULL},
    {"what follows a close is not read", BYTES("\x88\x82" M "\x03\xe8" "\x83\x00"), 1000, NULL},
};

static void expect_outcome(struct client *c, size_t i, const struct seen *s)
{
    if (frames[i].last) {
        eventually(s->messages == 1);
        assert_int_equal(s->last.len, strlen(frames[i].last));
        if (s->last.len) assert_memory_equal(s->last.data, frames[i].last, s->last.len);
        assert_int_equal(s->last_is_text, (frames[i].bytes[0] & 0x0f) != 2);
        client_leave(c);
    } else {
        expect_close(c, frames[i].code);
        assert_int_equal(s->messages, 0);
    }
    eventually(s->endeds == 1);
}

TEST(each_frame_has_its_outcome)
{
    for (size_t i = 0; i < countof(frames); i++) {
        struct client *c = websocket_open();
        print_message("frame: %s\n", frames[i].name);
        client_send_bytes(c, frames[i].bytes, frames[i].len);
        expect_outcome(c, i, &seen[i]);
    }
}

TEST(bytes_apart_have_the_same_outcome)
{
    for (size_t i = 0; i < countof(frames); i++) {
        struct client *c = websocket_open();
        print_message("bytes of: %s\n", frames[i].name);
        for (size_t b = 0; b < frames[i].len; b++) {
            client_send_bytes(c, frames[i].bytes + b, 1);
            world_sleep_turn();
        }
        expect_outcome(c, i, &seen[i]);
    }
}

TEST(messages_go_both_ways)
{
    static const size_t sizes[] = {0, 1, 125, 126, 4000, 65535};
    char *bytes = xmalloc(65536);
    struct client *c = websocket_open();

    for (size_t i = 0; i < 65536; i++) bytes[i] = (char)('a' + i % 26);
    echoes = true;
    for (size_t i = 0; i < countof(sizes); i++) {
        websocket_send(c, 0x81, bytes, sizes[i]);
        expect_frame(c, 0x81, bytes, sizes[i]);
        websocket_send(c, 0x82, bytes, sizes[i]);
        expect_frame(c, 0x82, bytes, sizes[i]);
    }
    websocket_send(c, 0x82, bytes, 65536);
    expect_frame(c, 0x82, bytes, 65536);
    websocket_say(c, "a");
    websocket_say(c, "b");
    expect_text(c, "a");
    expect_text(c, "b");
    free(bytes);
}

TEST(pings_are_answered_with_their_payload)
{
    char payload[WEBSOCKET_CONTROL_BYTES_MAX];
    struct client *c = websocket_open();

    memset(payload, 'p', sizeof payload);
    websocket_send(c, 0x89, NULL, 0);
    expect_frame(c, 0x8a, NULL, 0);
    websocket_send(c, 0x89, payload, sizeof payload);
    expect_frame(c, 0x8a, payload, sizeof payload);
}

TEST(a_message_has_a_limit_however_it_is_cut)
{
    enum { LIMIT = 1000 };
    char bytes[LIMIT + 1];

    memset(bytes, 'm', sizeof bytes);
    websocket.message_bytes_max = LIMIT;
    struct client *c = websocket_open();
    websocket_send(c, 0x81, bytes, LIMIT);
    eventually(seen[0].messages == 1);
    websocket_send(c, 0x01, bytes, LIMIT - 1);
    websocket_send(c, 0x80, bytes, 1);
    eventually(seen[0].messages == 2);
    assert_int_equal(seen[0].last.len, LIMIT);
    websocket_send(c, 0x81, bytes, LIMIT + 1);
    expect_close(c, 1009);

    c = websocket_open();
    websocket_send(c, 0x01, bytes, LIMIT);
    websocket_send(c, 0x80, bytes, 1);
    expect_close(c, 1009);
    assert_int_equal(seen[1].messages, 0);
}

TEST(what_is_being_received_is_bounded_over_all)
{
    char *bytes = xcalloc(1, HTTP_MESSAGE_BYTES_MAX);

    world_close();
    options.limits.buffered_bytes_max = 120000;
    world_open();
    struct client *a = websocket_open(), *b = websocket_open();
    websocket_send(a, 0x02, bytes, 60000);
    eventually(server->buffered >= 60000);
    websocket_send(b, 0x02, bytes, 60000);
    expect_close(b, 1013);
    websocket_send(a, 0x80, NULL, 0);
    eventually(seen[0].messages == 1);
    assert_int_equal(seen[0].last.len, 60000);
    client_leave(b);
    b = websocket_open(); /* what the first one held is free again */
    websocket_send(b, 0x82, bytes, 60000);
    eventually(seen[2].messages == 1);
    free(bytes);
}

/* ---- ends ------------------------------------------------------------------------------------ */

TEST(our_end_says_why)
{
    struct client *c = websocket_open();

    http_stream_send(&seen[0].stream, "last", 4);
    http_stream_end(&seen[0].stream, 4321, "because");
    assert_int_equal(seen[0].endeds, 0);
    expect_text(c, "last");
    expect_frame(c, 0x88, "\x10\xe1" "because", 9);
    eventually(seen[0].endeds == 1);
    websocket_send(c, 0x88, "\x10\xe1", 2);
    expect_eof(c);
    client_leave(c);
    eventually(http_server_connections(server) == 0);
}

TEST(a_reason_is_cut_between_characters)
{
    char why[200];
    struct client *c = websocket_open();

    for (size_t i = 0; i < sizeof why - 2; i += 2) memcpy(why + i, "\xc3\xa9", 2);
    why[sizeof why - 2] = 0;
    http_stream_end(&seen[0].stream, 1000, why);
    char frame[2 + 122] = {0x03, (char)0xe8};
    memcpy(frame + 2, why, 122);
    expect_frame(c, 0x88, frame, sizeof frame);
}

TEST(an_end_within_a_message_is_the_last_that_is_read)
{
    struct client *c = client_open();
    struct buffer all = BUFFER_INIT;

    ends_with = 1000;
    buffer_add_text(&all, UPGRADE("/ws", ""));
    buffer_add(&all, "\x81\x81" M "1" "\x81\x81" M "2", 14);
    client_send_bytes(c, all.data, all.len); /* also: frames right behind the request */
    expect_head_only(c, 101);
    expect_close(c, 1000);
    assert_int_equal(seen[0].messages, 1);
    buffer_deinit(&all);
}

TEST(who_leaves_is_noticed)
{
    struct client *c = websocket_open();
    client_leave(c);
    eventually(seen[0].endeds == 1);

    c = websocket_open();
    websocket_send(c, 0x01, "half of", 7);
    client_reset(c);
    eventually(seen[1].endeds == 1);

    c = websocket_open();
    websocket_say(c, "whole");
    client_half_close(c);
    eventually(seen[2].endeds == 1);
    assert_int_equal(seen[2].messages, 1);
    eventually(http_server_connections(server) == 0);
}

TEST(an_idle_client_is_pinged_and_then_given_up)
{
    struct client *c = websocket_open();

    for (unsigned i = 0; i < 3; i++) {
        world_pass(HTTP_PING_MS - 5000);
        expect_nothing(c);
        world_pass(5000);
        expect_frame(c, 0x89, NULL, 0);
        websocket_send(c, 0x8a, NULL, 0);
        world_sleep_turn();
    }
    world_pass(HTTP_PING_MS);
    expect_frame(c, 0x89, NULL, 0);
    assert_int_equal(seen[0].endeds, 0);
    world_pass(HTTP_PING_MS);
    assert_int_equal(seen[0].endeds, 1);
    expect_eof(c);
}

TEST(pings_may_come_more_often)
{
    websocket.ping_ms = 500;
    struct client *c = websocket_open();

    world_pass(500);
    expect_frame(c, 0x89, NULL, 0);
}

TEST(who_does_not_read_is_not_read)
{
    struct client *c = websocket_open();
    char *bytes = xcalloc(1, 60000);
    unsigned said = 0, same = 0;

    while (http_stream_queued(&seen[0].stream) <= HTTP_STREAM_QUEUE_BYTES_MAX / 2) {
        http_stream_send(&seen[0].stream, bytes, 60000);
        world_turns(2);
    }
    for (; same < 20; same++) { /* pings: each wants an answer */
        unsigned before = said;
        while (said < before + 10) websocket_send(c, 0x89, "flood", 5), said++;
        world_sleep_turn();
    }
    size_t queued = http_stream_queued(&seen[0].stream);
    assert_true(queued <= HTTP_STREAM_QUEUE_BYTES_MAX);
    eventually((world_pass(HTTP_STALL_MS), seen[0].endeds == 1));
    free(bytes);
}

TEST(a_draining_server_goes_away)
{
    struct client *a = websocket_open(), *b = websocket_open();

    websocket_send(b, 0x01, "begun", 5);
    world_drain();
    expect_close(a, 1001);
    expect_close(b, 1001);
    assert_int_equal(seen[0].endeds + seen[1].endeds, 2);
    client_leave(a);
    client_leave(b);
    eventually(drained == 1);
}

TEST(a_closed_server_forgets_what_was_half_read)
{
    struct client *c = websocket_open();

    websocket_send(c, 0x01, "begun", 5);
    http_server_close(server);
    server = NULL;
    assert_int_equal(seen[0].endeds, 1);
    expect_eof(c);
}

TEST(an_idle_websocket_holds_no_buffers)
{
    struct client *c = websocket_open();

    websocket_say(c, "hello");
    eventually(seen[0].messages == 1);
    http_stream_send(&seen[0].stream, "hello", 5);
    expect_text(c, "hello");
    world_sleep_turn();
    struct http_exchange *x = seen[0].stream.exchange;
    assert_int_equal(x->in.cap + x->out.cap, 0);
    assert_null(x->flow->reader);
    print_message("an idle WebSocket: %zu bytes, of which %zu are what any connection has\n",
                  sizeof *x + sizeof *x->flow + x->flow->cap * sizeof *x->flow->queue, sizeof *x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(each_handshake_has_its_answer),
        IN_WORLD(a_refused_one_may_ask_for_something_else),
        IN_WORLD(http_1_0_has_no_websockets),
        IN_WORLD(a_protocol_is_named_if_it_is_offered),
        IN_WORLD(each_frame_has_its_outcome),
        IN_WORLD(bytes_apart_have_the_same_outcome),
        IN_WORLD(messages_go_both_ways),
        IN_WORLD(pings_are_answered_with_their_payload),
        IN_WORLD(a_message_has_a_limit_however_it_is_cut),
        IN_WORLD(what_is_being_received_is_bounded_over_all),
        IN_WORLD(our_end_says_why),
        IN_WORLD(a_reason_is_cut_between_characters),
        IN_WORLD(an_end_within_a_message_is_the_last_that_is_read),
        IN_WORLD(who_leaves_is_noticed),
        IN_WORLD(an_idle_client_is_pinged_and_then_given_up),
        IN_WORLD(pings_may_come_more_often),
        IN_WORLD(who_does_not_read_is_not_read),
        IN_WORLD(a_draining_server_goes_away),
        IN_WORLD(a_closed_server_forgets_what_was_half_read),
        IN_WORLD(an_idle_websocket_holds_no_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
