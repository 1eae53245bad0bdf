/* What handlers in C answer, and what they ask for beside the job: a service on a real Redis. */
#include "include/pinion.h"
#include "base/log.h"
#include "tests/flow/scratch.h"
#include "tests/support/check.h"
#include "tests/support/redis_server.h"

#include <ev.h>
#include <stdlib.h>
#include <string.h>

static struct redis_server *server;
static struct ev_loop *loop;
static struct pinion_service *service;
static char scratch[SCRATCH_MAX];
static unsigned runs;

static void reject(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    runs++;
    pinion_attempt_reject(a, "no such address");
}

static void give_up(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    runs++;
    pinion_attempt_fail(a, "not yet");
}

static void stop_when_dead(struct pinion_timer *t, void *ctx)
{
    char *dead = redis_server_do(server, "ZCARD pinion:{default}:dead");

    (void)ctx;
    if (strcmp(dead, "1") == 0) {
        pinion_timer_cancel(t);
        pinion_service_stop(service);
    }
    free(dead);
}

/* One job of this handler, until it is dead. Gives what Redis has beside it. */
static char *run_to_death(const struct pinion_handler *handler)
{
    struct pinion_job job = {.kind = handler->kind, .id = "x", .backoff = "fixed:1h"};
    struct pinion_client_options options = {.redis_url = redis_server_url(server)};
    struct pinion_every often = {.interval_ms = 10};
    struct pinion_client *client;
    struct pinion_enqueued made;
    char why[256];

    if (pinion_client_open(&options, &client, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(pinion_enqueue(client, &job, 1, &made), PINION_OK);
    assert_int_equal(made.err, PINION_OK);
    pinion_client_close(client);
    assert_int_equal(pinion_service_handle(service, handler), PINION_OK);
    if (pinion_service_start(service, why, sizeof why)) fail_msg("%s", why);
    assert_int_equal(pinion_call_every(service, &often, stop_when_dead, NULL, NULL), PINION_OK);
    ev_run(loop, 0);
    return redis_server_do(server, "HGET pinion:{default}:errors x");
}

TEST(a_rejected_job_is_dead_at_once)
{
    char *errors = run_to_death(&(struct pinion_handler){.kind = "mail", .run = reject});

    assert_int_equal(runs, 1);
    assert_non_null(strstr(errors, "no such address"));
    free(errors);
}

/* The job says an hour, and 25 times. */
TEST(a_handlers_own_attempts_and_backoff)
{
    char *errors = run_to_death(&(struct pinion_handler){
        .kind = "mail", .run = give_up, .attempts_max = 3, .backoff = "fixed:1ms"});

    assert_int_equal(runs, 3);
    free(errors);
}

static void redis_says(const char *command, const char *start)
{
    char *answer = redis_server_do(server, "%s", command);

    if (strncmp(answer, start, strlen(start)) != 0)
        fail_msg("%s: expected '%s', not '%s'", command, start, answer);
    free(answer);
}

/* The service names a kind, too: see begin(). */
TEST(what_carries_the_dead_jobs_of_a_handler)
{
    char *errors = run_to_death(
        &(struct pinion_handler){.kind = "mail", .run = reject, .on_dead = "postmaster"});

    free(errors);
    redis_says("HGET pinion:{default}:on_dead queue", "report");
    redis_says("HGET pinion:{default}:jobs dead.1", "05:postmaster\n");
}

TEST(what_a_handler_may_not_ask_for)
{
    struct pinion_handler bad = {.kind = "mail", .run = give_up, .backoff = "sometimes"};

    assert_int_equal(pinion_service_handle(service, &bad), PINION_INVALID);
    bad.backoff = NULL;
    bad.attempts_max = 1001;
    assert_int_equal(pinion_service_handle(service, &bad), PINION_INVALID);
    bad.attempts_max = 1000;
    bad.on_dead = "a*";
    assert_int_equal(pinion_service_handle(service, &bad), PINION_INVALID);
    bad.on_dead = "";
    assert_int_equal(pinion_service_handle(service, &bad), PINION_OK);
}

static int begin(void **state)
{
    struct pinion_service_options options = {.state_dir = scratch, .on_dead = "report"};
    char why[256];

    (void)state;
    log_set(LOG_ERROR, LOG_AS_TEXT);
    runs = 0;
    server = redis_server_start(NULL);
    loop = ev_loop_new(EVFLAG_AUTO);
    if (!loop || !scratch_make(scratch)) return -1;
    options.redis_url = redis_server_url(server);
    if (pinion_service_new(loop, &options, &service, why, sizeof why)) fail_msg("%s", why);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pinion_service_free(service);
    ev_loop_destroy(loop);
    redis_server_free(server);
    return scratch_remove(scratch);
}

#define service_test(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(a_rejected_job_is_dead_at_once),
        service_test(a_handlers_own_attempts_and_backoff),
        service_test(what_carries_the_dead_jobs_of_a_handler),
        service_test(what_a_handler_may_not_ask_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
