/* examples/client.c — jobs from a program's own loop, which is never blocked: `client STATE_DIR`. A
 * service in the same program does them; it could run anywhere. */
#include <ev.h>
#include <pinion.h>
#include <stdio.h>
#include <string.h>

#define JOBS 3

static struct pinion_service *service;
static struct pinion_async *client;
static int left = JOBS, failed;

static void shout(struct pinion_attempt *attempt, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(attempt);
    char text[64];
    int len = snprintf(text, sizeof text, "%.*s!", (int)work->payload_len,
                       (const char *)work->payload);

    (void)ctx;
    pinion_attempt_done(attempt, text, (size_t)len);
}

static void on_closed(void *ctx)
{
    (void)ctx;
    pinion_service_stop(service);
}

static void on_ended(enum pinion_err err, const struct pinion_outcome *outcome, const char *why,
                     void *ctx)
{
    (void)ctx;
    if (err) printf("no result: %s\n", why);
    else printf("%s: %s\n", outcome->state, outcome->result);
    failed += err != PINION_OK;
    if (--left == 0) pinion_async_close(client, on_closed, NULL);
}

static void on_made(enum pinion_err err, const struct pinion_enqueued *made, size_t count,
                    const char *why, void *ctx)
{
    (void)ctx;
    if (err) printf("not enqueued: %s\n", why);
    for (size_t i = 0; !err && i < count; i++)
        pinion_async_wait(client, made[i].id, 30000, on_ended, NULL);
    if (!err) return;
    failed = 1;
    pinion_async_close(client, on_closed, NULL);
}

int main(int argc, char **argv)
{
    struct pinion_service_options serve = {.state_dir = argv[1]};
    struct pinion_async_options call = {.state_dir = argv[1]};
    struct pinion_handler handler = {.kind = "shout", .run = shout};
    const char *words[JOBS] = {"one", "two", "three"};
    struct pinion_job jobs[JOBS];
    char why[256] = "expected STATE_DIR";

    for (int i = 0; i < JOBS; i++)
        jobs[i] = (struct pinion_job){.kind = "shout", .payload = words[i],
                                      .payload_len = strlen(words[i]), .retain_ms = 60000};
    if (argc != 2 || pinion_service_new(EV_DEFAULT, &serve, &service, why, sizeof why) ||
        pinion_service_handle(service, &handler) ||
        pinion_service_start(service, why, sizeof why) ||
        pinion_async_open(EV_DEFAULT, &call, &client, why, sizeof why)) {
        fprintf(stderr, "client: %s\n", why);
        return 1;
    }
    pinion_async_enqueue(client, jobs, JOBS, on_made, NULL); /* goes when the service is there */
    ev_run(EV_DEFAULT, 0);
    pinion_service_free(service);
    return failed;
}
