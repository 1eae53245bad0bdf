/* tests/sim/node.h — one simulated server: workers/ on a ticker and a link that the world drives.
 *
 * Its handlers do what the kind of a job says: `now` is done at once, `soon` after a while, `fail`
 * fails after a while, `stuck` only ends when it must stop. A pattern may also be a prefix of these
 * (`now.*`).
 */
#ifndef PINION_TESTS_SIM_NODE_H
#define PINION_TESTS_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/text.h"
#include "tests/sim/books.h"

#define NODE_PATTERNS_MAX 6
#define NODE_LEASE_MS     10000
#define NODE_WORK_MAX_US  UINT64_C(3000000) /* how long work takes */

struct node;

struct node_options {
    const char *name;
    unsigned concurrency; /* in all; 0: as many as there may be */
    struct {
        const char *pattern;
        unsigned concurrency; /* 0: as many as the node */
    } handlers[NODE_PATTERNS_MAX];
    bool trusts_old_pushes;   /* a fault: it starts what was taken back from it */
    bool never_asks_at_start; /* a planted fault: no claim when the subscription is confirmed */
};

/* Connects in its own time. At most NODES_MAX at once. */
struct node *node_start(const struct node_options *);
void node_kill(struct node *); /* from one moment to the next, and frees it; also a stopped one */
void node_pause(struct node *, uint64_t us);
void node_stop(struct node *); /* workers_stop; again: hurries */
bool node_stopped(const struct node *);
void node_end_all(void); /* kills what is left */

struct node *node_at(unsigned i); /* of NODES_MAX; NULL: none */
const char *node_name(const struct node *);
struct link *node_link(struct node *);
struct pull *node_pull(struct node *);
const uint64_t *node_paused_until_us(const struct node *);
bool node_is_empty(const struct node *); /* nothing claimed, running or unsettled */
bool node_serves(const struct node *);   /* connected, not paused, may claim */
bool node_has_slot(const struct node *, struct span kind);
struct node *node_that_runs(const char *local_id, const char *token); /* NULL: nobody */
/* It was paused or cut off, less than a lease ago; or a server began after the clock of Redis had
 * stepped, less than a lease ago: one that did not see the step reaps as if it had not been. */
bool node_may_have_lost_leases(const struct node *);
/* A lease that lapsed is reaped by this node at the latest a heartbeat after that time, on the
 * world's clock: since when it serves, and has no reason to hold. */
uint64_t node_reaps_from_us(const struct node *);

/* The link tells: a turn of the loop is over. */
void node_turned(struct node *);

#endif
