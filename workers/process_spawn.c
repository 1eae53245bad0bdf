/* The child borrows our memory until it has called exec, or has ended, and we go on meanwhile:
 *
 *      we       block signals -> clone -> unblock -> ...................... -> look at `at`
 *      child                       \-> session -> birth -> signals -> fds -> limits -> user
 *                                       -> folder -> exec, or write down why not and end
 *
 * So a child costs no copy of page tables, and no start of one waits for another: where there is
 * less processor than there are children, waiting for each exec would take most of the time. What
 * the child needs is copied into one block, with its stack; it is freed when the child has ended.
 */
#include "workers/process_spawn.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/memory.h"
#include "workers/bare_call.h"
#include "workers/child_end.h"
#include "workers/clone_into.h"
#include "workers/process_child.h"

#define SPAWN_STACK_BYTES 16384 /* the child uses some hundred bytes; the rest is never touched */
#define SPAWN_STACK_ALIGN 16

/* ThreadSanitizer takes clone() for a fork, and keeps its books for the child in our memory: under
 * it we call the same function of the C library by a name that it does not know. */
#ifdef UNDER_TSAN
int __clone(int (*)(void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* ---- the block ------------------------------------------------------------------------------- */

static char *const no_env[] = {NULL};

/* Where the copies go: pointers first, then text. */
struct room {
    char **pointers, *text;
};

static void count_vector(char *const vector[], size_t *pointers, size_t *bytes)
{
    for (size_t i = 0; vector[i]; i++) {
        *pointers += 1;
        *bytes += strlen(vector[i]) + 1;
    }
    *pointers += 1;
}

static char *copy_text(struct room *room, const char *text)
{
    char *copy = room->text;

    if (!text) return NULL;
    room->text = stpcpy(copy, text) + 1;
    return copy;
}

static char **copy_vector(struct room *room, char *const vector[])
{
    char **copy = room->pointers;

    for (size_t i = 0; vector[i]; i++) *room->pointers++ = copy_text(room, vector[i]);
    *room->pointers++ = NULL;
    return copy;
}

static struct process_user copy_user(struct room *room, const struct process_user *user)
{
    struct process_user copy = *user;
    size_t bytes = user->groups_count * sizeof *user->groups;

    if (bytes) memcpy(room->text, user->groups, bytes);
    copy.groups = (const gid_t *)(void *)room->text;
    room->text += bytes;
    return copy;
}

/* One block: the struct, pointers, groups, text, and the stack at its end. */
static struct spawn *spawn_new(const struct process_program *p, const int fds[3],
                               const struct process_birth *birth)
{
    char *const *env = p->env ? p->env : no_env;
    size_t pointers = 0, bytes = strlen(p->path) + 1 + (p->dir ? strlen(p->dir) + 1 : 0), total;
    struct spawn *s;
    struct room room;

    count_vector(p->argv, &pointers, &bytes);
    count_vector(env, &pointers, &bytes);
    if (p->user) bytes += p->user->groups_count * sizeof *p->user->groups;
    total = sizeof *s + pointers * sizeof(char *) + bytes + SPAWN_STACK_ALIGN + SPAWN_STACK_BYTES;
    s = xmalloc(total);
    *s = (struct spawn){.program = *p, .fds = {fds[0], fds[1], fds[2]}, .parent = getpid()};
    s->stack = (char *)s + total;
    s->stack -= (uintptr_t)s->stack % SPAWN_STACK_ALIGN;
    if (birth) s->birth = *birth;
    room.pointers = (char **)(s + 1);
    room.text = (char *)(room.pointers + pointers);
    if (p->user) s->user = copy_user(&room, p->user);
    if (p->limits) s->limits = *p->limits;
    s->program.user = p->user ? &s->user : NULL;
    s->program.limits = p->limits ? &s->limits : NULL;
    s->program.argv = copy_vector(&room, p->argv);
    s->program.env = copy_vector(&room, env);
    s->program.path = copy_text(&room, p->path);
    s->program.dir = copy_text(&room, p->dir);
    return s;
}

/* ---- the start ------------------------------------------------------------------------------- */

/* In its cgroup from its very beginning. -1: it has to enter by itself, or there is no child either
 * way. */
static pid_t clone_within(struct spawn *s, int flags, int *ret_pidfd)
{
    const struct clone_into into = {
        .cgroup = s->program.cgroup,
        .flags = (uint64_t)flags,
        .stack = s->stack - SPAWN_STACK_BYTES,
        .stack_bytes = SPAWN_STACK_BYTES,
        .run = process_child_run,
        .arg = s,
        .ret_pidfd = ret_pidfd,
        .child_tid = &s->borrowed,
    };
    pid_t pid;

    s->within = true;
    pid = clone_into(&into);
    if (pid < 0) s->within = false;
    return pid;
}

/* Signals are blocked so that no handler of ours runs in the child. */
static pid_t clone_child(struct spawn *s, int *ret_pidfd)
{
    const int flags = CLONE_VM | (SPAWN_WAITS ? CLONE_VFORK : 0) | CLONE_PIDFD
                      | CLONE_CHILD_CLEARTID;
    sigset_t all, before;
    pid_t pid = -1;
    int error;

    s->borrowed = 1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (s->program.cgroup) pid = clone_within(s, flags, ret_pidfd);
    if (pid < 0)
        pid = clone(process_child_run, s->stack, flags | SIGCHLD, s, ret_pidfd, NULL,
                    &s->borrowed);
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
    if (pid == 0) _exit(process_child_run(shared));
    close(ends[1]);
    while (pid > 0 && read(ends[0], &nothing, 1) < 0 && errno == EINTR) continue;
    close(ends[0]);
    s->at = shared->at;
    s->error = shared->error;
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
                         s->program.dir, reason);
    if (s->at == AT_USER)
        return error_set(why, code_of(s->error), "cannot run %s as user %u, group %u: %s",
                         s->program.path, (unsigned)s->program.user->uid,
                         (unsigned)s->program.user->gid, reason);
    if (s->at != AT_EXEC)
        return error_set(why, PINION_INTERNAL, "cannot prepare a process for %s: %s",
                         s->program.path, reason);
    if (s->error == ENOEXEC)
        return error_set(why, PINION_INVALID,
                         "cannot run %s: expected a program, or a script whose first line is #!",
                         s->program.path);
    return error_set(why, code_of(s->error), "cannot run %s: %s", s->program.path, reason);
}

enum pinion_err process_spawn(const struct process_program *program, const int fds[3],
                              const struct process_birth *birth, struct process_child *ret_child,
                              struct error *why)
{
    struct spawn *s;
    int pidfd = -1;
    pid_t pid;

    assert(program->path && program->argv && program->argv[0]);
    s = spawn_new(program, fds, birth);
    pid = start_child(s, &pidfd);
    if (pid < 0) {
        int error = errno;

        free(s);
        return error_set(why, code_of(error) == PINION_BUSY ? PINION_BUSY : PINION_INTERNAL,
                         "cannot start a process for %s: %s", program->path, strerror(error));
    }
    *ret_child = (struct process_child){pid, pidfd, s};
    return PINION_OK;
}

enum pinion_err process_spawned(struct spawn *s, struct error *why)
{
    enum pinion_err err = s->error ? explain(s, why) : PINION_OK;

    assert(!s->borrowed);
    free(s);
    return err;
}
