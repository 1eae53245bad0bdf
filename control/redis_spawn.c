/* control/redis_spawn.c — fork and exec of redis-server.
 *
 * Between fork and exec only async-signal-safe calls are made: another thread may have held any
 * lock at the fork. Everything that allocates is done before it.
 */
#include "control/redis_spawn.h"
#include "control/redis_conf.h"
#include "base/memory.h"
#include "workers/child_end.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_DEFAULT     "/usr/local/bin:/usr/bin:/bin"
#define LOCK_FD_IN_CHILD 3
#define FD_FREE_FROM     10 /* ours are moved up there, so that none is overwritten by another */
#define EXIT_NO_EXEC     127

/* ---- the program ----------------------------------------------------------------------------- */

static char *find_in_path(const char *name)
{
    const char *path = getenv("PATH");

    if (!path || !*path) path = PATH_DEFAULT;
    while (*path) {
        size_t len = strcspn(path, ":");
        char *file = xasprintf("%.*s/%s", (int)len, path, name);
        struct stat st;

        if (len && access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
            return file;
        free(file);
        path += len + (path[len] == ':');
    }
    return NULL;
}

enum pinion_err redis_spawn_find(const char *given, char **ret_path, struct error *why)
{
    static const char *const names[] = {"redis-server", "valkey-server"};
    char *found = given && strchr(given, '/') ? xstrdup(given) : NULL;

    if (given && !found) found = find_in_path(given);
    for (size_t i = 0; i < countof(names) && !given && !found; i++) found = find_in_path(names[i]);
    if (!found)
        return error_set(why, PINION_UNAVAILABLE,
                         "%s is not in PATH: install Redis 7.0 or newer (package redis-server), or "
                         "name a running one by --redis",
                         given ? given : names[0]);
    *ret_path = found;
    return PINION_OK;
}

/* ---- the child's side ------------------------------------------------------------------------ */

struct cargo {
    const char *program, *dir;
    char **argv, **env;
    int in, log, lock; /* >= FD_FREE_FROM; lock may be -1 */
    pid_t parent;
    unsigned fd_end; /* one more than the greatest descriptor */
};

static void close_others(unsigned from, unsigned end)
{
    if (close_range(from, ~0U, 0) == 0) return;
    for (unsigned fd = from; fd < end; fd++) close((int)fd); /* a kernel before 5.9 */
}

static _Noreturn void child_run(const struct cargo *c)
{
    static const char failed[] =
        "cannot start the program: not executable, or descriptors refused\n";
    sigset_t none;

    setsid();
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != c->parent) _exit(EXIT_NO_EXEC); /* it died before prctl: no signal will come */
    for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* blocked since before the fork */
    umask(077);
    if (dup2(c->log, STDOUT_FILENO) < 0 || dup2(c->log, STDERR_FILENO) < 0 ||
        dup2(c->in, STDIN_FILENO) < 0 || (c->lock >= 0 && dup2(c->lock, LOCK_FD_IN_CHILD) < 0))
        _exit(EXIT_NO_EXEC);
    close_others(c->lock >= 0 ? LOCK_FD_IN_CHILD + 1 : LOCK_FD_IN_CHILD, c->fd_end);
    if (chdir(c->dir) == 0) execve(c->program, c->argv, c->env);
    if (write(STDERR_FILENO, failed, sizeof failed - 1) < 0) _exit(EXIT_NO_EXEC);
    _exit(EXIT_NO_EXEC);
}

/* ---- the parent's side ----------------------------------------------------------------------- */

static int moved_up(int fd)
{
    int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_FREE_FROM);

    if (fd >= 0) close(fd);
    return up;
}

/* A descriptor to read `text` from; it fits into the pipe, so writing it does not block. */
static int pipe_with(const char *text, size_t len)
{
    int ends[2];

    assert(len <= PIPE_BUF);
    if (pipe2(ends, O_CLOEXEC)) return -1;
    ssize_t wrote = write(ends[1], text, len);
    close(ends[1]);
    if (wrote == (ssize_t)len) return moved_up(ends[0]);
    close(ends[0]);
    return -1;
}

static int open_log(const char *dir)
{
    char *path = xasprintf("%s/" REDIS_CONF_LOG, dir);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    free(path);
    return moved_up(fd);
}

static pid_t fork_child(const struct cargo *c)
{
    sigset_t all, old;
    pid_t pid;

    /* Else a signal between fork and exec would run our handler in the child, which would write
     * into the pipe or eventfd that it shares with our loop. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = fork();
    if (pid == 0) child_run(c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid;
}

static int open_pidfd(pid_t pid)
{
    int fd = child_end_open(pid);

    if (fd >= 0) return fd;
    int failure = errno;
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    errno = failure;
    return -1;
}

static void fill_env(const char *dir, char *env[4])
{
    const char *path = getenv("PATH"), *tz = getenv("TZ");
    size_t n = 0;

    env[n++] = xasprintf("NOTIFY_SOCKET=%s/" REDIS_CONF_NOTIFY, dir);
    env[n++] = xasprintf("PATH=%s", path ? path : PATH_DEFAULT);
    if (tz) env[n++] = xasprintf("TZ=%s", tz);
    env[n] = NULL;
}

enum pinion_err redis_spawn(const struct redis_spawn *s, pid_t *ret_pid, int *ret_pidfd,
                            struct error *why)
{
    char name[] = "redis-server", dash[] = "-", *argv[] = {name, dash, NULL}, *env[4];
    struct rlimit files = {1024, 1024};
    struct cargo c = {.program = s->program, .dir = s->dir, .argv = argv, .env = env, .lock = -1};
    enum pinion_err err = PINION_OK;
    pid_t pid = -1;
    int pidfd = -1;

    fill_env(s->dir, env);
    getrlimit(RLIMIT_NOFILE, &files);
    c.fd_end = files.rlim_cur < INT_MAX ? (unsigned)files.rlim_cur : INT_MAX;
    c.parent = getpid();
    c.in = pipe_with(s->conf, s->conf_len);
    c.log = open_log(s->dir);
    if (s->lock_fd >= 0) c.lock = fcntl(s->lock_fd, F_DUPFD_CLOEXEC, FD_FREE_FROM);
    if (c.in >= 0 && c.log >= 0 && (s->lock_fd < 0 || c.lock >= 0)) pid = fork_child(&c);
    if (pid > 0) pidfd = open_pidfd(pid);
    if (pidfd < 0)
        err =
            error_set(why, PINION_UNAVAILABLE, "cannot start %s: %s", s->program, strerror(errno));
    else
        *ret_pid = pid, *ret_pidfd = pidfd;
    if (c.in >= 0) close(c.in);
    if (c.log >= 0) close(c.log);
    if (c.lock >= 0) close(c.lock);
    for (size_t i = 0; env[i]; i++) free(env[i]);
    return err;
}
