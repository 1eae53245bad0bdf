/* tests/support/plain_http.h — a client that waits for its answers; one connection, kept. */
#ifndef PINION_TESTS_SUPPORT_PLAIN_HTTP_H
#define PINION_TESTS_SUPPORT_PLAIN_HTTP_H

#include "base/buffer.h"

struct plain_http {
    unsigned    port; /* of 127.0.0.1 */
    const char *token;
    int         fd;   /* private, -1 before the first request */
    struct buffer in, out;
};

#define PLAIN_HTTP(port_, token_)                                                                  \
    ((struct plain_http){.port = (port_), .token = (token_), .fd = -1})

/* POSTs JSON (NULL: no body). The status, 0: no answer; *ret_body borrows until the next one. */
unsigned plain_post(struct plain_http *, const char *target, const char *body, size_t len,
                    const char **ret_body, size_t *ret_len);
void     plain_close(struct plain_http *);

#endif
