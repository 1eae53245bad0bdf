#include "workers/process_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "workers/bare_call.h"

#define STAT_BYTES    512 /* of a line of /proc; what counts is in its first half */
#define STAT_BLANKS   20  /* from the name's end to the start time */
#define SPAWN_SIGNALS 64  /* numbers of signals that the kernel knows: 1 .. 64 */

/* Up to four arguments, numbers or pointers; the rest is 0. */
#define bare1(number, a)          bare_call(number, (long)(a), 0, 0, 0, 0)
#define bare2(number, a, b)       bare_call(number, (long)(a), (long)(b), 0, 0, 0)
#define bare3(number, a, b, c)    bare_call(number, (long)(a), (long)(b), (long)(c), 0, 0)
#define bare4(number, a, b, c, d) bare_call(number, (long)(a), (long)(b), (long)(c), (long)(d), 0)

/* All of these answer 0, or an error as bare_call() does. */

in_child static long die_with_parent(const struct spawn *s)
{
    long error = bare2(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);

    if (error) return error;
    /* Else we died before the line above: nobody is left to read this. */
    return bare_call(SYS_getppid, 0, 0, 0, 0, 0) == s->parent ? 0 : -ESRCH;
}

in_child static long enter_session(const struct spawn *s)
{
    long session = bare_call(SYS_setsid, 0, 0, 0, 0, 0);

    return session < 0 ? session : die_with_parent(s);
}

/* Field 22 of our line in /proc; what stands before it may hold blanks only up to the last ')'. */
in_child static uint64_t read_start_ticks(void)
{
    static const char path[] = "/proc/self/stat";
    char line[STAT_BYTES];
    long fd = bare4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long len = fd < 0 ? -1 : bare3(SYS_read, fd, line, sizeof line), at = len;
    uint64_t ticks = 0;

    if (fd >= 0) bare1(SYS_close, fd);
    while (at > 0 && line[at - 1] != ')') at--;
    for (int blanks = 0; at > 0 && at < len && blanks < STAT_BLANKS; at++)
        blanks += line[at] == ' ';
    for (; at > 0 && at < len && line[at] >= '0' && line[at] <= '9'; at++)
        ticks = ticks * 10 + (uint64_t)(line[at] - '0');
    return ticks;
}

in_child static long tell_birth(const struct spawn *s)
{
    uint64_t ticks;

    if (!s->birth.born) return 0;
    ticks = read_start_ticks();
    if (!ticks) return -ESRCH;
    s->birth.born(s->birth.ctx, (pid_t)bare_call(SYS_getpid, 0, 0, 0, 0, 0), ticks);
    return 0;
}

/* First the handlers, then the mask: no handler of ours may run in borrowed memory. */
in_child static long reset_signals(void)
{
    static const uint64_t by_default[8]; /* a struct of the kernel: SIG_DFL, no flags, no mask */
    static const uint64_t none;

    for (int signal = 1; signal <= SPAWN_SIGNALS; signal++)
        bare4(SYS_rt_sigaction, signal, by_default, NULL, sizeof none); /* not KILL and STOP */
    return bare4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

in_child static long place_descriptors(struct spawn *s)
{
    for (int i = 0; i < 3; i++) { /* those that stand where another one goes: out of the way */
        long fd = s->fds[i] < 3 ? bare3(SYS_fcntl, s->fds[i], F_DUPFD, 3) : s->fds[i];
        if (fd < 0) return fd;
        s->fds[i] = (int)fd;
    }
    for (int i = 0; i < 3; i++) {
        long fd = bare3(SYS_dup3, s->fds[i], i, 0); /* they are never the same */
        if (fd < 0) return fd;
    }
    return bare3(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Beyond `value` it is told, beyond `value + slack` ended; our own bounds hold all the same. */
in_child static long set_limit(int resource, uint64_t value, uint64_t slack)
{
    struct {
        uint64_t soft, hard; /* as the kernel has them */
    } limit;
    long error;

    if (!value) return 0;
    error = bare4(SYS_prlimit64, 0, resource, NULL, &limit);
    if (error) return error;
    if (value + slack < limit.hard) limit.hard = value + slack;
    limit.soft = value < limit.hard ? value : limit.hard;
    return bare4(SYS_prlimit64, 0, resource, &limit, NULL);
}

in_child static long set_nice(unsigned nice)
{
    long niceness = 20 - bare2(SYS_getpriority, PRIO_PROCESS, 0); /* 40 .. 1 is -20 .. 19 */

    return bare3(SYS_setpriority, PRIO_PROCESS, 0, niceness + (long)nice);
}

in_child static long set_limits(const struct process_program *p)
{
    const struct process_limits *l = p->limits;
    long error = p->nice ? set_nice(p->nice) : 0;

    if (error || !l) return error;
    error = set_limit(RLIMIT_AS, l->memory_bytes, 0);
    if (!error) error = set_limit(RLIMIT_CPU, l->cpu_s, 1);
    if (!error) error = set_limit(RLIMIT_NOFILE, l->files, 0);
    if (!error) error = set_limit(RLIMIT_NPROC, l->processes, 0);
    if (!error) error = set_limit(RLIMIT_FSIZE, l->file_size_bytes, 0);
    return error;
}

/* The bare system calls are the child's alone: the library's change all threads. The kernel forgets
 * the death signal with the user. */
in_child static long become_user(const struct spawn *s)
{
    const struct process_user *u = s->program.user;
    long error;

    if (!u) return 0;
    error = bare2(SYS_setgroups, u->groups_count, u->groups);
    if (!error) error = bare3(SYS_setresgid, u->gid, u->gid, u->gid);
    if (!error) error = bare3(SYS_setresuid, u->uid, u->uid, u->uid);
    return error ? error : die_with_parent(s);
}

/* Where it could not begin there. If it may not enter any more, it runs in ours: at its end it is
 * seen that the folder is gone. */
in_child static void enter_cgroup(const struct spawn *s)
{
    static const char file[] = "cgroup.procs";
    long fd;

    if (!s->program.cgroup || s->within) return;
    fd = bare4(SYS_openat, s->program.cgroup, file, O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0) return;
    bare3(SYS_write, fd, "0", 1);
    bare1(SYS_close, fd);
}

in_child int process_child_run(void *spawn)
{
    struct spawn *s = spawn;
    const struct process_program *program = &s->program;
    long error;

    enter_cgroup(s);
    s->at = AT_SESSION;
    if ((error = enter_session(s))) goto fail;
    s->at = AT_BIRTH;
    if ((error = tell_birth(s))) goto fail;
    s->at = AT_SIGNALS;
    if ((error = reset_signals())) goto fail;
    s->at = AT_DESCRIPTORS;
    if ((error = place_descriptors(s))) goto fail;
    s->at = AT_LIMITS;
    if ((error = set_limits(program))) goto fail;
    s->at = AT_USER;
    if ((error = become_user(s))) goto fail;
    s->at = AT_FOLDER;
    if (program->dir && (error = bare1(SYS_chdir, program->dir))) goto fail;
    s->at = AT_EXEC;
    error = bare3(SYS_execve, program->path, program->argv, program->env);

fail:
    s->error = (int)-error;
    return 1; /* ends the child by the bare system call, without our exit handlers */
}
