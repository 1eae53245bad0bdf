/* workers/process_spawn.h — from an argument vector to a running child: vfork's speed, no shell.
 *
 * The child leads a session and a process group of its own, has the three given descriptors and no
 * other, no blocked or ignored signal, and dies with the thread that started it (so start from the
 * thread that lives longest: the loop's). Everything given is borrowed for the call. The caller
 * does not wait until the program begins, so whether it could is known at the child's end.
 */
#ifndef PINION_WORKERS_PROCESS_SPAWN_H
#define PINION_WORKERS_PROCESS_SPAWN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/error.h"
#include "workers/bare_call.h"

/* What a program may use at most; 0: as much as we. Never more than we may use ourselves. */
struct process_limits {
    uint64_t memory_bytes;    /* of address space */
    uint64_t cpu_s;           /* then it gets XCPU, and KILL a second later */
    uint64_t files;           /* open at once */
    uint64_t processes;       /* of its user, all together */
    uint64_t file_size_bytes; /* of a file that it writes */
};

struct process_user {
    uid_t        uid;
    gid_t        gid;
    const gid_t *groups; /* the supplementary ones, all of them */
    size_t       groups_count;
};

struct process_program {
    const char  *path; /* as process_find() gives it */
    char *const *argv; /* NULL-terminated; argv[0] is a name */
    char *const *env;  /* NULL-terminated "NAME=value", nothing is added; NULL: empty */
    const char  *dir;  /* working folder, entered as its user; NULL: ours */
    const struct process_limits *limits; /* NULL: none */
    const struct process_user   *user;   /* NULL: we; another one needs root */
    unsigned                     nice;   /* added to ours */
    int                          cgroup; /* descriptor of a folder to begin in; 0: in ours */
};

struct spawn;

struct process_child {
    pid_t         pid;
    int           pidfd; /* of workers/child_end.h; yours to close */
    struct spawn *spawn; /* for process_spawned() */
};

/* What must be known of the child before its program's first instruction. Called in the child,
 * which borrows our memory while we go on, so it is in_child and only stores; `ctx` lives until the
 * child has ended. It may have been called although the program could not be run. */
struct process_birth {
    void (*born)(void *ctx, pid_t, uint64_t start_ticks); /* start: as in struct process_stat */
    void *ctx;
};

/* `fds` become its 0, 1, 2 and stay yours. `birth` NULL: nobody wants to know. PINION_BUSY: no
 * process, memory or descriptor is left for now; PINION_INTERNAL: the kernel refuses. Then nothing
 * was started. */
enum pinion_err process_spawn(const struct process_program *, const int fds[3],
                              const struct process_birth *birth, struct process_child *ret_child,
                              struct error *why) must_use;

/* Once for each that was spawned, when it has ended: what became of it. PINION_OK: its program ran,
 * or it was killed before. PINION_INVALID: the folder or the program is wrong; PINION_BUSY: as
 * above, found by the child; PINION_INTERNAL: it could not be prepared. */
enum pinion_err process_spawned(struct spawn *, struct error *why) must_use;

#endif
