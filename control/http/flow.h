/* control/http/flow.h — what a connection that goes on has beside its exchange. Private to
 * control/http/: stream.c queues and ends, websocket*.c read, conn.c moves the bytes.
 *
 *     HEAD -> ANSWER --http_stream_open()----> STREAM --end--> HEAD, or CLOSE -> LINGER
 *                    --http_websocket_open()->    |    --end--> CLOSE -> LINGER
 *                                                 +---- left, too slow ----> GONE
 *
 * It lives while `at` is CONN_STREAM; at its end, what is left of the queue is moved to `out`. A
 * stream that waits costs the exchange and this: no buffer, and nothing of libwslay.
 */
#ifndef PINION_CONTROL_HTTP_FLOW_H
#define PINION_CONTROL_HTTP_FLOW_H

#include "control/http/conn.h"
#include "control/http/stream.h"

#define WEBSOCKET_CONTROL_BYTES_MAX 125 /* payload of a ping, pong or close: RFC 6455, 5.5 */
#define WEBSOCKET_WHY_BYTES_MAX     (WEBSOCKET_CONTROL_BYTES_MAX - 2)

enum http_opcode { OP_MORE, OP_TEXT, OP_BINARY, OP_CLOSE = 8, OP_PING, OP_PONG };

/* Of RFC 6455, 7.4.1, and its registry. */
enum http_close {
    CLOSE_NONE = 0,
    CLOSE_GOING = 1001,
    CLOSE_PROTOCOL = 1002,
    CLOSE_NOT_UTF8 = 1007,
    CLOSE_TOO_LARGE = 1009,
    CLOSE_TRY_LATER = 1013,
};

struct http_message {
    unsigned refs;
    unsigned queues; /* of the refs, those of readers it waits for */
    enum http_opcode opcode;
    size_t len;
    char data[];
};

struct http_flow {
    bool websocket;
    bool chunked;
    bool emptied; /* `ready` is owed */
    bool reading; /* its messages are being told: an end waits */
    bool ending;  /* the end that waits; end_code, end_why */
    bool pinged;  /* and not a byte since */
    unsigned end_code;
    char *end_why;

    struct http_message **queue; /* queue[at .. at + count) */
    unsigned at, count, cap;
    size_t sent;   /* of the first one, with its framing */
    size_t queued; /* as http_stream_queued() counts */

    uint64_t ping_ms;
    struct websocket_reader *reader; /* NULL between two messages */
    size_t message_bytes_max;
};

/* stream.c */
struct http_flow *http_flow_begin(struct http_exchange *, struct http_stream *);
void http_flow_free(struct http_exchange *);    /* NULL flow: no-op; the stream can send no more */
enum step http_flow_step(struct http_exchange *);
/* The next bytes to send; 0: there are none. */
size_t http_flow_gather(const struct http_exchange *, char *out, size_t size);
void http_flow_sent(struct http_exchange *, size_t bytes);
void http_flow_tell(struct http_exchange *);    /* `ready` or `ended`, if that is owed */
bool http_flow_push(struct http_exchange *, struct http_message *); /* false: full */
void http_flow_finish(struct http_exchange *, unsigned code, const char *why);
struct http_message *http_message_make(enum http_opcode, const void *data, size_t len);
/* The stream of an exchange that is, or was, answered otherwise: it only ends. */
void http_flow_refuse(struct http_exchange *, struct http_stream *);
void http_flow_opened(struct http_exchange *); /* begun or refused: the exchange is answered */

/* websocket_read.c: takes apart what stands in `in`. */
void http_websocket_read(struct http_exchange *);
void websocket_reader_free(struct http_server *, struct http_flow *); /* no reader: no-op */
/* websocket.c: nothing was heard for ping_ms */
void http_websocket_ping(struct http_exchange *);

#endif
