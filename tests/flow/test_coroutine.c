/* Handlers that await, and what becomes of those that misuse it: a service on a real Redis. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "tests/flow/one_service.h"
#include "tests/support/check.h"

static unsigned runs;
static int ends[2];

static void as_coroutine(pinion_run_fn *run, struct pinion_job job)
{
    struct pinion_handler handler = {.kind = "co", .run = run, .runs = PINION_AS_COROUTINE};

    runs = 0;
    run_one(&handler, job);
}

static void redis_has(const char *command, const char *part)
{
    char *answer = redis_server_do(server, "%s", command);

    if (!strstr(answer, part)) fail_msg("%s: expected '%s', not '%s'", command, part, answer);
    free(answer);
}

static void is_done(void)
{
    redis_has("HGET pinion:{default}:meta done", "1");
}

/* ---- times ----------------------------------------------------------------------------------- */

static void nap_often(struct pinion_attempt *a, void *ctx)
{
    uint64_t began_ms = clock_mono_ms();

    (void)ctx;
    for (unsigned i = 0; i < 100; i++) assert_int_equal(pinion_await_ms(a, i % 3), PINION_OK);
    assert_true(clock_mono_ms() - began_ms >= 99);
    assert_string_equal(pinion_await_why(a), "");
    pinion_attempt_done(a, NULL, 0);
}

TEST(it_awaits_in_a_loop)
{
    as_coroutine(nap_often, (struct pinion_job){0});
    is_done();
}

static void nap_with_much(struct pinion_attempt *a, void *ctx)
{
    volatile char room[32 * 1024];

    (void)ctx;
    memset((char *)(uintptr_t)room, (int)(pinion_attempt_work(a)->attempt % 128), sizeof room);
    assert_int_equal(pinion_await_ms(a, 1), PINION_OK);
    for (size_t i = 0; i < sizeof room; i += 512) assert_int_equal(room[i], 1);
    pinion_attempt_done(a, NULL, 0);
}

TEST(what_is_on_its_stack_stays)
{
    as_coroutine(nap_with_much, (struct pinion_job){0});
    is_done();
}

/* ---- misuse ---------------------------------------------------------------------------------- */

static void forget(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    runs++;
    assert_int_equal(pinion_await_ms(a, 1), PINION_OK);
}

TEST(to_return_without_an_outcome_is_to_fail)
{
    as_coroutine(forget, (struct pinion_job){.attempts_max = 2, .backoff = "fixed:1ms"});
    assert_int_equal(runs, 2);
    redis_has("HGET pinion:{default}:errors x", "returned without an outcome");
}

static void go_on(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    pinion_attempt_done(a, NULL, 0);
    runs++;
    assert_int_equal(pinion_await_ms(a, 1), PINION_INVALID);
    assert_string_equal(pinion_await_why(a), "");
    pinion_await_drop(a);
}

TEST(nothing_is_awaited_after_the_end)
{
    as_coroutine(go_on, (struct pinion_job){0});
    assert_int_equal(runs, 1);
    is_done();
}

static void on_loop(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    assert_int_equal(pinion_await_ms(a, 1), PINION_INVALID);
    assert_int_equal(pinion_await_fd(a, 0, PINION_READABLE, 0), PINION_INVALID);
    pinion_attempt_done(a, NULL, 0);
}

TEST(a_handler_on_the_loop_cannot_await)
{
    run_one(&(struct pinion_handler){.kind = "co", .run = on_loop}, (struct pinion_job){0});
    is_done();
}

static void never_stop(struct pinion_attempt *a, void *ctx)
{
    (void)a, (void)ctx;
}

TEST(what_a_coroutine_may_not_ask_for)
{
    struct pinion_handler h = {.kind = "co", .run = forget, .runs = PINION_AS_COROUTINE};

    h.stack_bytes = 16 * 1024 - 1;
    assert_int_equal(pinion_service_handle(service, &h), PINION_INVALID);
    h.stack_bytes = 64 * 1024 * 1024 + 1;
    assert_int_equal(pinion_service_handle(service, &h), PINION_INVALID);
    h.stack_bytes = 16 * 1024;
    h.stop = never_stop;
    assert_int_equal(pinion_service_handle(service, &h), PINION_INVALID);
    h.stop = NULL;
    assert_int_equal(pinion_service_handle(service, &h), PINION_OK);
    assert_int_equal(pinion_service_handle(service, &h), PINION_CONFLICT);
    h = (struct pinion_handler){.kind = "large", .run = forget, .runs = PINION_AS_COROUTINE,
                                .stack_bytes = 64 * 1024 * 1024};
    assert_int_equal(pinion_service_handle(service, &h), PINION_OK);
    h = (struct pinion_handler){.kind = "plain", .run = forget, .stack_bytes = 65536};
    assert_int_equal(pinion_service_handle(service, &h), PINION_INVALID);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static void on_later(struct pinion_timer *t, void *ctx)
{
    (void)t, (void)ctx;
    assert_int_equal(write(ends[1], "hello", 5), 5);
}

static void read_one(struct pinion_attempt *a, void *ctx)
{
    char text[8] = "";

    (void)ctx;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_WRITABLE, 0), PINION_OK);
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_READABLE, 20), PINION_BUSY);
    assert_non_null(strstr(pinion_await_why(a), "for 20ms"));
    assert_int_equal(pinion_call_later(service, 20, on_later, NULL, NULL), PINION_OK);
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_READABLE, 60000), PINION_OK);
    assert_int_equal(read(ends[0], text, sizeof text), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(pinion_await_fd(a, ends[0], 0, 1), PINION_INVALID);
    assert_int_equal(pinion_await_fd(a, ends[0], 4, 1), PINION_INVALID);
    close(ends[1]); /* an end is something to read */
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_READABLE, 60000), PINION_OK);
    close(ends[0]);
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_READABLE, 1), PINION_INVALID);
    assert_int_equal(pinion_await_fd(a, -1, PINION_READABLE, 1), PINION_INVALID);
    assert_non_null(strstr(pinion_await_why(a), "expected an open descriptor"));
    pinion_attempt_done(a, NULL, 0);
}

TEST(it_awaits_a_descriptor)
{
    as_coroutine(read_one, (struct pinion_job){0});
    is_done();
}

/* ---- it must stop ---------------------------------------------------------------------------- */

static void is_told(struct pinion_attempt *a, enum pinion_err err)
{
    assert_int_equal(err, PINION_STALE);
    assert_non_null(strstr(pinion_await_why(a), "must stop"));
    assert_int_equal(pinion_attempt_stopping(a), 1);
    assert_int_equal(pinion_await_ms(a, 60000), PINION_STALE);
    assert_int_equal(pinion_await_fd(a, ends[0], PINION_READABLE, 0), PINION_STALE);
    runs++;
    pinion_attempt_fail(a, "told");
}

static void nap_long(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    is_told(a, pinion_await_ms(a, 600000));
}

static void listen_long(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    is_told(a, pinion_await_fd(a, ends[0], PINION_READABLE, 0));
    close(ends[0]);
    close(ends[1]);
}

static void stops_at_timeout(pinion_run_fn *run)
{
    as_coroutine(run, (struct pinion_job){.timeout_ms = 50, .attempts_max = 1});
    assert_int_equal(runs, 1);
    redis_has("HGET pinion:{default}:errors x", "timed out after 50ms");
}

TEST(one_that_naps_is_told_to_stop)
{
    stops_at_timeout(nap_long);
}

TEST(one_that_waits_for_a_descriptor_is_told_to_stop)
{
    stops_at_timeout(listen_long);
}

/* It stops the service from within, twice: so it is told in the middle of running. */
static void stop_all(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    assert_int_equal(pinion_await_ms(a, 1), PINION_OK);
    pinion_service_stop(service);
    pinion_service_stop(service);
    is_told(a, pinion_await_ms(a, 1));
}

TEST(one_that_stops_the_service_is_told_to_stop)
{
    as_coroutine(stop_all, (struct pinion_job){0});
    assert_int_equal(runs, 1);
    redis_has("HEXISTS pinion:{default}:jobs x", "1"); /* released, and nothing was charged */
    redis_has("HEXISTS pinion:{default}:errors x", "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(it_awaits_in_a_loop),
        service_test(what_is_on_its_stack_stays),
        service_test(to_return_without_an_outcome_is_to_fail),
        service_test(nothing_is_awaited_after_the_end),
        service_test(a_handler_on_the_loop_cannot_await),
        service_test(what_a_coroutine_may_not_ask_for),
        service_test(it_awaits_a_descriptor),
        service_test(one_that_naps_is_told_to_stop),
        service_test(one_that_waits_for_a_descriptor_is_told_to_stop),
        service_test(one_that_stops_the_service_is_told_to_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
