/* examples/loop.c — jobs on a program's own loop, beside its timer and socket: `loop STATE_DIR`. */
#include <ev.h>
#include <pinion.h>
#include <stdio.h>
#include <sys/socket.h>

static struct pinion_service *service;
static int ends[2], left = 3;

static void on_job(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);

    (void)ctx;
    send(ends[1], work->payload, work->payload_len, 0);
    pinion_attempt_done(attempt, NULL, 0);
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    char text[64];

    (void)loop, (void)events;
    printf("a job says '%.*s'\n", (int)recv(io->fd, text, sizeof text, 0), text);
    if (--left == 0) pinion_service_stop(service);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct pinion_client_options options = {.state_dir = timer->data};
    struct pinion_job jobs[3] = {[0 ... 2] = {.kind = "say", .payload = "hello", .payload_len = 5}};
    struct pinion_enqueued made[3];
    struct pinion_client *client;

    if (!(events & EV_TIMER) || !pinion_service_ready(service)) return; /* not yet */
    ev_timer_stop(loop, timer);
    if (pinion_client_open(&options, &client, NULL, 0) ||
        pinion_enqueue(client, jobs, 3, made)) return pinion_service_stop(service);
    pinion_client_close(client);
}

int main(int argc, char **argv)
{
    struct pinion_service_options options = {.state_dir = argv[1]};
    struct pinion_handler say = {.kind = "say", .run = on_job};
    ev_timer timer = {.data = argv[1]};
    ev_io io;

    if (argc != 2 || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) return 1;
    ev_io_init(&io, on_socket, ends[0], EV_READ);
    ev_io_start(EV_DEFAULT, &io);
    ev_timer_init(&timer, on_timer, 0.01, 0.01);
    ev_timer_start(EV_DEFAULT, &timer);
    if (pinion_service_new(EV_DEFAULT, &options, &service, NULL, 0) ||
        pinion_service_handle(service, &say) || pinion_service_start(service, NULL, 0)) return 1;
    while (!pinion_service_stopped(service)) ev_run(EV_DEFAULT, EVRUN_ONCE);
    pinion_service_free(service);
    return left;
}
