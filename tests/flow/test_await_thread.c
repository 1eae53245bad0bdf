/* Work on threads that coroutines wait for: a service on a real Redis. */
#include <ev.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"

#define MANY 50

static unsigned runs;

static void as_coroutine(pinion_run_fn *run, uint64_t timeout_ms)
{
    struct pinion_handler handler = {
        .kind = "co", .run = run, .runs = PINION_AS_COROUTINE, .timeout_ms = timeout_ms};

    runs = 0;
    run_one(&handler, (struct pinion_job){.attempts_max = 1});
    assert_int_equal(runs, 1);
}

/* ---- beside the loop ------------------------------------------------------------------------- */

struct blocked {
    sem_t go;
    pthread_t on;
    unsigned steps;
};

static void block(void *ctx)
{
    struct blocked *b = ctx;

    while (sem_wait(&b->go)) continue;
    b->on = pthread_self();
    b->steps++;
}

static void let_go(struct pinion_timer *timer, void *ctx)
{
    (void)timer;
    sem_post(&((struct blocked *)ctx)->go);
}

/* Only the loop lets it go, so it has to run meanwhile. */
static void by_turns(struct pinion_attempt *a, void *ctx)
{
    struct blocked b = {.steps = 0};

    (void)ctx;
    sem_init(&b.go, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(pinion_call_later(service, 1, let_go, &b, NULL), PINION_OK);
        assert_int_equal(pinion_await_thread(a, block, NULL, &b), PINION_OK);
        assert_string_equal(pinion_await_why(a), "");
        assert_int_equal(b.steps, i + 1);
        assert_false(pthread_equal(b.on, pthread_self()));
    }
    sem_destroy(&b.go);
    runs++;
    pinion_attempt_done(a, NULL, 0);
}

TEST(the_loop_goes_on_meanwhile)
{
    as_coroutine(by_turns, 0);
}

static void ask_wrongly(void *ctx)
{
    *(enum pinion_err *)ctx = pinion_await_ms(NULL, 1);
}

static void wrongly(struct pinion_attempt *a, void *ctx)
{
    enum pinion_err there = PINION_OK;

    (void)ctx;
    assert_int_equal(pinion_await_thread(a, NULL, NULL, NULL), PINION_INVALID);
    assert_string_equal(pinion_await_why(a), "expected work for a thread");
    assert_int_equal(pinion_await_thread(a, ask_wrongly, NULL, &there), PINION_OK);
    assert_int_equal(there, PINION_INVALID);
    runs++;
    pinion_attempt_done(a, NULL, 0);
    assert_int_equal(pinion_await_thread(a, ask_wrongly, NULL, &there), PINION_INVALID);
}

TEST(what_is_wrong_is_told)
{
    as_coroutine(wrongly, 0);
}

/* ---- many at once ---------------------------------------------------------------------------- */

static pthread_barrier_t all_there;
static unsigned children;

static void meet(void *ctx)
{
    pthread_barrier_wait(&all_there);
    ++*(unsigned *)ctx;
}

static void child(struct pinion_attempt *a, void *ctx)
{
    unsigned mine = 0;

    (void)ctx;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pinion_await_thread(a, meet, NULL, &mine), PINION_OK);
    assert_int_equal(mine, 3);
    children++;
    pinion_attempt_done(a, NULL, 0);
}

static void parent(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job jobs[MANY];
    struct pinion_enqueued made[MANY];
    struct pinion_outcome outcome;

    (void)ctx;
    for (unsigned i = 0; i < MANY; i++)
        jobs[i] = (struct pinion_job){.kind = "child", .queue = "other", .retain_ms = 60000};
    assert_int_equal(pinion_await_enqueue(a, jobs, MANY, made), PINION_OK);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(pinion_await_job(a, made[i].id, 60000, &outcome), PINION_OK);
        assert_string_equal(outcome.state, "done");
    }
    runs++;
    pinion_attempt_done(a, NULL, 0);
}

TEST(each_has_a_thread_while_it_blocks)
{
    struct pinion_handler handler = {.kind = "child", .run = child, .runs = PINION_AS_COROUTINE};

    children = 0;
    pthread_barrier_init(&all_there, NULL, MANY);
    assert_int_equal(pinion_service_handle(service, &handler), PINION_OK);
    as_coroutine(parent, 0);
    assert_int_equal(children, MANY);
    pthread_barrier_destroy(&all_there);
}

/* ---- it must stop ---------------------------------------------------------------------------- */

static unsigned stops;

static void stop_block(void *ctx)
{
    stops++;
    sem_post(&((struct blocked *)ctx)->go);
}

static void until_stopped(struct pinion_attempt *a, void *ctx)
{
    struct blocked b = {.steps = 0};

    (void)ctx;
    sem_init(&b.go, 0, 0);
    assert_int_equal(pinion_await_thread(a, block, stop_block, &b), PINION_STALE);
    assert_int_equal(b.steps, 1); /* it was waited for */
    assert_int_equal(pinion_await_thread(a, block, stop_block, &b), PINION_STALE);
    assert_int_equal(b.steps, 1); /* and did not begin again */
    assert_string_equal(pinion_await_why(a), "the attempt must stop");
    sem_destroy(&b.go);
    runs++;
    pinion_attempt_fail(a, "stopped");
}

TEST(what_must_stop_is_told_and_waited_for)
{
    stops = 0;
    as_coroutine(until_stopped, 50);
    assert_int_equal(stops, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(the_loop_goes_on_meanwhile),
        service_test(what_is_wrong_is_told),
        service_test(each_has_a_thread_while_it_blocks),
        service_test(what_must_stop_is_told_and_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
