#include "workers/child_end.h"

#include <stdint.h>
#include <sys/pidfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

bool child_has_pidfd(void)
{
    static enum { NOT_ASKED, NO, YES } answer;

    if (answer == NOT_ASKED) {
        int fd = pidfd_open(getpid(), 0);
        answer = fd < 0 ? NO : YES;
        if (fd >= 0) close(fd);
    }
    return answer == YES;
}

int child_end_open(pid_t pid)
{
    struct itimerspec every = {{0, CHILD_LOOK_MS * 1000000}, {0, CHILD_LOOK_MS * 1000000}};
    int fd;

    if (child_has_pidfd()) return pidfd_open(pid, 0); /* close-on-exec by itself */
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0) timerfd_settime(fd, 0, &every, NULL);
    return fd;
}

enum child_seen child_end_look(int fd, pid_t pid, int options, siginfo_t *ret_info)
{
    siginfo_t info = {0};
    uint64_t ticks;
    int failed;

    /* By descriptor where it can be: the pid may have been reaped by others, and used again. */
    if (child_has_pidfd()) {
        failed = waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOHANG | options);
    } else {
        if (read(fd, &ticks, sizeof ticks) < 0) ticks = 0; /* only to make it wait for the next */
        failed = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | options);
    }
    if (failed) return CHILD_LOST;
    if (!info.si_pid) return CHILD_RUNS;
    *ret_info = info;
    return CHILD_ENDED;
}

int child_signal(int fd, pid_t pid, int signal)
{
    return child_has_pidfd() ? pidfd_send_signal(fd, signal, NULL, 0) : kill(pid, signal);
}
