/* tests/support/fault_proxy.h — stands between a client and Redis, and breaks things on demand.
 *
 * A thread that copies bytes both ways between unix sockets. One fault at a time; it strikes once,
 * and then everything passes again. A *turn* is a burst of the client followed by its answer: a
 * client that waits for each answer makes one turn per command.
 *
 *      client ----- request -----> proxy ----> redis
 *             <---- answer ------        <----
 */
#ifndef PINION_TESTS_SUPPORT_FAULT_PROXY_H
#define PINION_TESTS_SUPPORT_FAULT_PROXY_H

#include <stddef.h>

struct fault_proxy;

enum fault {
    FAULT_NONE,
    FAULT_CUT_BEFORE, /* the request is not passed on, both sides are hung up */
    FAULT_CUT_AFTER,  /* the request is passed on; instead of its answer both sides are hung up */
    FAULT_CUT_MIDDLE, /* the same in the middle of what comes first of the answer */
    FAULT_SWALLOW,    /* the answer is dropped, the connection stays */
    FAULT_STALL,      /* from this request on nothing passes on this connection, which stays open */
};
#define FAULTS (FAULT_STALL + 1)

struct fault_proxy *fault_proxy_start(const char *redis_path);
void        fault_proxy_free(struct fault_proxy *); /* hangs up */
const char *fault_proxy_url(const struct fault_proxy *);

/* Strikes at turn `turn` (0: the next), counted from here over all connections. */
void fault_proxy_set(struct fault_proxy *, enum fault, unsigned turn);
/* Hangs up when that many bytes have passed, in this direction, from here on. */
void fault_proxy_cut_request(struct fault_proxy *, size_t bytes);
void fault_proxy_cut_answer(struct fault_proxy *, size_t bytes);

unsigned fault_proxy_strikes(struct fault_proxy *); /* faults that struck, ever */
unsigned fault_proxy_turns(struct fault_proxy *);   /* since the last set; so the others */
size_t   fault_proxy_request_bytes(struct fault_proxy *);
size_t   fault_proxy_answer_bytes(struct fault_proxy *);

#endif
