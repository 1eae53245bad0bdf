/* Jobs that a coroutine makes and waits for: a service on a real Redis. The parent is in the queue
 * "default", its children are in "other". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"

static unsigned runs;

static void answer(struct pinion_attempt *a, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(a);

    (void)ctx;
    if (strcmp(work->kind, "child.dies") == 0) pinion_attempt_reject(a, "no luck");
    else pinion_attempt_done(a, work->payload, work->payload_len);
}

static void as_parent(pinion_run_fn *run, struct pinion_job job)
{
    struct pinion_handler parent = {.kind = "co", .run = run, .runs = PINION_AS_COROUTINE};
    struct pinion_handler child = {.kind = "child.*", .run = answer};

    runs = 0;
    assert_int_equal(pinion_service_handle(service, &child), PINION_OK);
    run_one(&parent, job);
    assert_int_equal(runs, 1);
}

static void finish(struct pinion_attempt *a)
{
    runs++;
    pinion_attempt_done(a, NULL, 0);
}

static struct pinion_job child_of(const char *kind, const char *payload)
{
    return (struct pinion_job){
        .kind = kind,
        .queue = "other",
        .payload = payload,
        .payload_len = strlen(payload),
        .retain_ms = 60000,
    };
}

static void one(struct pinion_attempt *a, struct pinion_job job, struct pinion_enqueued *made)
{
    assert_int_equal(pinion_await_enqueue(a, &job, 1, made), PINION_OK);
    assert_int_equal(made->err, PINION_OK);
}

/* ---- what comes of them ---------------------------------------------------------------------- */

static void fan_out(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job jobs[3] = {child_of("child.one", "a"), child_of("child.two", "b"),
                                 child_of("child.dies", "c")};
    struct pinion_enqueued made[3];
    struct pinion_outcome outcome[3];

    (void)ctx;
    assert_int_equal(pinion_await_enqueue(a, jobs, 3, made), PINION_OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(made[i].err, PINION_OK);
        assert_memory_equal(made[i].id, "other:", 6);
        assert_int_equal(pinion_await_job(a, made[i].id, 60000, &outcome[i]), PINION_OK);
    }
    assert_string_equal(outcome[0].state, "done");
    assert_string_equal(outcome[0].result, "a");
    assert_int_equal(outcome[0].result_len, 1);
    assert_string_equal(outcome[1].result, "b");
    assert_null(outcome[1].error);
    assert_string_equal(outcome[2].state, "dead");
    assert_string_equal(outcome[2].error, "no luck");
    assert_null(outcome[2].result);
    finish(a);
}

TEST(it_fans_out_and_waits)
{
    as_parent(fan_out, (struct pinion_job){0});
}

/* Of two queues in turns, and wrong ones between: each has an answer of its own. */
static void mix(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job *jobs = xcalloc(1201, sizeof *jobs); /* more than fits on the stack */
    struct pinion_enqueued *made = xcalloc(1201, sizeof *made);

    (void)ctx;
    for (unsigned i = 0; i < 1201; i++) {
        jobs[i] = child_of("child.one", "x");
        if (i > 600) jobs[i].queue = i % 3 ? "other" : "elsewhere";
        if (i % 100 == 7) jobs[i].kind = "no kind";
    }
    assert_int_equal(pinion_await_enqueue(a, jobs, 1201, made), PINION_OK);
    assert_non_null(strstr(pinion_await_why(a), "kind"));
    for (unsigned i = 0; i < 1201; i++) {
        assert_int_equal(made[i].err, i % 100 == 7 ? PINION_INVALID : PINION_OK);
        if (made[i].err) continue;
        assert_int_equal(strncmp(made[i].id, jobs[i].queue, strlen(jobs[i].queue)), 0);
    }
    jobs[0].id = "mine";
    assert_int_equal(pinion_await_enqueue(a, jobs, 1, made), PINION_OK);
    assert_string_equal(made[0].id, "other:mine");
    assert_int_equal(pinion_await_enqueue(a, jobs, 1, made), PINION_OK);
    assert_int_equal(made[0].existing, 1);
    jobs[0].payload = "y";
    assert_int_equal(pinion_await_enqueue(a, jobs, 1, made), PINION_OK);
    assert_int_equal(made[0].err, PINION_CONFLICT);
    assert_true(*pinion_await_why(a));
    assert_int_equal(pinion_await_enqueue(a, jobs, 0, made), PINION_OK);
    assert_string_equal(pinion_await_why(a), "");
    free(made);
    free(jobs);
    finish(a);
}

TEST(each_job_has_its_own_answer)
{
    as_parent(mix, (struct pinion_job){.timeout_ms = 60000});
}

static void look_back(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job later = child_of("child.one", "late");
    struct pinion_job short_lived = child_of("child.one", "");
    struct pinion_enqueued made;
    struct pinion_outcome outcome;
    uint64_t began_ms;

    (void)ctx;
    assert_int_equal(pinion_await_job(a, "other:none", 60000, &outcome), PINION_NOT_FOUND);
    assert_non_null(strstr(pinion_await_why(a), "retain_ms"));
    assert_int_equal(pinion_await_job(a, "no queue", 0, &outcome), PINION_INVALID);
    assert_int_equal(pinion_await_job(a, NULL, 0, &outcome), PINION_INVALID);
    later.in_ms = 200;
    one(a, later, &made);
    began_ms = clock_mono_ms();
    assert_int_equal(pinion_await_job(a, made.id, 50, &outcome), PINION_BUSY);
    assert_in_range(clock_mono_ms() - began_ms, 50, 30000);
    assert_non_null(strstr(pinion_await_why(a), "is still scheduled after 50ms"));
    assert_int_equal(pinion_await_job(a, made.id, 0, &outcome), PINION_OK);
    assert_string_equal(outcome.result, "late");
    assert_int_equal(pinion_await_job(a, made.id, 1, &outcome), PINION_OK); /* it has ended */
    short_lived.retain_ms = 0;
    one(a, short_lived, &made);
    assert_int_equal(pinion_await_job(a, made.id, 60000, &outcome), PINION_OK); /* remembered */
    assert_string_equal(outcome.state, "done");
    finish(a);
}

TEST(it_waits_as_long_as_it_is_told)
{
    as_parent(look_back, (struct pinion_job){0});
}

/* ---- while it waits -------------------------------------------------------------------------- */

static void wait_for_good(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job later = child_of("child.one", "");
    struct pinion_enqueued made;
    struct pinion_outcome outcome;

    (void)ctx;
    later.in_ms = 3600000;
    one(a, later, &made);
    assert_int_equal(pinion_await_job(a, made.id, 0, &outcome), PINION_STALE);
    assert_int_equal(pinion_await_job(a, made.id, 0, &outcome), PINION_STALE);
    assert_int_equal(pinion_await_enqueue(a, &later, 1, &made), PINION_STALE);
    runs++;
    pinion_attempt_fail(a, "told");
}

TEST(one_that_waits_for_a_job_is_told_to_stop)
{
    as_parent(wait_for_good, (struct pinion_job){.timeout_ms = 100, .attempts_max = 1});
    char *error = redis_server_do(server, "HGET pinion:{default}:errors x");
    assert_non_null(strstr(error, "timed out after 100ms"));
    free(error);
}

static void on_restart(struct pinion_timer *t, void *ctx)
{
    (void)t, (void)ctx;
    free(redis_server_do(server, "CLIENT KILL TYPE normal"));
    free(redis_server_do(server, "CLIENT KILL TYPE pubsub"));
}

/* The connections go while it waits, and the job ends meanwhile. */
static void wait_through(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job later = child_of("child.one", "still there");
    struct pinion_enqueued made;
    struct pinion_outcome outcome;

    (void)ctx;
    later.in_ms = 150;
    one(a, later, &made);
    assert_int_equal(pinion_call_later(service, 50, on_restart, NULL, NULL), PINION_OK);
    assert_int_equal(pinion_call_later(service, 151, on_restart, NULL, NULL), PINION_OK);
    assert_int_equal(pinion_await_job(a, made.id, 60000, &outcome), PINION_OK);
    assert_string_equal(outcome.result, "still there");
    finish(a);
}

TEST(it_waits_on_when_redis_was_away)
{
    as_parent(wait_through, (struct pinion_job){0});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(it_fans_out_and_waits),
        service_test(each_job_has_its_own_answer),
        service_test(it_waits_as_long_as_it_is_told),
        service_test(one_that_waits_for_a_job_is_told_to_stop),
        service_test(it_waits_on_when_redis_was_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
