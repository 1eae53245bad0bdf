/* tests/flow/stream_world.h — http_world with a handler that opens streams, and a WebSocket client
 * of the tests' own: it can say everything, also what no honest client says. */
#ifndef PINION_TESTS_FLOW_STREAM_WORLD_H
#define PINION_TESTS_FLOW_STREAM_WORLD_H

#include "control/http/websocket.h"
#include "tests/flow/http_world.h"

#define SEEN_MAX 64

/* A stream, and what it was told. */
struct seen {
    struct http_stream stream;
    unsigned messages, readies, endeds;
    struct buffer last; /* message */
    bool last_is_text;
};

extern struct seen seen[SEEN_MAX]; /* in the order of their requests */
extern unsigned seen_count;
extern bool echoes;            /* each message is sent back */
extern unsigned ends_with;     /* on its first message, a stream is ended with this code; 0: no */
extern struct http_websocket_options websocket;
extern struct http_exchange *held; /* of /hold: the test opens seen[seen_count - 1] itself */

/* Paths: /ws is a WebSocket, /stream a reply of text/plain without end, /brief one that sends "hi"
 * and ends within the handler, /hold is kept; others are as in http_world.h. As cmocka wants them;
 * the second asserts that each stream was ended once. */
int stream_world_open(void **state);
int stream_world_close(void **state);

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, stream_world_open, stream_world_close)

#define UPGRADE(path, headers)                                                     \
    "GET " path " HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n" \
    "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"                          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" headers "\r\n"

struct client *websocket_open(void); /* to /ws, with the handshake behind it */
/* A frame: `first` is FIN, reserved bits and opcode; masked, as a client's are. */
void websocket_send(struct client *, unsigned first, const void *payload, size_t len);
void websocket_say(struct client *, const char *text); /* a whole message */
/* The next frame is that; its bytes are consumed. */
void expect_frame(struct client *, unsigned first, const void *payload, size_t len);
void expect_text(struct client *, const char *text);
void expect_close(struct client *, unsigned code); /* any reason; 0: without a code; then the end */

#endif
