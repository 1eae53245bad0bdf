#include "tests/flow/one_service.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "tests/flow/scratch.h"
#include "tests/support/check.h"

struct redis_server *server;
struct ev_loop *loop;
struct pinion_service *service;

static char scratch[SCRATCH_MAX];

int one_service_begin(void **state)
{
    static const char *const queues[] = {"default", "other", NULL};
    static const char *const near[] = {"127.0.0.1", NULL};
    struct pinion_service_options options = {
        .state_dir = scratch, .on_dead = "report", .queues = queues, .webhook_allow = near,
        .concurrency = 20000};
    char why[256];

    (void)state;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    server = redis_server_start(NULL);
    loop = ev_loop_new(EVFLAG_AUTO);
    if (!loop || !scratch_make(scratch)) return -1;
    options.redis_url = redis_server_url(server);
    if (pinion_service_new(loop, &options, &service, why, sizeof why)) fail_msg("%s", why);
    return 0;
}

int one_service_end(void **state)
{
    (void)state;
    pinion_service_free(service);
    ev_loop_destroy(loop);
    redis_server_free(server);
    return scratch_remove(scratch);
}

static void stop_when_ended(struct pinion_timer *t, void *ctx)
{
    char *ended = redis_server_do(server, "HMGET pinion:{default}:meta done dead");

    (void)ctx;
    if (strchr(ended, '1')) {
        pinion_timer_cancel(t);
        pinion_service_stop(service);
    }
    free(ended);
}

static void put(struct pinion_job job)
{
    struct pinion_client_options options = {.redis_url = redis_server_url(server)};
    struct pinion_client *client;
    struct pinion_enqueued made;
    char why[256];

    if (pinion_client_open(&options, &client, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(pinion_enqueue(client, &job, 1, &made), PINION_OK);
    assert_int_equal(made.err, PINION_OK);
    pinion_client_close(client);
}

void run_one(const struct pinion_handler *handler, struct pinion_job job)
{
    struct pinion_every often = {.interval_ms = 10};
    char why[256];

    job.kind = handler->kind;
    job.id = "x";
    put(job);
    assert_int_equal(pinion_service_handle(service, handler), PINION_OK);
    if (pinion_service_start(service, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(pinion_call_every(service, &often, stop_when_ended, NULL, NULL), PINION_OK);
    ev_run(loop, 0);
}
