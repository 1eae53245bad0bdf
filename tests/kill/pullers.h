/* tests/kill/pullers.h — workers elsewhere, in threads, while servers are killed.
 *
 * They lease jobs of the kind PULL_KIND at whichever server answers, extend, tell, fail and ack at
 * any of them, and repeat what was left unanswered. Some oversleep their leases, and one job of
 * each worker is kept until all is over, to be acked too late.
 */
#ifndef PINION_TESTS_KILL_PULLERS_H
#define PINION_TESTS_KILL_PULLERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tests/kill/history.h"

#define PULL_KIND        "pull"
#define PULLERS          4
#define PULL_SERVERS_MAX 2
#define PULL_LEASE_MS    1000

struct pullers;

/* `folders`: state folders of the servers. */
struct pullers *pullers_start(const char *const folders[], size_t count, uint64_t seed);
/* When no job is left, and a server is there: what was kept is acked, and all are checked. false:
 * what is wrong was printed. The history learns how many attempts were said to have failed. Frees.
 */
bool pullers_finish(struct pullers *, struct history *);

#endif
