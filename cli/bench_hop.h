/* cli/bench_hop.h — one PUBLISH until a subscriber in another process has it: what a hop through
 * Redis costs on this machine. A job that is pushed cannot start sooner.
 */
#ifndef PINION_CLI_BENCH_HOP_H
#define PINION_CLI_BENCH_HOP_H

#include "cli/bench_world.h"
#include "queue/sync.h"

struct bench_hop {
    struct child child;
    const struct world *world;
    struct bench_tally *tally; /* its samples */
    size_t count;
};

/* The subscriber listens when this returns. At most `count` hops. */
enum pinion_err bench_hop_start(struct bench_hop *, const struct world *, size_t count,
                                struct error *why) must_use;
/* One hop, to its end. */
enum pinion_err bench_hop(struct bench_hop *, struct sync *, struct error *why) must_use;
void bench_hop_stop(struct bench_hop *); /* never started ({0}): no-op */

#endif
