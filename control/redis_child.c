/* control/redis_child.c — one redis-server after the other.
 *
 *     IDLE --start--> STARTING --READY=1--> UP
 *                      |    ^               |
 *                      |    | rested        |        any --stop--> STOPPING --ended--> STOPPED
 *                      +--> RESTING <-------+
 *                     dies             dies
 *
 * One alarm: what it means follows from the state. The end of the process is read from its pidfd,
 * not from SIGCHLD, for the loop need not be libev's default one.
 */
#include "control/redis_child.h"
#include "control/redis_conf.h"
#include "control/redis_log.h"
#include "control/redis_spawn.h"
#include "control/state.h"
#include "control/state_files.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "workers/child_end.h"
#include "scheduler/ticker.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS       100 /* how often its log is read, if it cannot notify */
#define NOTIFY_MAX    1024
#define READY_IN_LOG  "Ready to accept connections"
#define READY_MESSAGE "READY=1"

enum child_at {
    CHILD_IDLE,
    CHILD_STARTING,
    CHILD_UP,
    CHILD_RESTING,
    CHILD_STOPPING,
    CHILD_STOPPED
};

struct redis_child {
    struct ev_loop *loop;
    struct ticker *ticker;
    struct redis_child_options options; /* its text is ours: */
    struct redis_child_events events;
    char *dir, *given, *url, *program;

    enum child_at at;
    pid_t pid; /* 0: none */
    int pidfd, notify_fd;
    ev_io death, notify;
    struct alarm alarm;
    uint64_t spawned_ms, up_ms;
    unsigned failures; /* in a row */
    bool was_up;
    off_t log_from; /* where in its log this process began */
};

static void signal_child(const struct redis_child *c, int sig)
{
    child_signal(c->pidfd, c->pid, sig);
}

/* ---- readiness ------------------------------------------------------------------------------- */

static void came_up(struct redis_child *c)
{
    c->at = CHILD_UP;
    c->was_up = true;
    c->up_ms = clock_mono_ms();
    ticker_cancel(c->ticker, &c->alarm);
    log_info("redis_up", LOG_INT("pid", c->pid), LOG_TEXT("redis", c->url),
             LOG_INT("start_ms", c->up_ms - c->spawned_ms));
    c->events.on_up(c->events.ctx);
}

/* One message, as text; false: no more. */
static bool read_notify(struct redis_child *c, char text[NOTIFY_MAX + 1])
{
    ssize_t len;

    do len = recv(c->notify_fd, text, NOTIFY_MAX, 0);
    while (len < 0 && errno == EINTR);
    if (len < 0) return false;
    text[len] = '\0';
    return true;
}

static void on_notify(struct ev_loop *loop, ev_io *w, int revents)
{
    struct redis_child *c = container_of(w, struct redis_child, notify);
    char text[NOTIFY_MAX + 1];
    bool ready = false;

    (void)loop, (void)revents;
    while (read_notify(c, text)) ready = ready || strstr(text, READY_MESSAGE);
    if (c->at != CHILD_STARTING) return;
    ticker_cancel(c->ticker, &c->alarm); /* it can notify: no need to look into its log */
    if (ready) came_up(c);
}

static enum pinion_err open_notify(struct redis_child *c, struct error *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/" REDIS_CONF_NOTIFY, c->options.dir);
    unlink(address.sun_path); /* of a service that was killed; ours is the lock */
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address)) {
        enum pinion_err err = error_set(why, PINION_UNAVAILABLE, "cannot listen at %s: %s",
                                        address.sun_path, strerror(errno));
        if (fd >= 0) close(fd);
        return err;
    }
    c->notify_fd = fd;
    ev_io_init(&c->notify, on_notify, fd, EV_READ);
    ev_io_start(c->loop, &c->notify);
    return PINION_OK;
}

static void close_notify(struct redis_child *c)
{
    if (c->notify_fd < 0) return;
    ev_io_stop(c->loop, &c->notify);
    close(c->notify_fd);
    c->notify_fd = -1;
    state_file_remove(c->options.dir, REDIS_CONF_NOTIFY);
}

/* ---- birth and death ------------------------------------------------------------------------- */

static void on_death(struct ev_loop *, ev_io *, int revents);

static enum pinion_err spawn(struct redis_child *c, struct error *why)
{
    struct buffer conf = BUFFER_INIT;
    char stale[NOTIFY_MAX + 1];
    enum pinion_err err;

    while (read_notify(c, stale)) continue; /* the last process's message is not this one's */
    redis_log_rotate(c->options.dir);
    c->log_from = redis_log_end(c->options.dir);
    redis_conf_write(&conf, &c->options);
    err = redis_spawn(&(struct redis_spawn){.program = c->program,
                                            .dir = c->options.dir,
                                            .conf = conf.data,
                                            .conf_len = conf.len,
                                            .lock_fd = c->options.lock_fd},
                      &c->pid, &c->pidfd, why);
    buffer_deinit(&conf);
    if (err) return err;
    c->at = CHILD_STARTING;
    c->spawned_ms = clock_mono_ms();
    ev_io_init(&c->death, on_death, c->pidfd, EV_READ);
    ev_io_start(c->loop, &c->death);
    ticker_set_in(c->ticker, &c->alarm, LOOK_MS);
    return PINION_OK;
}

static void stopped(struct redis_child *c)
{
    c->at = CHILD_STOPPED;
    close_notify(c);
    ticker_cancel(c->ticker, &c->alarm);
    log_info("redis_stopped", LOG_TEXT("redis", c->url));
    c->events.on_stopped(c->events.ctx); /* may free us: last */
}

static void rest(struct redis_child *c, const struct error *why)
{
    uint64_t rest_ms = REDIS_CHILD_REST_MS_MIN;

    if (c->at == CHILD_UP && clock_mono_ms() - c->up_ms >= REDIS_CHILD_STEADY_MS) c->failures = 0;
    for (unsigned i = 0; i < c->failures && rest_ms < REDIS_CHILD_REST_MS_MAX; i++) rest_ms *= 2;
    if (rest_ms > REDIS_CHILD_REST_MS_MAX) rest_ms = REDIS_CHILD_REST_MS_MAX;
    c->failures++;
    c->at = CHILD_RESTING;
    ticker_set_in(c->ticker, &c->alarm, rest_ms);
    log_warn("redis_down", LOG_TEXT("why", why->text), LOG_INT("restart_ms", rest_ms));
    c->events.on_down(c->events.ctx, why);
}

/* What a user needs to hear: how it ended (`end`; NULL: nobody knows), and its last words. */
static void describe(const struct redis_child *c, const siginfo_t *end, struct error *why)
{
    char said[REDIS_LOG_SAID_MAX + 1], how[48];
    const char *hint = "";

    redis_log_said(c->options.dir, c->log_from, said);
    if (!end)
        snprintf(how, sizeof how, "ended");
    else if (end->si_code == CLD_EXITED)
        snprintf(how, sizeof how, "ended with status %d", end->si_status);
    else
        snprintf(how, sizeof how, "was ended by signal %d", end->si_status);
    if (strstr(said, "Bad directive")) hint = " (Redis 7.0 or newer is needed)";
    error_set(why, PINION_UNAVAILABLE, "redis-server %s%s%s; it said: %s", how,
              c->at == CHILD_UP ? "" : " before it was ready", hint, *said ? said : "nothing");
}

static void on_death(struct ev_loop *loop, ev_io *w, int revents)
{
    struct redis_child *c = container_of(w, struct redis_child, death);
    struct error why = {0};
    siginfo_t end;
    enum child_seen seen = child_end_look(c->pidfd, c->pid, 0, &end);

    (void)revents;
    if (seen == CHILD_RUNS) return;
    describe(c, seen == CHILD_LOST ? NULL : &end, &why);
    ev_io_stop(loop, &c->death);
    close(c->pidfd);
    c->pid = 0;
    c->pidfd = -1;
    if (c->at == CHILD_STOPPING)
        stopped(c);
    else
        rest(c, &why);
}

static void on_alarm(struct alarm *alarm)
{
    struct redis_child *c = container_of(alarm, struct redis_child, alarm);
    struct error why;

    switch (c->at) {
    case CHILD_STARTING: /* no word from it yet: perhaps a build that cannot notify */
        if (redis_log_has(c->options.dir, c->log_from, READY_IN_LOG))
            came_up(c);
        else
            ticker_set_in(c->ticker, &c->alarm, LOOK_MS);
        return;
    case CHILD_RESTING:
        if (spawn(c, &why)) rest(c, &why);
        return;
    case CHILD_STOPPING:
        if (!c->pid) {
            stopped(c);
            return;
        }
        log_warn("redis_killed", LOG_INT("pid", c->pid), LOG_INT("after_ms", c->options.stop_ms));
        signal_child(c, SIGKILL);
        return;
    case CHILD_IDLE:
    case CHILD_UP:
    case CHILD_STOPPED: break;
    }
    assert(0 && "no alarm is set in this state");
}

/* ---- public ---------------------------------------------------------------------------------- */

struct redis_child *redis_child_new(struct ev_loop *loop, struct ticker *ticker,
                                    const struct redis_child_options *options,
                                    const struct redis_child_events *events)
{
    struct redis_child *c = xcalloc(1, sizeof *c);

    assert(events->on_up && events->on_down && events->on_stopped);
    c->loop = loop;
    c->ticker = ticker;
    c->options = *options;
    c->options.dir = c->dir = xstrdup(options->dir);
    c->options.program = c->given = xstrdup(options->program);
    if (!options->stop_ms) c->options.stop_ms = REDIS_CHILD_STOP_MS;
    c->events = *events;
    c->url = xasprintf("unix://%s/" STATE_SOCKET, options->dir);
    c->notify_fd = c->pidfd = -1;
    alarm_init(&c->alarm, on_alarm);
    return c;
}

void redis_child_free(struct redis_child *c)
{
    if (!c) return;
    assert(c->at == CHILD_IDLE || c->at == CHILD_STOPPED);
    free(c->dir);
    free(c->given);
    free(c->url);
    free(c->program);
    free(c);
}

/* Without a log of changes, Redis does not read an existing one either: its jobs would seem gone,
 * and come back at the next start with a log. */
static enum pinion_err check_store(const struct redis_child *c, struct error *why)
{
    char *store = xasprintf("%s/" REDIS_CONF_STORE, c->options.dir);
    char *log = xasprintf("%s/" REDIS_CONF_APPEND, store);
    enum pinion_err err = state_folder_make(store, why);
    DIR *entries = err || c->options.fsync != REDIS_FSYNC_NO ? NULL : opendir(log);

    if (entries) {
        closedir(entries);
        err = error_set(why, PINION_CONFLICT,
                        "%s holds durable jobs, which --fsync no would not read: name another "
                        "folder by --state",
                        c->options.dir);
    }
    free(store);
    free(log);
    return err;
}

enum pinion_err redis_child_start(struct redis_child *c, struct error *why)
{
    enum pinion_err err = check_store(c, why);

    assert(c->at == CHILD_IDLE);
    if (!err && !c->program) err = redis_spawn_find(c->options.program, &c->program, why);
    if (!err) err = open_notify(c, why);
    if (!err) err = spawn(c, why);
    if (err) close_notify(c);
    return err;
}

void redis_child_stop(struct redis_child *c)
{
    if (c->at == CHILD_STOPPING || c->at == CHILD_STOPPED) return;
    c->at = CHILD_STOPPING;
    if (c->pid) signal_child(c, SIGTERM);
    ticker_set_in(c->ticker, &c->alarm, c->pid ? c->options.stop_ms : 0);
}

const char *redis_child_url(const struct redis_child *c)
{
    return c->url;
}

bool redis_child_up(const struct redis_child *c)
{
    return c->at == CHILD_UP;
}

bool redis_child_was_up(const struct redis_child *c)
{
    return c->was_up;
}

long redis_child_pid(const struct redis_child *c)
{
    return c->pid;
}
