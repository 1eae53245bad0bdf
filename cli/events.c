/* cli/events.c — follows events in a terminal: the same hub as that of a server, in a loop of its
 * own. */
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "base/macros.h"
#include "cli/connect.h"
#include "cli/events_print.h"
#include "cli/verbs.h"
#include "control/events/hub.h"
#include "control/fleet.h"
#include "queue/link.h"
#include "scheduler/ticker.h"

struct events_flags {
    struct common common;
    struct buffer queues, kinds, types;
    uint64_t count;
};

static const struct flag flags[] = {
    {"queue", 'q', FLAG_TEXTS, offsetof(struct events_flags, queues), 0, 0, "QUEUE",
     "only of this queue; may be given again"},
    {"kind", 'k', FLAG_TEXTS, offsetof(struct events_flags, kinds), 0, 0, "KIND",
     "only of jobs of this kind, or 'user.*'; may be given again"},
    {"type", 't', FLAG_TEXTS, offsetof(struct events_flags, types), 0, 0, "TYPE",
     "only job, progress, queue, schedule or server events"},
    {"count", 'n', FLAG_NUMBER, offsetof(struct events_flags, count), 1, 0, "N",
     "end after so many lines"},
};

static const struct command command = {
    .name = "events",
    .usage = "[FLAGS]",
    .about = "Prints what happens in all queues, as it happens, until Ctrl-C: jobs that change\n"
             "their state, counts of queues, fires of schedules, servers that come and go. It\n"
             "begins with the queues and servers as they are. Of jobs that change in great\n"
             "numbers, some are named and the others counted.",
    .examples = "pinion events\npinion events --queue mail --type job\n"
                "pinion events --kind 'user.*' --json | jq -r 'select(.state == \"dead\").job'",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = offsetof(struct events_flags, common),
};

struct follower {
    struct listener listener;
    struct session session;
    struct ev_loop *loop;
    struct ticker *ticker;
    struct link *link;
    struct fleet *fleet;
    struct hub *hub;
    ev_signal interrupt, terminate;
    ev_io reader;
    struct error why;
    bool json;
    uint64_t left; /* lines; 0: no bound */
};

static void end(struct follower *f)
{
    ev_break(f->loop, EVBREAK_ALL);
}

/* A reader that left, such as `head`, is no failure. */
static bool print_frame(struct listener *listener, struct frame *frame)
{
    struct follower *f = container_of(listener, struct follower, listener);
    uint64_t printed =
        events_print((struct span){frame->json.data, frame->json.len}, f->json, f->left);

    if (f->left && (f->left -= printed) == 0) end(f);
    if (fflush(stdout) == 0) return true;
    if (errno != EPIPE)
        f->why.code = error_set(&f->why, PINION_INTERNAL, "stdout: %s", strerror(errno));
    clearerr(stdout);
    end(f);
    return true;
}

/* ---- the link -------------------------------------------------------------------------------- */

static void on_lost(void *ctx)
{
    hub_lost(((struct follower *)ctx)->hub);
}

static void on_subscribed(void *ctx)
{
    hub_again(((struct follower *)ctx)->hub);
}

static void on_up(void *ctx, const struct redis_info *info)
{
    (void)info;
    hub_again(((struct follower *)ctx)->hub);
}

static void on_refused(void *ctx, const struct error *why)
{
    struct follower *f = ctx;

    f->why = *why;
    end(f);
}

static void on_message(void *ctx, struct span channel, struct span text)
{
    hub_message(((struct follower *)ctx)->hub, channel, text);
}

static int64_t now_ms(void *ctx)
{
    return sync_now_ms(((struct follower *)ctx)->session.sync);
}

static void on_signal(struct ev_loop *loop, ev_signal *signal, int events)
{
    (void)signal, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void watch_signal(struct follower *f, ev_signal *watcher, int signal)
{
    ev_signal_init(watcher, on_signal, signal);
    ev_signal_start(f->loop, watcher);
}

static void on_reader_left(struct ev_loop *loop, ev_io *reader, int events)
{
    (void)reader, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

/* The end of a pipe for writing tells one thing only: that nobody reads any more. Else that would
 * be noticed with the next event, which may never come. */
static void watch_reader(struct follower *f)
{
    struct stat about;

    ev_io_init(&f->reader, on_reader_left, STDOUT_FILENO, EV_READ);
    if (fstat(STDOUT_FILENO, &about) == 0 && S_ISFIFO(about.st_mode))
        ev_io_start(f->loop, &f->reader);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void begin(struct follower *f, const struct events_flags *v)
{
    struct link_options link = {
        .url = f->session.url,
        .name_space = f->session.name_space,
        .allow_eviction = v->common.allow_eviction,
        .on_up = on_up,
        .on_down = on_lost,
        .on_refused = on_refused,
        .on_subscribed = on_subscribed,
        .on_unsubscribed = on_lost,
        .on_message = on_message,
        .ctx = f,
    };

    log_set(LOG_ERROR, LOG_AS_TEXT);
    f->json = v->common.json;
    f->left = v->count;
    f->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    f->ticker = ticker_new(f->loop);
    f->link = link_new(f->loop, &link);
    f->fleet = fleet_new(f->link, f->session.name_space);
    f->hub = hub_new(&(struct hub_options){.loop = f->loop,
                                           .link = f->link,
                                           .ticker = f->ticker,
                                           .fleet = f->fleet,
                                           .name_space = f->session.name_space,
                                           .now_ms = now_ms,
                                           .ctx = f});
    watch_signal(f, &f->interrupt, SIGINT);
    watch_signal(f, &f->terminate, SIGTERM);
    watch_reader(f);
    link_start(f->link);
}

static void finish(struct follower *f)
{
    hub_leave(f->hub, &f->listener);
    hub_stop(f->hub);
    link_stop(f->link);
    while (!link_is_idle(f->link)) ev_run(f->loop, EVRUN_ONCE);
    hub_free(f->hub);
    fleet_free(f->fleet);
    link_free(f->link);
    ev_io_stop(f->loop, &f->reader);
    ev_signal_stop(f->loop, &f->interrupt);
    ev_signal_stop(f->loop, &f->terminate);
    ticker_free(f->ticker);
    ev_loop_destroy(f->loop);
}

static struct span text_of(const struct buffer *b)
{
    return (struct span){b->data, b->len};
}

static enum pinion_err filter_of(const struct events_flags *v, struct event_filter *f,
                                 struct error *why)
{
    enum pinion_err err = PINION_OK;

    f->with_kind = true;
    if (v->queues.len) err = event_filter_queues(f, text_of(&v->queues), why);
    if (!err && v->kinds.len) err = event_filter_kinds(f, text_of(&v->kinds), why);
    if (!err && v->types.len) err = event_filter_types(f, text_of(&v->types), why);
    return err;
}

static enum pinion_err follow(const struct events_flags *v, struct error *why)
{
    struct event_filter filter = EVENT_FILTER_INIT;
    struct follower f = {.listener.frame = print_frame};
    enum pinion_err err = filter_of(v, &filter, why);

    if (!err) err = session_open(&v->common, &f.session, why);
    if (!err) {
        begin(&f, v);
        hub_listen(f.hub, &f.listener, &filter, HUB_FRAMES_MAX, (struct span){0});
        ev_run(f.loop, 0);
        finish(&f);
        session_close(&f.session);
        *why = f.why;
        err = f.why.code;
    }
    event_filter_deinit(&filter);
    return err;
}

int events_main(int argc, char **argv)
{
    struct events_flags v = {.common = COMMON_INIT};
    struct error why = {0};
    int first, status;

    if (!flags_read(&command, argc, argv, &v, &first, &status)) return status;
    status = follow(&v, &why) ? cli_fail(&why) : cli_finish(0);
    buffer_deinit(&v.queues);
    buffer_deinit(&v.kinds);
    buffer_deinit(&v.types);
    return status;
}
