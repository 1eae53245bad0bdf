/* control/soon.h — calls onto the loop from other threads and from signal handlers.
 *
 * Nodes are the callers' (struct pinion_soon). soon_call: anywhere; the rest: loop thread.
 */
#ifndef PINION_CONTROL_SOON_H
#define PINION_CONTROL_SOON_H

#include "include/pinion.h"

#define SOON_CALLS_MAX 1000 /* in one turn of the loop; the rest follows in the next */

struct ev_loop;
struct soon;

struct soon *soon_new(struct ev_loop *); /* does not keep the loop alive */
void         soon_free(struct soon *);   /* pending nodes are forgotten; not from a call; NULL is
                                          * fine */

/* 1: scheduled; 0: it was pending already. No lock, no malloc; errno is kept. */
int soon_call(struct soon *, struct pinion_soon *);

#endif
