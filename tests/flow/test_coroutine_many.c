/* Ten thousand coroutines at once; and none, where there is no stack to be had: a service on a real
 * Redis. The linker puts a stack_take of ours before that of the house. */
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"
#include "workers/stack.h"

#define MANY 10000

static unsigned there, most, ended, refused;

enum pinion_err __real_stack_take(struct stack_pool *, struct stack **, struct error *);
enum pinion_err __wrap_stack_take(struct stack_pool *, struct stack **, struct error *);

enum pinion_err __wrap_stack_take(struct stack_pool *pool, struct stack **ret_stack,
                                  struct error *why)
{
    if (!refused) return __real_stack_take(pool, ret_stack, why);
    refused--;
    return error_set(why, PINION_BUSY, "no stack today");
}

static void redis_has(const char *command, const char *part)
{
    char *answer = redis_server_do(server, "%s", command);

    if (!strstr(answer, part)) fail_msg("%s: expected '%s', not '%s'", command, part, answer);
    free(answer);
}

/* Each waits until all of them are there. */
static void meet(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    if (++there > most) most = there;
    while (most < MANY)
        if (pinion_await_ms(a, 1)) break;
    there--;
    ended++;
    pinion_attempt_done(a, NULL, 0);
}

static void make_many(struct pinion_attempt *a, void *ctx)
{
    struct pinion_job *jobs = xcalloc(MANY, sizeof *jobs);
    struct pinion_enqueued *made = xcalloc(MANY, sizeof *made);

    (void)ctx;
    for (unsigned i = 0; i < MANY; i++)
        jobs[i] = (struct pinion_job){.kind = "meet", .queue = "other"};
    assert_int_equal(pinion_await_enqueue(a, jobs, MANY, made), PINION_OK);
    free(jobs);
    free(made);
    while (ended < MANY)
        if (pinion_await_ms(a, 10)) break;
    pinion_attempt_done(a, NULL, 0);
}

TEST(ten_thousand_are_there_at_once)
{
    struct pinion_handler parent = {.kind = "co", .run = make_many, .runs = PINION_AS_COROUTINE};
    struct pinion_handler child = {.kind = "meet", .run = meet, .runs = PINION_AS_COROUTINE,
                                   .stack_bytes = 16 * 1024};

    there = most = ended = 0;
    assert_int_equal(pinion_service_handle(service, &child), PINION_OK);
    run_one(&parent, (struct pinion_job){.timeout_ms = 100000});
    assert_int_equal(most, MANY);
    assert_int_equal(ended, MANY);
    redis_has("HGET pinion:{other}:meta done", "10000");
}

static void be_done(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    ended++;
    pinion_attempt_done(a, NULL, 0);
}

TEST(without_a_stack_the_attempt_fails_and_the_loop_goes_on)
{
    struct pinion_handler handler = {.kind = "co", .run = be_done, .runs = PINION_AS_COROUTINE};

    refused = 2;
    ended = 0;
    run_one(&handler, (struct pinion_job){.attempts_max = 3, .backoff = "fixed:1ms",
                                          .retain_ms = 60000});
    assert_int_equal(refused, 0);
    assert_int_equal(ended, 1);
    redis_has("HGET pinion:{default}:errors x", "no stack today");
    redis_has("HGET pinion:{default}:meta done", "1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(ten_thousand_are_there_at_once),
        service_test(without_a_stack_the_attempt_fails_and_the_loop_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
