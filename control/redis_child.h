/* control/redis_child.h — the embedded Redis: a redis-server on a unix socket in the state folder,
 * started again when it dies, stopped last.
 *
 * It holds the state folder's lock for as long as it lives, and ends by itself when the thread that
 * started it ends: start it from the thread that runs the loop, which lives as long as the service.
 */
#ifndef PINION_CONTROL_REDIS_CHILD_H
#define PINION_CONTROL_REDIS_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"

#define REDIS_CHILD_REST_MS_MIN   50    /* before a restart; doubles while it keeps dying */
#define REDIS_CHILD_REST_MS_MAX   5000
#define REDIS_CHILD_STEADY_MS     30000 /* up that long: the next death counts as a first one */
#define REDIS_CHILD_STOP_MS       10000
#define REDIS_CHILD_LOG_BYTES_MAX (4 * 1024 * 1024) /* then redis.log becomes redis.log.1 */

struct ev_loop;
struct ticker;
struct redis_child;

/* When Redis writes its log of changes to the disk. */
enum redis_fsync {
    REDIS_FSYNC_ALWAYS,   /* before it answers */
    REDIS_FSYNC_EVERYSEC,
    REDIS_FSYNC_NO,       /* it keeps no log at all: for benchmarks */
};

/* All called from the loop, never from inside a function below. */
struct redis_child_events {
    void (*on_up)(void *ctx);   /* it answers on its socket, its data is loaded */
    /* It died, before or after it was up, and will be started again. `why` quotes what it said. */
    void (*on_down)(void *ctx, const struct error *why);
    void (*on_stopped)(void *ctx); /* redis_child_stop is done; you may free it here */
    void *ctx;
};

struct redis_child_options {
    const char      *dir;      /* the state folder, absolute; copied */
    int              lock_fd;  /* its lock, for the child to inherit; -1: none */
    const char      *program;  /* NULL: redis-server or valkey-server from PATH */
    enum redis_fsync fsync;
    uint64_t         maxmemory_bytes; /* 0: half of the machine's, or of our cgroup's */
    uint64_t         stop_ms;  /* from SIGTERM to SIGKILL; 0: REDIS_CHILD_STOP_MS */
};

struct redis_child *redis_child_new(struct ev_loop *, struct ticker *,
                                    const struct redis_child_options *,
                                    const struct redis_child_events *);
/* Only if never started (or start failed), or once on_stopped was called. NULL: no-op. */
void redis_child_free(struct redis_child *);

/* PINION_UNAVAILABLE: no such program, or no process; PINION_CONFLICT: REDIS_FSYNC_NO would leave
 * the jobs in the folder's store unread; PINION_INVALID: the folder cannot be used. */
enum pinion_err redis_child_start(struct redis_child *, struct error *why) must_use;
/* SIGTERM, and SIGKILL after stop_ms; ends in on_stopped. Twice is harmless. */
void redis_child_stop(struct redis_child *);

const char *redis_child_url(const struct redis_child *); /* unix:///DIR/redis.sock */
bool        redis_child_up(const struct redis_child *);
bool        redis_child_was_up(const struct redis_child *); /* false: perhaps it never will be */
long        redis_child_pid(const struct redis_child *);    /* 0: none runs now */

#endif
