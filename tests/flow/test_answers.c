/* What handlers in C answer, and what they ask for beside the job: a service on a real Redis. */
#include <stdlib.h>
#include <string.h>
#include "tests/flow/one_service.h"
#include "tests/support/check.h"

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

/* Gives what Redis has beside the job when it is dead. */
static char *run_to_death(const struct pinion_handler *handler)
{
    runs = 0;
    run_one(handler, (struct pinion_job){.backoff = "fixed:1h"});
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

/* The service names a kind, too: see one_service.h. */
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
