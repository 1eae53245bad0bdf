/* workers/child_end.h — how the loop learns that a child has ended: by a descriptor.
 *
 * That is its pidfd. Where there is none (a kernel before 5.3, a program under valgrind) it is a
 * timer that makes the loop look again and again. Any thread.
 */
#ifndef PINION_WORKERS_CHILD_END_H
#define PINION_WORKERS_CHILD_END_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#define CHILD_LOOK_MS 10 /* how often, without pidfd */

enum child_seen {
    CHILD_RUNS,  /* not yet: wait for the descriptor again */
    CHILD_ENDED, /* *ret_info says how */
    CHILD_LOST,  /* errno; libev's default loop, which reaps all children, has been faster */
};

bool child_has_pidfd(void); /* asks the kernel once */
/* Close-on-exec, yours to close; -1: errno. For a child that was not waited for, or any process
 * that is only to be signalled. */
int  child_end_open(pid_t);
/* When the descriptor is readable. `options`: WNOWAIT leaves the child to be looked at again; else
 * it is reaped. Never blocks. */
enum child_seen child_end_look(int fd, pid_t, int options, siginfo_t *ret_info);
int child_signal(int fd, pid_t, int signal); /* as kill(2) */

#endif
