/* control/redis_conf.c — the embedded redis-server's configuration. */
#include "control/redis_conf.h"
#include "control/state.h"
#include "control/state_files.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_FOLDER "/sys/fs/cgroup"
#define CGROUP_LIMIT  "memory.max"

uint64_t redis_conf_memory(void)
{
    uint64_t all = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    struct buffer limit = BUFFER_INIT;

    /* In a container the machine's memory is not ours; "max", no limit, parses to 0. */
    if (!state_file_read(CGROUP_FOLDER, CGROUP_LIMIT, &limit, NULL)) {
        uint64_t bytes = strtoull(limit.data, NULL, 10);

        if (bytes && bytes < all) all = bytes;
    }
    buffer_deinit(&limit);
    return all / 2;
}

/* `key "DIR/name"`, quoted as Redis reads it. */
static void add_path(struct buffer *out, const char *key, const char *dir, const char *name)
{
    buffer_printf(out, "%s \"", key);
    for (const char *c = dir; *c; c++) {
        if (*c == '"' || *c == '\\') buffer_add_char(out, '\\');
        buffer_add_char(out, *c);
    }
    buffer_printf(out, "/%s\"\n", name);
}

void redis_conf_write(struct buffer *out, const struct redis_child_options *o)
{
    static const char *const when[] = {
        [REDIS_FSYNC_ALWAYS] = "always",
        [REDIS_FSYNC_EVERYSEC] = "everysec",
        [REDIS_FSYNC_NO] = "no",
    };

    buffer_add_text(out, "port 0\n");
    add_path(out, "unixsocket", o->dir, STATE_SOCKET);
    add_path(out, "dir", o->dir, REDIS_CONF_STORE);
    add_path(out, "logfile", o->dir, REDIS_CONF_LOG);
    /* A Redis before 7.0 does not know appenddirname, and so stops right here with an error that we
     * can show, instead of failing at the first script. */
    buffer_printf(out,
                  "unixsocketperm 700\n"
                  "appenddirname " REDIS_CONF_APPEND "\n"
                  "appendonly %s\n"
                  "appendfsync %s\n"
                  "save \"\"\n"
                  "maxmemory %" PRIu64 "\n"
                  "maxmemory-policy noeviction\n"
                  "protected-mode yes\n"
                  "zset-max-listpack-entries 16\n" /* leases come and go by the hundred */
                  "lazyfree-lazy-expire yes\n"     /* remembered calls end by the million */
                  "daemonize no\n"
                  "supervised systemd\n",
                  o->fsync == REDIS_FSYNC_NO ? "no" : "yes", when[o->fsync],
                  o->maxmemory_bytes ? o->maxmemory_bytes : redis_conf_memory());
}
