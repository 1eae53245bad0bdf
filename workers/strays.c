#include "workers/strays.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "scheduler/ticker.h"
#include "workers/process.h"
#include "workers/process_table.h"

#define JOB_VARIABLE     "PINION_JOB_ID="
#define CHILDREN_BYTES   65536
#define ENVIRON_BYTES    (256 * 1024) /* more is not looked through */
#define LATEST_LOOK_MS   3600000      /* the gap between two looks does not grow beyond this */

struct strays {
    struct ticker *ticker;
    pid_t (*spared)(void *ctx);
    void *ctx;
    struct list running; /* of struct process */
    struct alarm look;
    uint64_t gap_ms; /* before the look that is set */
    bool unclear;    /* the last look met one that may yet turn out to be a job's */
};

static bool read_all(const char *path, size_t bytes_max, struct buffer *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : 1;

    while (got > 0 && out->len < bytes_max) {
        got = read(fd, buffer_reserve(out, 4096), 4096);
        if (got > 0) out->len += (size_t)got;
    }
    if (fd >= 0) close(fd);
    return got >= 0;
}

/* Orphans fall to the main thread, which is the loop's. */
static bool read_children(struct buffer *out)
{
    char path[48];

    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    if (!read_all(path, CHILDREN_BYTES, out)) return false;
    buffer_add_char(out, '\0');
    return true;
}

static bool is_ours(struct strays *s, pid_t pid)
{
    if (pid == s->spared(s->ctx)) return true;
    for (struct list *at = s->running.next; at != &s->running; at = at->next)
        if (container_of(at, struct process, among)->pid == pid) return true;
    return false;
}

static bool job_runs(struct strays *s, const char *id)
{
    for (struct list *at = s->running.next; at != &s->running; at = at->next) {
        const char *tag = container_of(at, struct process, among)->tag;
        if (tag && strcmp(tag, id) == 0) return true;
    }
    return false;
}

/* true: it belongs to a job that does not run. One that is about to become another program has no
 * environment for a moment, just as one that wiped it has none for good; that of one that is about
 * to end cannot even be opened, and it is to be reaped when it has ended. */
static bool is_left_behind(struct strays *s, pid_t pid)
{
    struct buffer text = BUFFER_INIT;
    char path[32];
    bool found = false, left = false;

    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    read_all(path, ENVIRON_BYTES, &text);
    if (!text.len) s->unclear = true;
    buffer_add_char(&text, '\0');
    for (size_t at = 0; at < text.len && !found; at += strlen(text.data + at) + 1) {
        found = strncmp(text.data + at, JOB_VARIABLE, strlen(JOB_VARIABLE)) == 0;
        left = found && !job_runs(s, text.data + at + strlen(JOB_VARIABLE));
    }
    buffer_deinit(&text);
    return left;
}

/* true: there is something more to be done about it, later. */
static bool look_at(struct strays *s, pid_t pid)
{
    struct process_stat now;
    int pidfd;

    if (is_ours(s, pid) || !process_stat_read(pid, &now)) return false;
    if (process_stat_ended(&now)) {
        /* In our session it may be somebody else's, who waits for it. */
        if (now.session != getsid(0)) waitpid(pid, NULL, WNOHANG);
        return false;
    }
    if (!is_left_behind(s, pid)) return false;
    pidfd = process_kill_seen(&now, SIGKILL);
    if (pidfd < 0) return false;
    close(pidfd);
    log_info("stray_killed", LOG_INT("pid", pid));
    return true;
}

/* true: something was killed, so it must be reaped, and its own children are ours next. */
static bool look(struct strays *s)
{
    struct buffer text = BUFFER_INIT;
    bool again = false;
    char *at, *end;

    s->unclear = false;
    if (read_children(&text)) {
        at = text.data;
        for (long pid = strtol(at, &end, 10); end != at; pid = strtol(at, &end, 10)) {
            if (look_at(s, (pid_t)pid)) again = true;
            at = end;
        }
    }
    buffer_deinit(&text);
    return again;
}

static void look_in(struct strays *s, uint64_t gap_ms)
{
    s->gap_ms = gap_ms < LATEST_LOOK_MS ? gap_ms : LATEST_LOOK_MS;
    ticker_set_in(s->ticker, &s->look, s->gap_ms);
}

/* While something is unclear, each gap is twice the one before: a wiped environment stays so. */
static void on_look(struct alarm *alarm)
{
    struct strays *s = container_of(alarm, struct strays, look);

    if (look(s)) look_in(s, STRAYS_LOOK_MS);
    else if (s->unclear) look_in(s, 2 * s->gap_ms);
}

void strays_began(struct strays *s, struct process *p, const char *tag)
{
    p->tag = tag;
    list_push(&s->running, &p->among);
}

void strays_look(struct strays *s)
{
    if (!alarm_pending(&s->look) || s->gap_ms > STRAYS_LOOK_MS) look_in(s, STRAYS_LOOK_MS);
}

void strays_ended(struct strays *s, struct process *p)
{
    list_remove(&p->among);
    p->tag = NULL;
    strays_look(s);
}

enum pinion_err strays_new(struct ticker *ticker, pid_t (*spared)(void *ctx), void *ctx,
                           struct strays **ret_strays, struct error *why)
{
    struct buffer text = BUFFER_INIT;
    bool told = read_children(&text);
    struct strays *s;

    buffer_deinit(&text);
    if (!told)
        return error_set(why, PINION_UNAVAILABLE, "/proc does not list the children of a process");
    if (prctl(PR_SET_CHILD_SUBREAPER, 1L, 0L, 0L, 0L))
        return error_set(why, PINION_UNAVAILABLE, "cannot become a subreaper: %s",
                         strerror(errno));
    s = xcalloc(1, sizeof *s);
    s->ticker = ticker;
    s->spared = spared;
    s->ctx = ctx;
    list_init(&s->running);
    alarm_init(&s->look, on_look);
    *ret_strays = s;
    return PINION_OK;
}

void strays_free(struct strays *s)
{
    if (!s) return;
    ticker_cancel(s->ticker, &s->look);
    for (int pass = 0; pass < PROCESS_STRAY_PASSES && look(s); pass++) continue;
    prctl(PR_SET_CHILD_SUBREAPER, 0L, 0L, 0L, 0L);
    free(s);
}
