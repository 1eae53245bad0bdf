/* workers/clone_into.h — clone(2) whose child begins in another cgroup.
 *
 * That is clone3(2), for which the C library has no function: its child begins on a stack of its
 * own, so it takes a dozen instructions of ours, for x86-64. Any thread.
 */
#ifndef PINION_WORKERS_CLONE_INTO_H
#define PINION_WORKERS_CLONE_INTO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct clone_into {
    int      cgroup;       /* descriptor of the folder */
    uint64_t flags;        /* CLONE_..., without a signal: it is SIGCHLD */
    void    *stack;        /* its lower end; 16 bytes aligned at both ends */
    size_t   stack_bytes;
    int    (*run)(void *); /* the child: what it returns is its exit status */
    void    *arg;
    int     *ret_pidfd;    /* with CLONE_PIDFD */
    int     *child_tid;    /* with CLONE_CHILD_CLEARTID */
};

/* -1: there is no child; errno ENOSYS if this kernel or processor cannot do it at all: the child
 * has to write itself into cgroup.procs. */
pid_t clone_into(const struct clone_into *);
/* Somebody has seen that it does not work here; from now on it answers ENOSYS. */
void  clone_into_give_up(void);

#endif
