/* control/redis_spawn.h — one redis-server process: found, forked, and cut off from all of ours. */
#ifndef PINION_CONTROL_REDIS_SPAWN_H
#define PINION_CONTROL_REDIS_SPAWN_H

#include <sys/types.h>
#include "base/error.h"

struct redis_spawn {
    const char *program; /* path */
    const char *dir;     /* its current folder, and where its log lies */
    const char *conf;    /* for its standard input; at most PIPE_BUF bytes */
    size_t      conf_len;
    int         lock_fd; /* inherited as descriptor 3; -1: none */
};

/* `given`, else redis-server, or valkey-server from PATH. The caller frees *ret_path. */
enum pinion_err redis_spawn_find(const char *given, char **ret_path, struct error *why) must_use;

/* The caller owns the process and its descriptor (workers/child_end.h). The child gets SIGTERM when
 * this thread ends. */
enum pinion_err redis_spawn(const struct redis_spawn *, pid_t *ret_pid, int *ret_pidfd,
                            struct error *why) must_use;

#endif
