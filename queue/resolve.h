/* queue/resolve.h — the addresses of a host name, looked up on a thread of its own.
 *
 * getaddrinfo blocks, and hiredis would call it on the loop. Answers come on the loop.
 */
#ifndef PINION_QUEUE_RESOLVE_H
#define PINION_QUEUE_RESOLVE_H

#include <ev.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#define RESOLVE_ADDRESSES_MAX 8

struct lookup;

struct resolver {
    struct ev_loop *loop;
    /* Never before resolver_ask has returned. count 0: `why` says what is wrong with the name. */
    void (*on_answer)(struct resolver *, const char *why);
    char   address[RESOLVE_ADDRESSES_MAX][INET6_ADDRSTRLEN]; /* read-only */
    size_t count;                                            /* read-only */
    struct lookup *lookup; /* private from here on; NULL: none under way */
    ev_io  answer;
    ev_timer failure;
    int    error;          /* why there was no lookup */
};

void resolver_init(struct resolver *, struct ev_loop *,
                   void (*on_answer)(struct resolver *, const char *why));
bool resolver_is_address(const char *host); /* nothing to look up */
void resolver_ask(struct resolver *, const char *host);
void resolver_stop(struct resolver *); /* forgets the lookup under way, which ends by itself */

#endif
