/* control/http/websocket.h — RFC 6455 from the server's side: the handshake, then a stream.
 *
 * Messages come whole, checked and within a limit; pings are answered, an idle client is pinged. No
 * extension is spoken, so no compression. docs/decisions/0019 says what is ours, what libwslay's.
 */
#ifndef PINION_CONTROL_HTTP_WEBSOCKET_H
#define PINION_CONTROL_HTTP_WEBSOCKET_H

#include "control/http/stream.h"

struct http_websocket_options {
    size_t message_bytes_max; /* of one message, all fragments; more is 1009; 0: the server's */
    uint64_t ping_ms;         /* heard nothing for so long: a ping; twice: gone; 0: the server's */
    const char *protocol;     /* named in the answer if the client offers it; NULL: none */
};

/* Does it ask for one? Then http_websocket_open() may still refuse it. */
bool http_websocket_wanted(const struct http_request *);

/* 101, and it is open; or it answers by itself, and the stream ends: 403 for a page of somebody
 * else, 426 for no WebSocket or another version, 400 for a bad handshake. */
void http_websocket_open(struct http_exchange *, const struct http_request *, struct http_stream *,
                         const struct http_websocket_options *); /* NULL: defaults */

#endif
