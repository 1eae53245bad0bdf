/* cli/top/top.c — a live view of queues, servers and schedules.
 *
 *      every second ──► source ──seen──► model ──► view ──► screen ──diff──► terminal
 *      keys, another size ─────────────────────────► ┘
 *
 * One loop, on which nothing blocks: a Redis that is slow or gone keeps no key waiting. Where there
 * is no terminal, it looks twice, for the rates lie between two looks, prints one frame and ends.
 */
#include "cli/connect.h"
#include "cli/flags.h"
#include "cli/table.h"
#include "cli/top/keys.h"
#include "cli/top/model.h"
#include "cli/top/source.h"
#include "cli/top/terminal.h"
#include "cli/top/view.h"
#include "cli/verbs.h"

#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"

#define ESCAPE_WAIT_S 0.05 /* a sequence comes in one piece, but over a slow line */
#define PLAIN_WIDTH   120  /* of a frame for a pipe or a file */

struct top_flags {
    struct common common;
    uint64_t      every_ms;
    bool          once;
};

#define AT(field) offsetof(struct top_flags, field)

static const struct flag flags[] = {
    {"every", 'd', FLAG_DURATION, AT(every_ms), 100, 3600000, "DURATION",
     "look so often; default: 1s"},
    {"once", '1', FLAG_SWITCH, AT(once), 0, 0, NULL, "print one frame and end, as into a pipe"},
};

static const struct command command = {
    .name = "top",
    .usage = "[FLAGS]",
    .about = "Shows queues, kinds, servers and schedules live: how many jobs wait and run, how\n"
             "fast they come, end and fail, what is slow, what is due next. h explains the keys.\n"
             "Without a terminal, or by --once or --json, it prints what one interval gave.",
    .examples = "pinion top\npinion top --every 5s\npinion top --once\n"
                "pinion top --json | jq .sum.rates",
    .flags = flags,
    .flags_count = countof(flags),
    .common_at = AT(common),
};

struct top {
    const struct top_flags *flags;
    struct ev_loop *loop;
    struct source *source;
    struct model model;
    struct view view;
    struct screen shown; /* no cells: the terminal is to be drawn anew */
    struct buffer typed;
    int64_t now_ms; /* of what is shown, by Redis's clock */
    unsigned looks;
    int signal;          /* that ends it; 0: none */
    enum pinion_err err; /* of a frame that is printed once */
    bool live, colours;
    ev_timer every, escape;
    ev_io input;
    ev_signal ends[3], size, stopped;
};

/* ---- the picture ----------------------------------------------------------------------------- */

static void draw(struct top *t)
{
    struct buffer out = BUFFER_INIT;
    struct screen wanted;
    unsigned width, height;

    if (!t->live) return;
    terminal_size(&width, &height);
    screen_init(&wanted, width, height);
    view_draw(&t->view, t->model.now, t->now_ms ? t->now_ms : clock_wall_ms(), &wanted);
    screen_diff(t->shown.cells ? &t->shown : NULL, &wanted, t->colours, &out);
    terminal_write((struct span){out.data, out.len});
    screen_deinit(&t->shown);
    t->shown = wanted;
    buffer_deinit(&out);
}

static void draw_anew(struct top *t)
{
    screen_deinit(&t->shown);
    draw(t);
}

/* ---- what was seen --------------------------------------------------------------------------- */

static int64_t clock_of(const struct fleet_view *fleet)
{
    int64_t us = 0;

    for (size_t i = 0; i < fleet->count; i++)
        if (fleet->queues[i].view.now_us > us) us = fleet->queues[i].view.now_us;
    return us ? us / 1000 : clock_wall_ms();
}

static void on_seen(void *ctx, const struct fleet_view *fleet, const json_t *schedules)
{
    struct top *t = ctx;

    t->view.problem = NULL;
    if (t->view.paused) return;
    t->now_ms = clock_of(fleet);
    model_look(&t->model, fleet, schedules, t->now_ms);
    if (!t->live && ++t->looks == 2) ev_break(t->loop, EVBREAK_ALL);
    draw(t);
}

static void on_failed(void *ctx, enum pinion_err err)
{
    struct top *t = ctx;

    t->view.problem = err == PINION_UNAVAILABLE ? "Redis does not answer; trying on"
                                                : "Redis holds what this version does not know";
    t->err = err;
    if (!t->live) ev_break(t->loop, EVBREAK_ALL);
    draw(t);
}

static void on_every(struct ev_loop *loop, ev_timer *w, int events)
{
    struct top *t = container_of(w, struct top, every);

    (void)loop, (void)events;
    if (!t->view.paused) source_look(t->source);
}

/* ---- keys and signals ------------------------------------------------------------------------ */

static void obey(struct top *t, int key)
{
    unsigned width, height;

    terminal_size(&width, &height);
    switch (view_key(&t->view, key, t->model.now, width, height)) {
    case VIEW_NOTHING: break;
    case VIEW_LOOK: source_look(t->source); draw(t); break;
    case VIEW_DRAW: draw(t); break;
    case VIEW_QUIT: ev_break(t->loop, EVBREAK_ALL); break;
    }
}

static void take_keys(struct top *t, bool all)
{
    struct span bytes = {t->typed.data, t->typed.len};
    int key;

    while ((key = key_take(&bytes, all)) != KEY_NONE) obey(t, key);
    buffer_consume(&t->typed, t->typed.len - bytes.len);
    ev_timer_stop(t->loop, &t->escape);
    if (t->typed.len) {
        ev_timer_set(&t->escape, ESCAPE_WAIT_S, 0.);
        ev_timer_start(t->loop, &t->escape);
    }
}

static void on_escape(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    take_keys(container_of(w, struct top, escape), true);
}

/* A terminal that is gone says so by its end. */
static void on_input(struct ev_loop *loop, ev_io *w, int events)
{
    struct top *t = container_of(w, struct top, input);
    char bytes[256];
    ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);

    (void)events;
    if (got <= 0) {
        ev_break(loop, EVBREAK_ALL);
        return;
    }
    buffer_add(&t->typed, bytes, (size_t)got);
    take_keys(t, false);
}

static void on_end(struct ev_loop *loop, ev_signal *w, int events)
{
    struct top *t = w->data;

    (void)events;
    t->signal = w->signum;
    ev_break(loop, EVBREAK_ALL);
}

static void on_size(struct ev_loop *loop, ev_signal *w, int events)
{
    (void)loop, (void)events;
    draw_anew(container_of(w, struct top, size));
}

/* Ctrl-Z: the shell gets its terminal as it was, and we take it again when we go on. */
static void on_stopped(struct ev_loop *loop, ev_signal *w, int events)
{
    struct top *t = container_of(w, struct top, stopped);
    struct error why;

    (void)events;
    terminal_give_back();
    raise(SIGSTOP);
    if (terminal_take(&why)) ev_break(loop, EVBREAK_ALL);
    else draw_anew(t);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void watch(struct top *t)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    double every_s = (double)t->flags->every_ms / 1000;

    ev_timer_init(&t->every, on_every, every_s, every_s);
    ev_timer_start(t->loop, &t->every);
    for (size_t i = 0; i < countof(ends); i++) {
        ev_signal_init(&t->ends[i], on_end, ends[i]);
        t->ends[i].data = t;
        ev_signal_start(t->loop, &t->ends[i]);
    }
    if (!t->live) return;
    ev_timer_init(&t->escape, on_escape, ESCAPE_WAIT_S, 0.);
    ev_io_init(&t->input, on_input, STDIN_FILENO, EV_READ);
    ev_io_start(t->loop, &t->input);
    ev_signal_init(&t->size, on_size, SIGWINCH);
    ev_signal_start(t->loop, &t->size);
    ev_signal_init(&t->stopped, on_stopped, SIGTSTP);
    ev_signal_start(t->loop, &t->stopped);
}

static void unwatch(struct top *t)
{
    ev_timer_stop(t->loop, &t->every);
    for (size_t i = 0; i < countof(t->ends); i++) ev_signal_stop(t->loop, &t->ends[i]);
    if (!t->live) return;
    ev_timer_stop(t->loop, &t->escape);
    ev_io_stop(t->loop, &t->input);
    ev_signal_stop(t->loop, &t->size);
    ev_signal_stop(t->loop, &t->stopped);
}

static void print_frame(struct top *t)
{
    struct buffer out = BUFFER_INIT;
    struct screen screen;
    unsigned width = PLAIN_WIDTH, height;

    if (isatty(STDOUT_FILENO)) terminal_size(&width, &height);
    if (width < VIEW_WIDTH_MIN) width = VIEW_WIDTH_MIN;
    screen_init(&screen, width, view_height(t->model.now));
    view_draw_plain(&t->view, t->model.now, t->now_ms, &screen);
    screen_text(&screen, t->colours, &out);
    fwrite(out.data, 1, out.len, stdout);
    screen_deinit(&screen);
    buffer_deinit(&out);
}

static int end_once(struct top *t)
{
    struct error why = {.code = t->err};

    if (t->signal) return 128 + t->signal;
    if (t->err) {
        error_set(&why, t->err, "%s", t->view.problem);
        return cli_fail(&why);
    }
    if (t->flags->common.json) json_print(json_incref(t->model.now));
    else print_frame(t);
    return cli_finish(0);
}

/* Gives the exit status. What the link has to say stands in the picture: a log would spoil it. */
static int run(struct top *t, const struct session *session)
{
    struct source_options options = {.loop = t->loop,
                                     .url = &session->url,
                                     .name_space = session->name_space,
                                     .allow_eviction = t->flags->common.allow_eviction,
                                     .seen = on_seen,
                                     .failed = on_failed,
                                     .ctx = t};
    struct error why;

    if (t->live && terminal_take(&why)) return cli_fail(&why);
    log_set(LOG_LEVELS, LOG_AS_TEXT);
    t->source = source_new(&options);
    watch(t);
    draw(t);
    ev_run(t->loop, 0);
    unwatch(t);
    terminal_give_back();
    source_free(t->source);
    if (!t->live) return end_once(t);
    return t->signal && t->signal != SIGINT ? 128 + t->signal : 0;
}

static void init(struct top *t, const struct top_flags *f, const char *where)
{
    *t = (struct top){.flags = f, .loop = ev_loop_new(EVFLAG_AUTO)};
    t->live = !f->once && !f->common.json && terminal_there();
    t->colours = colour_on(STDOUT_FILENO);
    view_init(&t->view, where, f->every_ms);
}

int top_main(int argc, char **argv)
{
    struct top_flags values = {.common = COMMON_INIT, .every_ms = 1000};
    struct session session;
    struct error why = {0};
    struct top top;
    char *where;
    int first, status;

    if (!flags_read(&command, argc, argv, &values, &first, &status)) return status;
    if (session_open(&values.common, &session, &why)) return cli_fail(&why);
    where = redis_url_text(&session.url);
    init(&top, &values, where);
    status = run(&top, &session);
    ev_loop_destroy(top.loop);
    model_deinit(&top.model);
    screen_deinit(&top.shown);
    buffer_deinit(&top.typed);
    session_close(&session);
    free(where);
    return status;
}
