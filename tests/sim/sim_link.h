/* tests/sim/sim_link.h — what can go wrong with the link of a simulated server.
 *
 * sim_link.c implements queue/link.h on the world and the store. A link made with the loop NULL
 * belongs to the node that is its ctx; the node is told when a turn of its loop is over.
 */
#ifndef PINION_TESTS_SIM_SIM_LINK_H
#define PINION_TESTS_SIM_SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "queue/link.h"

/* The connection for calls breaks: of the requests on their way only the first ones arrive, and no
 * answer. The server notices, and connects again, in its own time. */
void link_cut(struct link *);
/* The subscription breaks. `half`: Redis goes on believing in it until the server notices. */
void link_deafen(struct link *, bool half);
/* The next message that arrives is lost. */
void link_lose_message(struct link *);
/* The process is no more: requests on their way may arrive, and every call is ended for its owner
 * to be freed. Nothing is told to the owner. */
void link_kill(struct link *);

bool link_works(const struct link *);    /* up, and not broken unnoticed */
bool link_is_heard(const struct link *); /* subscribed, and not broken unnoticed */

/* What a restart of Redis changes. */
void sim_redis_begin(void);
void sim_redis_restart(void); /* the caller cuts all links */
uint64_t sim_redis_started_us(void);

#endif
