/* examples/timers.c — all kinds of timers, and a thread that calls back onto the loop.
 *
 *     timers STATE_DIR
 *
 * Timers need the loop only: this program fires all of its own before its service, and the Redis
 * that comes with it, would be needed. It ends by itself, in about a second.
 */
#include <ev.h>
#include <pinion.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define BEATS     5
#define BEAT_MS   100
#define STALL_MS  250
#define ANSWERS   3
#define GIVE_UP_S 10.

struct app {
    struct pinion_service *service;
    struct pinion_timer *beat, *nightly;
    unsigned beats, answers, missed;
};

/* Again and again. The third beat is slow: ticks that pass meanwhile are not made up for. */
static void on_beat(struct pinion_timer *timer, void *ctx)
{
    struct app *app = ctx;
    unsigned missed = (unsigned)pinion_timer_missed(timer);

    app->missed += missed;
    printf("beat %u, %u missed\n", ++app->beats, missed);
    if (app->beats == 3) /* a handler must never do this; it shows what would happen */
        nanosleep(&(struct timespec){.tv_nsec = STALL_MS * 1000000L}, NULL);
    if (app->beats == BEATS) pinion_timer_cancel(timer);
}

static void on_later(struct pinion_timer *timer, void *ctx)
{
    (void)timer, (void)ctx;
    printf("later: 30 ms have passed\n");
}

static void on_second(struct pinion_timer *timer, void *ctx)
{
    struct app *app = ctx;

    (void)timer;
    printf("at: the wall clock shows a full second\n");
    pinion_timer_cancel(app->nightly); /* would keep the loop alive */
}

static void on_night(struct pinion_timer *timer, void *ctx)
{
    (void)timer, (void)ctx;
    printf("cron: four in the morning\n");
}

/* ---- a thread, which may touch the loop by pinion_call_soon alone ---------------------------- */

struct answer {
    struct pinion_soon soon; /* embedded: nothing to allocate, nothing to lock */
    struct app *app;
    unsigned number, square;
};

static void on_answer(struct pinion_soon *soon, void *ctx)
{
    const struct answer *answer = ctx;

    (void)soon;
    printf("thread: %u squared is %u\n", answer->number, answer->square);
    answer->app->answers++;
}

static void *compute(void *ctx)
{
    struct answer *answers = ctx;

    for (unsigned i = 0; i < ANSWERS; i++) {
        answers[i].square = answers[i].number * answers[i].number;
        pinion_call_soon(answers[i].app->service, &answers[i].soon);
    }
    return NULL;
}

/* ---- all together ---------------------------------------------------------------------------- */

static int set_timers(struct app *app)
{
    struct pinion_every beat = {.interval_ms = BEAT_MS, .phase_ms = BEAT_MS};
    int64_t next_second_ms = ((int64_t)time(NULL) + 1) * 1000;

    return pinion_call_every(app->service, &beat, on_beat, app, &app->beat) ||
           pinion_call_cron(app->service, "0 4 * * *", "UTC", on_night, app, &app->nightly, NULL,
                            0) ||
           pinion_call_later(app->service, 30, on_later, NULL, NULL) ||
           pinion_call_at(app->service, next_second_ms, on_second, app, NULL);
}

static void on_give_up(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)timer, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static int run(struct app *app, struct ev_loop *loop)
{
    struct answer answers[ANSWERS];
    pthread_t thread;
    ev_timer give_up;

    for (unsigned i = 0; i < ANSWERS; i++)
        answers[i] = (struct answer){.soon = {.fn = on_answer, .ctx = &answers[i]},
                                     .app = app,
                                     .number = i + 11};
    if (set_timers(app) || pthread_create(&thread, NULL, compute, answers)) return 1;
    ev_timer_init(&give_up, on_give_up, GIVE_UP_S, 0.);
    ev_timer_start(loop, &give_up);
    ev_unref(loop);
    ev_run(loop, 0); /* until no timer is left */
    ev_ref(loop);
    ev_timer_stop(loop, &give_up);
    pthread_join(thread, NULL);
    ev_run(loop, EVRUN_NOWAIT); /* what the thread said last */
    return app->beats == BEATS && app->answers == ANSWERS && app->missed >= 1 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_loop_new(0);
    struct pinion_service_options options = {.state_dir = argc > 1 ? argv[1] : NULL};
    struct app app = {0};
    char why[256];
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: timers STATE_DIR\n");
        return 2;
    }
    if (pinion_service_new(loop, &options, &app.service, why, sizeof why)) {
        fprintf(stderr, "timers: %s\n", why);
        return 1;
    }
    status = run(&app, loop);
    pinion_service_free(app.service);
    ev_loop_destroy(loop);
    return status;
}
