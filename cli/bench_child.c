#include "cli/bench_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"

static void close_both(const int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static _Noreturn void child_run(child_fn *run, void *arg, const int life[2], const int tell[2])
{
    struct child_self self = {life[0], tell[1]};
    sigset_t none;

    close(life[1]);
    close(tell[0]);
    setpgid(0, 0); /* Ctrl-C is for our parent alone: we end after it, in order */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    run(&self, arg);
    _exit(0);
}

enum pinion_err child_start(struct child *c, child_fn *run, void *arg, struct error *why)
{
    int life[2], tell[2];
    pid_t pid;

    if (pipe2(life, O_CLOEXEC))
        return error_set(why, PINION_INTERNAL, "no pipe: %s", strerror(errno));
    if (pipe2(tell, O_CLOEXEC)) {
        close_both(life);
        return error_set(why, PINION_INTERNAL, "no pipe: %s", strerror(errno));
    }
    fflush(NULL); /* what is buffered is printed once */
    pid = fork();
    if (pid == 0) child_run(run, arg, life, tell);
    close(life[0]);
    close(tell[1]);
    *c = (struct child){pid, life[1], tell[0]};
    if (pid > 0) return PINION_OK;
    close(life[1]);
    close(tell[0]);
    *c = (struct child){0};
    return error_set(why, PINION_INTERNAL, "no process: %s", strerror(errno));
}

static enum pinion_err failed(const struct child *c, const char *what, struct error *why)
{
    char text[ERROR_TEXT_MAX];
    ssize_t len = read(c->tell, text, sizeof text - 1);

    text[len > 0 ? len : 0] = '\0';
    return error_set(why, PINION_UNAVAILABLE, "%s: %s", what, text);
}

enum pinion_err child_wait(const struct child *c, enum child_word word, int signals,
                           uint64_t timeout_ms, const char *what, struct error *why)
{
    uint64_t until_ms = clock_mono_ms() + timeout_ms;

    for (;;) {
        struct pollfd fds[] = {
            {c->tell, POLLIN, 0},
            {signals, POLLIN, 0}
        };
        uint64_t now_ms = clock_mono_ms();
        char said;

        int n = poll(fds, 2, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
        if (n == 0)
            return error_set(why, PINION_UNAVAILABLE, "%s: not done within %llu s", what,
                             (unsigned long long)timeout_ms / 1000);
        if (n < 0) continue;
        if (fds[1].revents) return error_set(why, PINION_UNAVAILABLE, "interrupted");
        if (read(c->tell, &said, 1) != 1)
            return error_set(why, PINION_UNAVAILABLE, "%s: has ended", what);
        if (said == CHILD_FAILED) return failed(c, what, why);
        if (said == (char)word) return PINION_OK;
    }
}

void child_stop(struct child *c)
{
    if (!c->pid) return;
    close(c->life);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(c->tell);
    *c = (struct child){0};
}

/* A parent that is gone hears nothing; then `life` has ended too. */
void child_tell(const struct child_self *self, enum child_word word)
{
    char said = (char)word;

    if (write(self->tell, &said, 1) != 1) return;
}

bool child_orphaned(const struct child_self *self)
{
    struct pollfd fd = {self->life, POLLIN, 0};

    return poll(&fd, 1, 0) > 0;
}

void child_fail(const struct child_self *self, const char *why)
{
    char text[1 + ERROR_TEXT_MAX];

    snprintf(text, sizeof text, "%c%s", CHILD_FAILED, why);
    if (write(self->tell, text, strlen(text)) < 0) return;
}
