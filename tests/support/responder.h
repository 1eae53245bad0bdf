/* tests/support/responder.h — a small HTTP/1.1 server on a thread, for tests of what calls others.
 *
 * It keeps connections, and reads bodies by their Content-Length only. What it is asked goes to one
 * function, which answers at once, or later, or not at all. That function is called on the thread,
 * and so are its answers to be given; the others are for whoever opened it.
 */
#ifndef PINION_TESTS_SUPPORT_RESPONDER_H
#define PINION_TESTS_SUPPORT_RESPONDER_H

#include <stdbool.h>
#include <stddef.h>
#include "base/text.h"

struct responder;

/* One request that waits for its answer; it goes with it, or when the client leaves. */
struct visit {
    const char *head; /* all of it, a NUL behind */
    const char *body;
    size_t      body_len;
    unsigned    waited; /* times that visit_wait has passed for it */
};

typedef void responder_fn(struct visit *, void *ctx);

/* `address` NULL: 127.0.0.1; `port` 0: any that is free. NULL: not to be had here. */
struct responder *responder_open(const char *address, unsigned port, responder_fn *, void *ctx);
void     responder_close(struct responder *); /* NULL: no-op */
unsigned responder_port(const struct responder *);
unsigned responder_accepted(const struct responder *); /* connections so far */
unsigned responder_connections(const struct responder *); /* that are open */

/* `headers`: whole lines, or NULL. */
void visit_answer(struct visit *, unsigned status, const char *headers, const void *body,
                  size_t body_len);
/* Bytes as they are, nothing added; the visit stays, for more of them. */
void visit_write(struct visit *, const void *bytes, size_t len);
/* The function is called again then, for the same visit. */
void visit_wait(struct visit *, unsigned ms);
void visit_hang_up(struct visit *); /* closes the connection */
/* A header of the request, absent if it is not there. */
struct span visit_header(const struct visit *, const char *name);

#endif
