/* examples/embed.c — jobs inside a program of one's own, on its own loop.
 *
 *     embed STATE_DIR
 *
 * Starts a service with a private Redis in STATE_DIR, registers one handler that answers at once
 * and one that answers later, enqueues a few jobs, and leaves when all have run.
 */
#include <ev.h>
#include <pinion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 6

struct app {
    struct ev_loop *loop;
    struct pinion_service *service;
    ev_timer heart; /* the program's own business goes on meanwhile */
    unsigned beats, left;
};

static void end_one(struct app *app)
{
    if (--app->left == 0) pinion_service_stop(app->service);
}

/* Answers at once. */
static void shout(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);

    printf("%s: %.*s!\n", work->id, (int)work->payload_len, (const char *)work->payload);
    pinion_attempt_done(attempt, NULL, 0);
    end_one(ctx);
}

/* Answers later: the loop is free meanwhile. */
struct thought {
    ev_timer timer;
    struct app *app;
    struct pinion_attempt *attempt;
};

static void on_thought(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct thought *t = timer->data;
    const struct pinion_work *work = pinion_attempt_work(t->attempt);

    (void)loop, (void)events;
    printf("%s: %.*s ... 42\n", work->id, (int)work->payload_len, (const char *)work->payload);
    pinion_attempt_done(t->attempt, "42", 2);
    end_one(t->app);
    free(t);
}

static void think(struct pinion_attempt *attempt, void *ctx)
{
    struct thought *t = calloc(1, sizeof *t);

    if (!t) {
        pinion_attempt_fail(attempt, "out of memory");
        return;
    }
    t->app = ctx;
    t->attempt = attempt;
    t->timer.data = t;
    if (pinion_attempt_progress(attempt, 50, "thinking"))
        fprintf(stderr, "embed: progress was refused\n");
    ev_timer_init(&t->timer, on_thought, 0.05, 0.);
    ev_timer_start(t->app->loop, &t->timer);
}

static void on_heart(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct app *app = timer->data;

    (void)loop, (void)events;
    app->beats++;
}

static int enqueue_some(const char *state_dir)
{
    static const char *const words[] = {"hello", "world"};
    struct pinion_job jobs[JOBS];
    struct pinion_enqueued made[JOBS];
    struct pinion_client *client;
    char why[256];
    enum pinion_err err;

    for (unsigned i = 0; i < JOBS; i++)
        jobs[i] = (struct pinion_job){.kind = i % 2 ? "think" : "shout",
                                      .payload = words[i % 3 % 2],
                                      .payload_len = 5,
                                      .retain_ms = i % 2 ? 3600000 : 0, /* its result, too */
                                      .in_ms = i < 4 ? 0 : 100};
    err = pinion_client_open(&(struct pinion_client_options){.state_dir = state_dir}, &client, why,
                             sizeof why);
    if (err) {
        fprintf(stderr, "embed: %s\n", why);
        return -1;
    }
    err = pinion_enqueue(client, jobs, JOBS, made);
    for (unsigned i = 0; i < JOBS && !err; i++) err = made[i].err;
    pinion_client_close(client);
    if (err) fprintf(stderr, "embed: enqueue: %s\n", pinion_err_name(err));
    return err ? -1 : 0;
}

/* The client blocks, so it is used once the service is ready: its Redis answers by then. */
static int run(struct app *app, const char *state_dir)
{
    char why[256];

    if (pinion_service_start(app->service, why, sizeof why)) {
        fprintf(stderr, "embed: %s\n", why);
        return 1;
    }
    while (!pinion_service_ready(app->service) && !pinion_service_stopped(app->service))
        ev_run(app->loop, EVRUN_ONCE);
    if (pinion_service_stopped(app->service) || enqueue_some(state_dir)) {
        pinion_service_stop(app->service);
        app->left = JOBS + 1;
    }
    pinion_service_run(app->service);
    printf("%u jobs, and %u beats of the program's own timer\n", JOBS - app->left, app->beats);
    return app->left == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct app app = {.loop = ev_loop_new(0), .left = JOBS};
    struct pinion_service_options options = {.state_dir = argc > 1 ? argv[1] : NULL};
    char why[256];
    int status = 1;

    if (argc != 2) {
        fprintf(stderr, "usage: embed STATE_DIR\n");
        return 2;
    }
    if (pinion_service_new(app.loop, &options, &app.service, why, sizeof why)) {
        fprintf(stderr, "embed: %s\n", why);
        return 1;
    }
    pinion_service_handle(app.service,
                          &(struct pinion_handler){.kind = "shout", .run = shout, .ctx = &app});
    pinion_service_handle(app.service,
                          &(struct pinion_handler){.kind = "think", .run = think, .ctx = &app});
    ev_timer_init(&app.heart, on_heart, 0.01, 0.01);
    app.heart.data = &app;
    ev_timer_start(app.loop, &app.heart);
    status = run(&app, argv[1]);
    pinion_service_free(app.service);
    ev_loop_destroy(app.loop);
    return status;
}
