/* The child borrows our memory and we stand still until it has called exec, or has ended:
 *
 *      we       block signals -> clone ............................ -> unblock -> look at `at`
 *      child     \-> session -> birth -> signals -> fds -> limits -> user -> folder -> exec
 *
 * So a child costs no copy of page tables, and tells us a failure by writing it down. In return it
 * may only use system calls: no locks, no malloc, nothing that a sanitizer or a handler looks at.
 */
#include "workers/process_spawn.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "workers/child_end.h"

#define SPAWN_STACK_BYTES 32768 /* the child uses a few hundred bytes, a sanitizer some thousand */
#define STAT_BYTES        512   /* of a line of /proc; what counts is in its first half */
#define STAT_BLANKS       20    /* from the name's end to the start time */
#define SPAWN_SIGNALS     64    /* numbers of signals that the kernel knows: 1 .. 64 */

/* ThreadSanitizer takes clone() for a fork, and keeps its books for the child in our memory: under
 * it we call the same function of the C library by a name that it does not know. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define UNDER_TSAN
#endif
#ifdef UNDER_TSAN
int __clone(int (*)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
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
    const struct process_program *program;
    const struct process_birth   *birth; /* NULL: none */
    int           fds[3];
    pid_t         parent;
    enum spawn_at at;    /* written by the child */
    int           error; /* written by the child; 0: exec replaced it */
};

in_child static int die_with_parent(const struct spawn *s)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0L, 0L, 0L)) return -1;
    if (getppid() == s->parent) return 0;
    errno = ESRCH; /* we died before the line above: nobody is left to read this */
    return -1;
}

in_child static int enter_session(const struct spawn *s)
{
    return setsid() < 0 ? -1 : die_with_parent(s);
}

/* Field 22 of our line in /proc; what stands before it may hold blanks only up to the last ')'. */
in_child static uint64_t read_start_ticks(void)
{
    static const char path[] = "/proc/self/stat";
    char line[STAT_BYTES];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    long len = fd < 0 ? -1 : syscall(SYS_read, fd, line, sizeof line), at = len;
    uint64_t ticks = 0;

    if (fd >= 0) syscall(SYS_close, fd);
    while (at > 0 && line[at - 1] != ')') at--;
    for (int blanks = 0; at > 0 && at < len && blanks < STAT_BLANKS; at++)
        blanks += line[at] == ' ';
    for (; at > 0 && at < len && line[at] >= '0' && line[at] <= '9'; at++)
        ticks = ticks * 10 + (uint64_t)(line[at] - '0');
    return ticks;
}

in_child static int tell_birth(const struct spawn *s)
{
    uint64_t ticks;

    if (!s->birth) return 0;
    ticks = read_start_ticks();
    if (ticks) s->birth->born(s->birth->ctx, (pid_t)syscall(SYS_getpid), ticks);
    return ticks ? 0 : -1;
}

/* First the handlers, then the mask: no handler of ours may run in borrowed memory. By the bare
 * system calls, for the library's keep books that are shared with the parent. */
in_child static int reset_signals(void)
{
    static const uint64_t by_default[8]; /* a struct of the kernel: SIG_DFL, no flags, no mask */
    static const uint64_t none;

    for (int signal = 1; signal <= SPAWN_SIGNALS; signal++)
        syscall(SYS_rt_sigaction, signal, by_default, NULL, sizeof none); /* not KILL and STOP */
    return (int)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
}

in_child static int place_descriptors(struct spawn *s)
{
    for (int i = 0; i < 3; i++) /* those that stand where another one goes: out of the way */
        if (s->fds[i] < 3 && (s->fds[i] = fcntl(s->fds[i], F_DUPFD, 3)) < 0) return -1;
    for (int i = 0; i < 3; i++)
        if (dup2(s->fds[i], i) < 0) return -1;
    return close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Beyond `value` it is told, beyond `value + slack` ended; our own bounds hold all the same. */
in_child static int set_limit(int resource, uint64_t value, uint64_t slack)
{
    struct {
        uint64_t soft, hard; /* as the kernel has them */
    } limit;

    if (!value) return 0;
    if (syscall(SYS_prlimit64, 0, resource, NULL, &limit)) return -1;
    if (value + slack < limit.hard) limit.hard = value + slack;
    limit.soft = value < limit.hard ? value : limit.hard;
    return (int)syscall(SYS_prlimit64, 0, resource, &limit, NULL);
}

in_child static int set_limits(const struct process_program *p)
{
    const struct process_limits *l = p->limits;
    long niceness = p->nice ? 20 - syscall(SYS_getpriority, PRIO_PROCESS, 0) : 0;

    if (p->nice && syscall(SYS_setpriority, PRIO_PROCESS, 0, niceness + (long)p->nice)) return -1;
    if (!l) return 0;
    return set_limit(RLIMIT_AS, l->memory_bytes, 0) || set_limit(RLIMIT_CPU, l->cpu_s, 1) ||
           set_limit(RLIMIT_NOFILE, l->files, 0) || set_limit(RLIMIT_NPROC, l->processes, 0) ||
           set_limit(RLIMIT_FSIZE, l->file_size_bytes, 0);
}

/* By the bare system calls, which are the child's alone: the library's change all threads. The
 * kernel forgets the death signal with the user. */
in_child static int become_user(const struct spawn *s)
{
    const struct process_user *u = s->program->user;

    if (!u) return 0;
    return syscall(SYS_setgroups, u->groups_count, u->groups) ||
           syscall(SYS_setresgid, u->gid, u->gid, u->gid) ||
           syscall(SYS_setresuid, u->uid, u->uid, u->uid) || die_with_parent(s);
}

in_child static int run_child(void *arg)
{
    struct spawn *s = arg;
    const struct process_program *program = s->program;
    char *const no_env[] = {NULL};

    s->at = AT_SESSION;
    if (enter_session(s)) goto fail;
    s->at = AT_BIRTH;
    if (tell_birth(s)) goto fail;
    s->at = AT_SIGNALS;
    if (reset_signals()) goto fail;
    s->at = AT_DESCRIPTORS;
    if (place_descriptors(s)) goto fail;
    s->at = AT_LIMITS;
    if (set_limits(program)) goto fail;
    s->at = AT_USER;
    if (become_user(s)) goto fail;
    s->at = AT_FOLDER;
    if (program->dir && chdir(program->dir)) goto fail;
    s->at = AT_EXEC;
    execve(program->path, program->argv, program->env ? program->env : no_env);

fail:
    s->error = errno;
    return 1; /* ends the child by the bare system call, without our exit handlers */
}

static pid_t clone_child(struct spawn *s, int *ret_pidfd)
{
    _Alignas(16) char stack[SPAWN_STACK_BYTES];
    sigset_t all, before;
    pid_t pid;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(run_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, s,
                ret_pidfd);
    error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

/* Without pidfd there is no such clone either (under valgrind it ends the program). A copy of our
 * memory then, but for what the child writes down; the pipe closes when its program runs. */
static pid_t fork_child(struct spawn *s)
{
    struct spawn *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int ends[2];
    char nothing;
    pid_t pid;

    if (shared == MAP_FAILED) return -1;
    *shared = *s;
    if (pipe2(ends, O_CLOEXEC)) {
        munmap(shared, sizeof *shared);
        return -1;
    }
    pid = fork();
    if (pid == 0) _exit(run_child(shared));
    close(ends[1]);
    while (pid > 0 && read(ends[0], &nothing, 1) < 0 && errno == EINTR) continue;
    close(ends[0]);
    *s = *shared;
    munmap(shared, sizeof *shared);
    return pid;
}

static pid_t start_child(struct spawn *s, int *ret_pidfd)
{
    pid_t pid;

    if (child_has_pidfd()) return clone_child(s, ret_pidfd);
    pid = fork_child(s);
    if (pid > 0) *ret_pidfd = child_end_open(pid);
    return pid;
}

static enum pinion_err code_of(int error)
{
    bool may_pass = error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE
                    || error == ETXTBSY;

    return may_pass ? PINION_BUSY : PINION_INVALID;
}

static enum pinion_err explain(const struct spawn *s, struct error *why)
{
    const char *reason = strerror(s->error);

    if (s->at == AT_FOLDER)
        return error_set(why, code_of(s->error), "cannot enter the working folder %s: %s",
                         s->program->dir, reason);
    if (s->at == AT_USER)
        return error_set(why, code_of(s->error), "cannot run %s as user %u, group %u: %s",
                         s->program->path, (unsigned)s->program->user->uid,
                         (unsigned)s->program->user->gid, reason);
    if (s->at != AT_EXEC)
        return error_set(why, PINION_INTERNAL, "cannot prepare a process for %s: %s",
                         s->program->path, reason);
    if (s->error == ENOEXEC)
        return error_set(why, PINION_INVALID,
                         "cannot run %s: expected a program, or a script whose first line is #!",
                         s->program->path);
    return error_set(why, code_of(s->error), "cannot run %s: %s", s->program->path, reason);
}

enum pinion_err process_spawn(const struct process_program *program, const int fds[3],
                              const struct process_birth *birth, struct process_child *ret_child,
                              struct error *why)
{
    struct spawn s = {program, birth, {fds[0], fds[1], fds[2]}, getpid(), AT_SESSION, 0};
    int pidfd = -1;
    pid_t pid;

    assert(program->path && program->argv && program->argv[0]);
    pid = start_child(&s, &pidfd);
    if (pid < 0)
        return error_set(why, code_of(errno) == PINION_BUSY ? PINION_BUSY : PINION_INTERNAL,
                         "cannot start a process for %s: %s", program->path, strerror(errno));
    if (s.at == AT_EXEC && !s.error) {
        *ret_child = (struct process_child){pid, pidfd};
        return PINION_OK;
    }
    /* It has ended, or is in the middle of it: this is no wait worth the name. */
    while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR) continue;
    close(pidfd);
    if (s.error) return explain(&s, why);
    return error_set(why, PINION_BUSY, "the process for %s was killed before it ran",
                     program->path);
}
