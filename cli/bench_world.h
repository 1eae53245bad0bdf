/* cli/bench_world.h — where a benchmark happens: a private Redis in a temporary folder, and servers
 * that run its jobs. Each is a process of its own; all of it is gone when we are, also after a
 * SIGKILL.
 */
#ifndef PINION_CLI_BENCH_WORLD_H
#define PINION_CLI_BENCH_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "cli/bench_child.h"
#include "control/redis_child.h"
#include "include/pinion.h"

#define WORLD_DIR_MAX      88 /* a socket in a folder below it must still fit */
#define WORLD_SERVER_SLOTS 2048 /* jobs that a server runs at once */

struct world {
    char dir[WORLD_DIR_MAX]; /* of the server; Redis's is the same */
    char socket[WORLD_DIR_MAX + 16], url[WORLD_DIR_MAX + 32]; /* of Redis */
    enum redis_fsync fsync;
    int signals; /* a signalfd: readable once we shall end */
    struct child redis;
};

enum pinion_err world_open(struct world *, enum redis_fsync, struct error *why) must_use;
/* Opened in part, or not at all ({0}): fine. A signal that came meanwhile now ends us. */
void world_close(struct world *);
bool world_interrupted(const struct world *);
/* In a child that it started: closes what is its parent's. Redis's life must not hang on ours. */
void world_forget(const struct world *);

/* ---- a server -------------------------------------------------------------------------------- */

enum tally_what {
    TALLY_COUNT,   /* that it ran */
    TALLY_STAMP,   /* microseconds since the stamp in its payload: says CHILD_DONE for each job */
    TALLY_LATENESS /* microseconds since its run-at; negative: early */
};

/* What the handler notes, in memory that is shared with us. On threads, several at once. */
struct bench_tally {
    uint64_t ready_us, ready_cpu_us; /* when it began to claim; its CPU time until then, */
    uint64_t done_cpu_us;            /* and until the last job */
    size_t count;
    int32_t sample_us[];
};

struct bench_tally *tally_shared_new(size_t samples); /* NULL: no memory */
void tally_shared_free(struct bench_tally *, size_t samples); /* NULL: no-op */

struct bench_server {
    struct child child;
    const char *queue; /* borrowed */
    enum tally_what what;
    enum pinion_runs runs;
    size_t jobs; /* CHILD_DONE is said when so many have run */
    struct bench_tally *tally;
    const struct world *world;
};

/* Fills in all but queue, what, runs and jobs. Starting: CHILD_READY is said when it begins to
 * claim. */
enum pinion_err bench_server_start(struct bench_server *, const struct world *,
                                   struct error *why) must_use;
void bench_server_stop(struct bench_server *);

#define BENCH_KIND "bench.noop"

#endif
