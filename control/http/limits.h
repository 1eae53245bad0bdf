/* control/http/limits.h — every limit of the HTTP server: its name, its default, its unit.
 *
 * A field of `struct http_limits` that is 0 has the default named beside it.
 */
#ifndef PINION_CONTROL_HTTP_LIMITS_H
#define PINION_CONTROL_HTTP_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_BYTES_MAX        (16u << 10) /* request line and headers; more is 431 */
#define HTTP_TARGET_BYTES_MAX      (8u << 10)  /* path and query; more is 414 */
#define HTTP_HEADERS_MAX           64          /* more is 431 */
#define HTTP_BODY_BYTES_MAX        (4u << 20)  /* more is 413 */
#define HTTP_SWALLOW_BYTES_MAX     (16u << 20) /* of a too large body read before the 413 */
#define HTTP_BUFFERED_BYTES_MAX    (64u << 20) /* of requests, over all connections; more is 429 */
#define HTTP_REPLY_BYTES_MAX       (16u << 20) /* one reply's body; more is our bug, and 500 */
#define HTTP_REPLY_QUEUE_BYTES_MAX (64u << 10) /* unsent; the next request waits behind it */
#define HTTP_UNSENT_BYTES_MAX      (256u << 20) /* of replies that nobody reads, over all; 503 */
#define HTTP_CONNECTIONS_MAX       4096        /* more get 503 and are closed */
#define HTTP_PEER_CONNECTIONS_MAX  2048        /* of one address, IPv6 /64 or user; as above */
#define HTTP_PIPELINE_MAX          64          /* requests of one connection in one turn */

#define HTTP_STREAM_QUEUE_BYTES_MAX (256u << 10) /* of one reader; what is sent then is refused */
#define HTTP_STREAMS_BYTES_MAX     (64u << 20) /* of all of them; as above */
#define HTTP_MESSAGE_BYTES_MAX     (64u << 10) /* of a WebSocket message; more is close code 1009 */

/* Deadlines are totals: a client that sends one byte at a time does not move them. */
#define HTTP_SHAKE_MS  10000 /* from accept to the end of TLS's handshake; closed */
#define HTTP_HEAD_MS   10000 /* from accept or first byte to the head's end; 408 */
#define HTTP_BODY_MS   30000 /* from the head's end to the body's; 408 */
#define HTTP_ANSWER_MS 60000 /* until the handler answers; 503; http_allow_ms() adds to it */
#define HTTP_WRITE_MS  30000 /* for a slow reader to take all that is queued */
#define HTTP_IDLE_MS   75000 /* between two requests */
#define HTTP_LINGER_MS 2000  /* for the client to read our last reply and close */
#define HTTP_STALL_MS  30000 /* of a stream: while its reader takes not one byte */
#define HTTP_PING_MS   30000 /* a WebSocket: nothing came, so a ping; nothing again: it is closed */

/* Fixed: nobody needs another value. */
#define HTTP_GZIP_BYTES_MIN       1400         /* of a reply: less is one packet anyway */
#define HTTP_GZIP_BYTES_MAX       (512u << 10) /* 2 ms of the loop; more goes as it is */
#define HTTP_BUFFER_BYTES_KEPT    (8u << 10)  /* by an idle connection, in each direction */
#define HTTP_BUFFER_BYTES_SHRUNK  (192u << 10) /* while what comes is only dropped */
#define HTTP_READ_BYTES_MAX       (64u << 10) /* of one connection in one turn */
#define HTTP_READ_BODY_BYTES      (16u << 10) /* at least, for a body */
#define HTTP_READ_BYTES           4000        /* otherwise; with what a heap adds, one page */
#define HTTP_CHUNK_LINE_BYTES_MAX 32          /* what stands between the data of two chunks */
#define HTTP_LEFT_CHECK_MS        1000        /* looks for a leaver behind unread bytes */
#define HTTP_ACCEPTS_PER_TURN     64
#define HTTP_ACCEPT_PAUSE_MS      100 /* after an accept that failed for want of memory */
#define HTTP_BACKLOG              1024
#define HTTP_MESSAGE_BYTES_COST   64          /* that a queued message counts beside its own */
#define HTTP_STREAM_ENTRIES_KEPT  16          /* of an empty queue */
#define HTTP_STREAM_WRITE_BYTES   (16u << 10) /* of a stream, at once */
#define HTTP_STREAM_BEHIND_BYTES_MAX (8u << 10) /* behind a stream's request; more: closed */
#define HTTP_SEND_BUFFER_BYTES    (128 << 10) /* SO_SNDBUF: of a slow reader */

struct http_limits {
    size_t head_bytes_max, target_bytes_max, body_bytes_max, swallow_bytes_max;
    size_t buffered_bytes_max, reply_bytes_max, reply_queue_bytes_max, unsent_bytes_max;
    size_t stream_queue_bytes_max, streams_bytes_max, message_bytes_max;
    unsigned headers_max, connections_max, peer_connections_max, pipeline_max;
    uint64_t shake_ms, head_ms, body_ms, answer_ms, write_ms, idle_ms, linger_ms;
    uint64_t stall_ms, ping_ms;
};

struct http_limits http_limits_filled(struct http_limits); /* zeros replaced by the defaults */

#endif
