/* workers/process_child.h — what a child does in our memory, from its first instruction to exec.
 *
 * Private to process_spawn.c and its test. The child has a copy of all it needs, and a stack: one
 * block, which is its own until `borrowed` is 0. It may only use bare system calls: no locks, no
 * malloc, no errno, nothing that a sanitizer or a handler looks at.
 */
#ifndef PINION_WORKERS_PROCESS_CHILD_H
#define PINION_WORKERS_PROCESS_CHILD_H

#include <stdbool.h>
#include "workers/bare_call.h"
#include "workers/process_spawn.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#endif

/* Where the child's system calls write to errno, which is ours as well, we stand still until its
 * program runs. And where ThreadSanitizer looks on: it knows of no second one in our thread. */
#if defined PINION_BARE_BY_LIBRARY || defined UNDER_TSAN
#define SPAWN_WAITS 1
#else
#define SPAWN_WAITS 0
#endif

/* How far the child came: AT_EXEC and no error is a running program. */
enum spawn_at {
    AT_SESSION,
    AT_BIRTH,
    AT_SIGNALS,
    AT_DESCRIPTORS,
    AT_LIMITS,
    AT_USER,
    AT_FOLDER,
    AT_EXEC
};

struct spawn {
    struct process_program program; /* a copy, with all that it points to */
    struct process_limits limits;
    struct process_user user;
    struct process_birth birth; /* born NULL: nobody wants to know */
    int fds[3];
    pid_t parent;
    bool within; /* it begins in its cgroup */
    enum spawn_at at; /* written by the child */
    int error;        /* written by the child; 0: exec replaced it */
    int borrowed;     /* the kernel makes it 0, when the child has left our memory */
    char *stack;      /* its upper end */
};

int process_child_run(void *spawn); /* does not return where it succeeds */

#endif
