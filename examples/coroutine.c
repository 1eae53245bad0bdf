/* examples/coroutine.c — one job that makes three others, awaits what comes of each, and hands it
 * to a program: `coroutine STATE_DIR`. */
#include <pinion.h>
#include <stdio.h>
#include <string.h>

static struct pinion_service *service;
static int failed = 1;

/* A job of the kind `square`: any handler, on any server. */
static void on_square(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);
    int number = 0;
    char text[32];

    (void)ctx;
    sscanf(work->payload, "%d", &number);
    snprintf(text, sizeof text, "%d", number * number);
    pinion_attempt_done(attempt, text, strlen(text));
}

/* The sum of three squares, added up by awk. Nothing here blocks the loop. */
static enum pinion_err add_up(struct pinion_attempt *attempt, struct pinion_command_end *ret_end)
{
    static const char *const argv[] = {"awk", "{ sum += $1 } END { printf \"%d\", sum }", NULL};
    struct pinion_job jobs[3] = {[0 ... 2] = {.kind = "square", .retain_ms = 60000}};
    const char *numbers[3] = {"3", "4", "12"};
    struct pinion_command command = {.argv = argv};
    struct pinion_enqueued made[3];
    struct pinion_outcome outcome;
    char lines[128] = "";
    enum pinion_err err;

    for (int i = 0; i < 3; i++) {
        jobs[i].payload = numbers[i];
        jobs[i].payload_len = strlen(numbers[i]);
    }
    err = pinion_await_enqueue(attempt, jobs, 3, made); /* all three at once */
    for (int i = 0; i < 3 && !err; i++) {
        err = made[i].err ? made[i].err : pinion_await_job(attempt, made[i].id, 30000, &outcome);
        if (!err && outcome.result) strcat(strcat(lines, outcome.result), "\n");
    }
    if (err) return err;
    command.input = lines;
    command.input_len = strlen(lines);
    return pinion_await_command(attempt, &command, ret_end);
}

static void on_sum(struct pinion_attempt *attempt, void *ctx)
{
    struct pinion_command_end end;

    (void)ctx;
    if (add_up(attempt, &end)) {
        fprintf(stderr, "%s\n", pinion_await_why(attempt));
        pinion_attempt_fail(attempt, pinion_await_why(attempt));
    } else {
        printf("3, 4 and 12 squared make %s\n", end.output);
        failed = strcmp(end.output, "169") != 0;
        pinion_attempt_done(attempt, end.output, end.output_len);
    }
    pinion_service_stop(service);
}

/* Called until the service is ready, then once more for the job. */
static void on_start(struct pinion_timer *timer, void *ctx)
{
    struct pinion_client_options options = {.state_dir = ctx};
    struct pinion_job sum = {.kind = "sum", .attempts_max = 1};
    struct pinion_enqueued made;
    struct pinion_client *client;

    if (!pinion_service_ready(service)) return;
    pinion_timer_cancel(timer);
    if (pinion_client_open(&options, &client, NULL, 0)) return pinion_service_stop(service);
    if (pinion_enqueue(client, &sum, 1, &made) || made.err) pinion_service_stop(service);
    pinion_client_close(client);
}

int main(int argc, char **argv)
{
    struct pinion_service_options options = {.state_dir = argc == 2 ? argv[1] : NULL};
    struct pinion_handler square = {.kind = "square", .run = on_square};
    struct pinion_handler sum = {.kind = "sum", .run = on_sum, .runs = PINION_AS_COROUTINE,
                                 .concurrency = 8}; /* the rest is for the jobs that it awaits */
    struct pinion_every often = {.interval_ms = 10};
    char why[256] = "expected: coroutine STATE_DIR";

    if (argc != 2 || pinion_service_new(NULL, &options, &service, why, sizeof why) ||
        pinion_service_handle(service, &square) || pinion_service_handle(service, &sum) ||
        pinion_call_every(service, &often, on_start, argv[1], NULL) ||
        pinion_service_start(service, why, sizeof why)) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    pinion_service_run(service);
    pinion_service_free(service);
    return failed;
}
