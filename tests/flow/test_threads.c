/* Handlers on threads by pinion.h, where they do not do what they should: a service on a real
 * Redis, with one job. */
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"
#include "workers/limits.h"

#define WAIT_MS 10000

static sem_t go; /* what is stuck waits for it */
static int returned; /* atomic */
static unsigned stops;

static void expect_count(const char *what, const char *count)
{
    char *found = redis_server_do(server, "HGET pinion:{default}:meta %s", what);

    assert_string_equal(found, count);
    free(found);
}

static bool has_returned(void)
{
    return __atomic_load_n(&returned, __ATOMIC_ACQUIRE);
}

static void wait_for_go(void)
{
    while (sem_wait(&go)) continue;
}

/* ---- handlers, on threads -------------------------------------------------------------------- */

static void return_nothing(struct pinion_attempt *a, void *ctx)
{
    (void)a, (void)ctx;
}

static void be_stuck(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    wait_for_go();
    assert_int_equal(pinion_attempt_stopping(a), 1);
    assert_string_equal(pinion_attempt_work(a)->id, "default:x"); /* still there, though it ended */
    assert_string_equal(pinion_attempt_work(a)->queue, "default");
    assert_int_equal(pinion_attempt_progress(a, 50, "late"), PINION_OK);
    pinion_attempt_done(a, "late", 4);
    __atomic_store_n(&returned, 1, __ATOMIC_RELEASE);
}

static void be_stuck_once(struct pinion_attempt *a, void *ctx)
{
    if (pinion_attempt_work(a)->attempt == 1) {
        be_stuck(a, ctx);
    } else {
        assert_true(has_returned()); /* the first had the only slot until then */
        pinion_attempt_done(a, "in time", 7);
    }
}

static void count_stop(struct pinion_attempt *a, void *ctx)
{
    (void)a, (void)ctx;
    stops++;
}

static void go_when_given_up(struct pinion_timer *t, void *ctx)
{
    char *scheduled = redis_server_do(server, "HGET pinion:{default}:meta failed");

    (void)ctx;
    if (strcmp(scheduled, "1") == 0) {
        pinion_timer_cancel(t);
        sem_post(&go);
    }
    free(scheduled);
}

/* ---- tests ----------------------------------------------------------------------------------- */

TEST(one_that_returns_without_an_outcome_has_failed)
{
    struct pinion_handler handler = {
        .kind = "mute", .run = return_nothing, .runs = PINION_ON_THREAD};

    run_one(&handler, (struct pinion_job){.attempts_max = 1});
    expect_count("dead", "1");
}

/* The service ends without it, and it ends without the service. */
TEST(a_stuck_one_holds_up_nobody)
{
    struct pinion_handler handler = {
        .kind = "stuck", .run = be_stuck, .stop = count_stop, .runs = PINION_ON_THREAD};
    uint64_t began_ms = clock_mono_ms();

    run_one(&handler, (struct pinion_job){.attempts_max = 1, .timeout_ms = 100});
    assert_in_range(clock_mono_ms() - began_ms, STOP_GRACE_MS, 2 * STOP_GRACE_MS);
    assert_int_equal(stops, 1);
    expect_count("dead", "1");
    assert_false(has_returned());
    pinion_service_free(service);
    service = NULL;
    sem_post(&go);
    for (uint64_t until_ms = clock_mono_ms() + WAIT_MS; !has_returned(); usleep(1000))
        if (clock_mono_ms() > until_ms) fail_msg("it did not return");
}

TEST(a_slot_comes_back_when_the_stuck_one_returns)
{
    struct pinion_handler handler = {.kind = "stuck",
                                     .run = be_stuck_once,
                                     .concurrency = 1,
                                     .backoff = "fixed:10ms",
                                     .runs = PINION_ON_THREAD};
    struct pinion_every often = {.interval_ms = 10};

    assert_int_equal(pinion_call_every(service, &often, go_when_given_up, NULL, NULL), PINION_OK);
    run_one(&handler, (struct pinion_job){.attempts_max = 2, .timeout_ms = 100});
    expect_count("done", "1");
}

TEST(what_no_handler_on_a_thread_has_is_refused)
{
    struct pinion_handler handler = {
        .kind = "a", .run = be_stuck, .runs = PINION_ON_THREAD, .stack_bytes = 65536};

    assert_int_equal(pinion_service_handle(service, &handler), PINION_INVALID);
    handler.stack_bytes = 0;
    handler.runs = (enum pinion_runs)99;
    assert_int_equal(pinion_service_handle(service, &handler), PINION_INVALID);
}

static int begin(void **state)
{
    returned = 0;
    stops = 0;
    sem_init(&go, 0, 0);
    return one_service_begin(state);
}

#define threads_test(name) cmocka_unit_test_setup_teardown(name, begin, one_service_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        threads_test(one_that_returns_without_an_outcome_has_failed),
        threads_test(a_stuck_one_holds_up_nobody),
        threads_test(a_slot_comes_back_when_the_stuck_one_returns),
        threads_test(what_no_handler_on_a_thread_has_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
