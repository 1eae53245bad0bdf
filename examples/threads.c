/* examples/threads.c — jobs that block, each on a thread, beside the loop: `threads STATE_DIR`. */
#include <ev.h>
#include <pinion.h>
#include <stdio.h>
#include <unistd.h>

#define JOBS 8

static struct pinion_service *service;
static unsigned beats, ended; /* ended: changed on the loop only */
static struct pinion_soon ends[JOBS];

static void on_end(struct pinion_soon *end, void *ctx)
{
    (void)end, (void)ctx;
    if (++ended == JOBS) pinion_service_stop(service);
}

/* On a thread of its own: it may block. */
static void on_job(struct pinion_attempt *attempt, void *ctx)
{
    static unsigned next; /* several run at the same time */
    struct pinion_soon *end = &ends[__atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % JOBS];

    for (int i = 0; i < 10 && !pinion_attempt_stopping(attempt); i++) usleep(20000);
    pinion_attempt_done(attempt, NULL, 0);
    *end = (struct pinion_soon){.fn = on_end, .ctx = ctx};
    pinion_call_soon(service, end);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pinion_job jobs[JOBS] = {[0 ... JOBS - 1] = {.kind = "nap"}};
    struct pinion_client_options options = {.state_dir = timer->data};
    struct pinion_enqueued made[JOBS];
    struct pinion_client *client;

    (void)loop, (void)events;
    if (!pinion_service_ready(service) || beats++ > 0) return; /* the loop is never held up */
    if (pinion_client_open(&options, &client, NULL, 0) ||
        pinion_enqueue(client, jobs, JOBS, made)) return pinion_service_stop(service);
    pinion_client_close(client);
}

int main(int argc, char **argv)
{
    struct pinion_service_options options = {.state_dir = argv[1]};
    struct pinion_handler nap = {.kind = "nap", .run = on_job, .runs = PINION_ON_THREAD};
    ev_timer timer = {.data = argv[1]};

    if (argc != 2 || pinion_service_new(EV_DEFAULT, &options, &service, NULL, 0) ||
        pinion_service_handle(service, &nap) || pinion_service_start(service, NULL, 0)) return 1;
    ev_timer_init(&timer, on_timer, 0.01, 0.01);
    ev_timer_start(EV_DEFAULT, &timer);
    while (!pinion_service_stopped(service)) ev_run(EV_DEFAULT, EVRUN_ONCE);
    pinion_service_free(service);
    printf("%u naps of 200 ms at once, and %u beats of the loop meanwhile\n", ended, beats);
    return ended == JOBS && beats > 5 ? 0 : 1;
}
