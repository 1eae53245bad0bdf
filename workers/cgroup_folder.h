/* workers/cgroup_folder.h — what can be done to a folder of cgroup2: look, kill, wait, remove.
 *
 * `folder` is a descriptor of it. Whoever is in a folder is in those above it, too. Any thread.
 */
#ifndef PINION_WORKERS_CGROUP_FOLDER_H
#define PINION_WORKERS_CGROUP_FOLDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum cgroup_seen {
    CGROUP_EMPTY,     /* nobody is in it; who has ended and is not reaped yet does not count */
    CGROUP_POPULATED,
    CGROUP_REMOVED,
};

int cgroup_folder_open(int parent, const char *name); /* 3 at least, close-on-exec; -1: errno */
int cgroup_folder_events(int folder);                 /* for look and wait; yours to close */

/* One system call. */
enum cgroup_seen cgroup_folder_look(int events);
/* Those in the folder itself, at most `max`. */
size_t cgroup_folder_list(int folder, pid_t pids[], size_t max);
/* KILL for all that are in it now; a child of theirs that begins meanwhile may escape on a kernel
 * before 5.14, so look again. */
void cgroup_folder_kill(int folder);
/* Kills until it is empty, at most wait_ms. It blocks. */
enum cgroup_seen cgroup_folder_clear(int folder, uint64_t wait_ms);
/* The empty folder `name` with all below it. 0, or errno: EBUSY where somebody is in it. */
int cgroup_folder_remove(int parent, const char *name);

#endif
