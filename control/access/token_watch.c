#include "control/access/token_watch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "base/log.h"
#include "base/macros.h"
#include "control/access/token_file.h"

/* The folder, for the file is replaced. Written in place, by an editor, or removed counts too. */
#define WATCHED (IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE | IN_ONLYDIR)

union events {
    struct inotify_event first; /* for its alignment */
    char bytes[4096];
};

static bool names_tokens(const union events *events, size_t len)
{
    for (size_t at = 0; at + sizeof events->first <= len;) {
        struct inotify_event event;
        memcpy(&event, events->bytes + at, sizeof event);
        const char *name = events->bytes + at + sizeof event;
        if (event.mask & IN_Q_OVERFLOW) return true; /* who knows */
        if (event.len && strcmp(name, TOKEN_FILE_NAME) == 0) return true;
        at += sizeof event + event.len;
    }
    return false;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
    struct token_watch *w = container_of(io, struct token_watch, readable);
    union events events;
    bool changed = false;
    ssize_t got;

    (void)loop, (void)revents;
    while ((got = read(w->fd, events.bytes, sizeof events.bytes)) > 0)
        changed |= names_tokens(&events, (size_t)got);
    if (changed) w->changed(w->ctx);
}

void token_watch_start(struct token_watch *w, struct ev_loop *loop, const char *dir,
                       void (*changed)(void *ctx), void *ctx)
{
    *w = (struct token_watch){.loop = loop, .changed = changed, .ctx = ctx};
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0 || inotify_add_watch(w->fd, dir, WATCHED) < 0) {
        log_warn("tokens_not_watched", LOG_TEXT("error", strerror(errno)),
                 LOG_TEXT("until", "SIGHUP tells of changes"));
        if (w->fd >= 0) close(w->fd);
        w->fd = -1;
        return;
    }
    ev_io_init(&w->readable, on_readable, w->fd, EV_READ);
    ev_io_start(loop, &w->readable);
    ev_unref(loop); /* it is no reason to keep a loop alive that others run */
}

void token_watch_stop(struct token_watch *w)
{
    if (w->fd < 0) return;
    ev_ref(w->loop);
    ev_io_stop(w->loop, &w->readable);
    close(w->fd);
    w->fd = -1;
}
