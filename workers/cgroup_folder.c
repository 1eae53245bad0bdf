#include "workers/cgroup_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"

#define EVENTS_BYTES 128  /* of cgroup.events: two short lines */
#define LIST_BYTES   4096 /* of cgroup.procs, at once */
#define DEPTH_MAX    32   /* of folders that a command has made in its own; deeper ones stay */
#define AGAIN_MS     20   /* between two kills of what does not end */

/* Those below 3 are places of a child's own, where it could not find this one any more. */
int cgroup_folder_open(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), moved, error;

    if (fd < 0 || fd > 2) return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    error = errno;
    close(fd);
    errno = error;
    return moved;
}

int cgroup_folder_events(int folder)
{
    return openat(folder, "cgroup.events", O_RDONLY | O_CLOEXEC);
}

enum cgroup_seen cgroup_folder_look(int events)
{
    char text[EVENTS_BYTES];
    ssize_t len = pread(events, text, sizeof text - 1, 0);

    if (len <= 0) return CGROUP_REMOVED;
    text[len] = '\0';
    return strstr(text, "populated 1") ? CGROUP_POPULATED : CGROUP_EMPTY;
}

size_t cgroup_folder_list(int folder, pid_t pids[], size_t max)
{
    int fd = openat(folder, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    char text[LIST_BYTES], *at = text, *end;
    ssize_t len = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    size_t count = 0;

    if (fd >= 0) close(fd);
    text[len > 0 ? len : 0] = '\0';
    for (long pid = strtol(at, &end, 10); *end == '\n' && count < max; pid = strtol(at, &end, 10)) {
        if (pid > 1) pids[count++] = (pid_t)pid;
        at = end + 1;
    }
    return count;
}

/* ---- all that is below ----------------------------------------------------------------------- */

typedef void each_fn(int folder, const char *name, unsigned depth);

/* Calls `each` for every folder in this one. */
static void for_each_below(int folder, each_fn *each, unsigned depth)
{
    int fd = depth < DEPTH_MAX ? openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_type == DT_DIR && e->d_name[0] != '.') each(folder, e->d_name, depth);
    if (d) closedir(d);
    else if (fd >= 0) close(fd);
}

static bool write_kill(int folder)
{
    int fd = openat(folder, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, "1", 1) == 1;

    if (fd >= 0) close(fd);
    return written;
}

static void kill_listed(int parent, const char *name, unsigned depth)
{
    pid_t pids[LIST_BYTES / 2];
    int folder = cgroup_folder_open(parent, name);

    if (folder < 0) return;
    for (size_t left = cgroup_folder_list(folder, pids, LIST_BYTES / 2); left; left--)
        kill(pids[left - 1], SIGKILL);
    for_each_below(folder, kill_listed, depth + 1);
    close(folder);
}

void cgroup_folder_kill(int folder)
{
    if (!write_kill(folder)) kill_listed(folder, ".", 0);
}

static void remove_one(int parent, const char *name, unsigned depth)
{
    int folder = cgroup_folder_open(parent, name);

    if (folder < 0) return;
    for_each_below(folder, remove_one, depth + 1);
    close(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

int cgroup_folder_remove(int parent, const char *name)
{
    remove_one(parent, name, 0);
    if (!faccessat(parent, name, F_OK, AT_SYMLINK_NOFOLLOW)) return EBUSY;
    return errno == ENOENT ? 0 : errno;
}

/* ---- waiting --------------------------------------------------------------------------------- */

enum cgroup_seen cgroup_folder_clear(int folder, uint64_t wait_ms)
{
    uint64_t deadline_ms = clock_mono_ms() + wait_ms;
    struct pollfd changed = {cgroup_folder_events(folder), POLLPRI, 0};
    enum cgroup_seen seen = changed.fd < 0 ? CGROUP_REMOVED : cgroup_folder_look(changed.fd);

    while (seen == CGROUP_POPULATED) {
        cgroup_folder_kill(folder);
        poll(&changed, 1, AGAIN_MS);
        seen = cgroup_folder_look(changed.fd);
        if (clock_mono_ms() >= deadline_ms) break;
    }
    if (changed.fd >= 0) close(changed.fd);
    return seen;
}
