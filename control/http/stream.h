/* control/http/stream.h — a connection that goes on: a reply without end, or a WebSocket
 * (websocket.h opens those), and what is sent to many at once.
 *
 * You embed a struct http_stream and open it where another exchange would be answered. What you
 * send is queued and goes out in the next turn of the loop; the queue of each reader is bounded.
 * No callback runs inside a call of yours, but for http_server_close(). Loop thread only.
 */
#ifndef PINION_CONTROL_HTTP_STREAM_H
#define PINION_CONTROL_HTTP_STREAM_H

#include "control/http/http.h"

struct http_stream;
struct http_message;

struct http_stream_type {
    /* WebSocket only: one whole message; `text` is UTF-8. Borrowed for the call. NULL: dropped. */
    void (*message)(struct http_stream *, struct span message, bool text);
    /* All that was queued has gone: more may be sent. NULL: not wanted. */
    void (*ready)(struct http_stream *);
    /* It left, was too slow or refused, the server drains, or you ended it. The last call, exactly
     * once for each that was opened; the stream is yours again. */
    void (*ended)(struct http_stream *);
};

struct http_stream {
    const struct http_stream_type *type;
    struct http_exchange *exchange; /* private; NULL: nothing can be sent */
};

/* Answers with 200 and a body that http_stream_send() makes: chunked, or until the connection
 * closes for HTTP/1.0. HEAD has none, and is ended at once. The request is not valid any more. */
void http_stream_open(struct http_exchange *, struct http_stream *, const char *content_type,
                      const struct http_header *headers); /* NULL: none */

/* Some bytes of the body, or one text message; copied. false: it is not open, or its queue would
 * hold more than limits.stream_queue_bytes_max, or all queues together more than
 * limits.streams_bytes_max (three quarters of it, if something waits in this one); then nothing was
 * queued. */
bool http_stream_send(struct http_stream *, const void *data, size_t len);
/* What is queued goes out now, as far as the reader takes it, and not in the next turn; what comes
 * of it (ready, ended) is told in that one. Not open: no-op. */
void http_stream_flush(struct http_stream *);
bool http_stream_is_open(const struct http_stream *); /* may anything be sent? */
size_t http_stream_queued(const struct http_stream *); /* bytes, by the measure of that limit */

/* What was queued is still sent, as far as the reader takes it in limits.write_ms. WebSocket:
 * `code` (1000, 1001, 3000 .. 4999; 0: none) and up to 123 bytes of `why` (NULL is fine) are told;
 * elsewhere they are not. Not open: no-op. */
void http_stream_end(struct http_stream *, unsigned code, const char *why);

/* The same bytes for many readers of one server: queued by each, kept and counted once. `text`:
 * what it is for a WebSocket, and then it must be UTF-8. You hold one reference, each queue
 * another. */
struct http_message *http_message_new(const void *data, size_t len, bool text) must_use;
void http_message_free(struct http_message *); /* your reference; NULL: no-op */
bool http_stream_send_message(struct http_stream *, struct http_message *);

#endif
