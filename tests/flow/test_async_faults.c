/* pinion.h: the client on a loop while Redis, or the client itself, goes away. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/async_world.h"
#include "tests/flow/scratch.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/redis_server.h"
#include "tests/support/check.h"

#define MANY 200

static void one_job(const char *id)
{
    struct pinion_job job = job_of("nobody", "x");
    struct probe made = {0};

    job.id = id;
    CALL(&made, enqueue, &job, 1, on_enqueued, &made);
    await(&made);
    assert_int_equal(made.err, PINION_OK);
}

/* One of each: `p` has room for four. */
static void call_all(struct probe *p)
{
    struct pinion_job job = job_of("nobody", "x");

    CALL(&p[0], enqueue, &job, 1, on_enqueued, &p[0]);
    CALL(&p[1], show, "default:a", on_shown, &p[1]);
    CALL(&p[2], cancel, "default:b", on_steered, &p[2]);
    CALL(&p[3], retry, "default:c", on_steered, &p[3]);
}

static void all_unavailable(struct probe *p, size_t count, const char *words)
{
    for (size_t i = 0; i < count; i++) {
        await(&p[i]);
        assert_int_equal(p[i].err, PINION_UNAVAILABLE);
        if (words && !strstr(p[i].why, words)) fail_msg("expected '%s', not '%s'", words, p[i].why);
    }
}

static int begin_durable(void **state)
{
    static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

    if (one_service_begin(state)) return -1;
    redis_server_free(server);
    server = redis_server_start(durable);
    return 0;
}

/* Redis is killed while calls are on their way: each ends, and the client heals. A wait goes on;
 * what was being enqueued is sent again when there is a Redis. */
TEST(redis_is_killed)
{
    struct probe *p = xcalloc(4 * MANY, sizeof *p), wait = {0}, cancel = {0};
    struct probe more[4] = {{0}};

    open_client((struct pinion_async_options){.connect_timeout_ms = 60000});
    one_job("kept");
    CALL(&wait, wait, "default:kept", 0, on_ended, &wait);
    redis_server_freeze(server);
    for (unsigned i = 0; i < MANY; i++) call_all(p + 4 * i);
    for (unsigned i = 0; i < 5; i++) ev_run(loop, EVRUN_NOWAIT); /* they are sent */
    redis_server_kill(server);
    for (unsigned i = 0; i < MANY; i++) all_unavailable(p + 4 * i + 1, 3, NULL);
    assert_int_equal(p[0].ends, 0);
    assert_int_equal(wait.ends, 0);
    call_all(more); /* these wait for the connection */
    redis_server_restart(server);
    for (unsigned i = 0; i < 4; i++) await(&more[i]);
    assert_int_equal(more[0].err, PINION_OK);
    assert_int_equal(more[1].err, PINION_NOT_FOUND);
    for (unsigned i = 0; i < MANY; i++) {
        await(&p[4 * i]);
        assert_int_equal(p[4 * i].err, PINION_OK);
    }
    has_jobs("default", MANY + 2);
    CALL(&cancel, cancel, "default:kept", on_steered, &cancel);
    await(&cancel);
    await(&wait);
    assert_string_equal(wait.state, "cancelled");
    free(p);
    close_client();
}

/* The connection is cut before Redis has the call, between that and the answer, and within the
 * answer: each job is made, once, and the answer is that of the first time. */
TEST(what_is_enqueued_is_sent_again)
{
    static const enum fault faults[] = {FAULT_CUT_BEFORE, FAULT_CUT_AFTER, FAULT_CUT_MIDDLE};
    struct fault_proxy *proxy = fault_proxy_start(redis_server_path(server));
    struct pinion_job jobs[3];

    for (size_t i = 0; i < countof(jobs); i++) jobs[i] = job_of("nobody", "x");
    open_client((struct pinion_async_options){
        .redis_url = fault_proxy_url(proxy), .connect_timeout_ms = 60000});
    one_job("first"); /* and the queue is registered */
    for (size_t i = 0; i < countof(faults); i++) {
        struct probe p = {0};
        unsigned struck = fault_proxy_strikes(proxy);
        fault_proxy_set(proxy, faults[i], 0);
        CALL(&p, enqueue, jobs, countof(jobs), on_enqueued, &p);
        await(&p);
        assert_int_equal(fault_proxy_strikes(proxy), struck + 1);
        assert_int_equal(p.err, PINION_OK);
        assert_int_equal(p.wrong, 0);
        assert_int_equal(p.existing, 0);
        has_jobs("default", 1 + (unsigned)((i + 1) * countof(jobs)));
    }
    close_client();
    fault_proxy_free(proxy);
}

/* No Redis comes again: the calls end when their time is over, or as one that is closed. */
TEST(what_is_enqueued_is_given_up)
{
    struct pinion_job job = job_of("nobody", "x");

    for (unsigned closed = 0; closed < 2; closed++) {
        struct probe lost = {0}, p = {.err = PINION_UNAVAILABLE};
        open_client((struct pinion_async_options){.connect_timeout_ms = closed ? 60000 : 300});
        while (p.err == PINION_UNAVAILABLE) { /* a machine may be slow */
            p = (struct probe){0};
            CALL(&p, enqueue, &job, 1, on_enqueued, &p);
            await(&p);
        }
        redis_server_freeze(server);
        CALL(&lost, enqueue, &job, 1, on_enqueued, &lost);
        for (unsigned i = 0; i < 5; i++) ev_run(loop, EVRUN_NOWAIT); /* it is sent */
        redis_server_kill(server);
        if (closed) {
            begin_close();
            assert_int_equal(lost.ends, 0);
        }
        all_unavailable(&lost, 1, NULL);
        assert_int_equal(lost.made_err, PINION_UNAVAILABLE);
        if (closed) await_count(&closes, 1);
        else close_client();
        redis_server_restart(server);
    }
}

/* In its callback each makes another call, and the first closes the client. */
static struct probe afterwards[4];
static unsigned after;

static void call_after(struct probe *p)
{
    (void)p;
    if (after < 4) {
        struct probe *next = &afterwards[after++];
        CALL(next, show, "default:a", on_shown, next);
    }
}

TEST(closed_with_calls_on_their_way)
{
    struct probe p[4] = {{0}}, wait = {0};

    after = 0;
    memset(afterwards, 0, sizeof afterwards);
    open_client((struct pinion_async_options){0});
    one_job("kept");
    CALL(&wait, wait, "default:kept", 60000, on_ended, &wait);
    ev_run(loop, EVRUN_NOWAIT);
    redis_server_freeze(server);
    for (unsigned i = 0; i < 4; i++) p[i].then = call_after;
    call_all(p);
    ev_run(loop, EVRUN_NOWAIT); /* they are sent */
    begin_close();
    assert_int_equal(p[0].ends + p[1].ends + p[2].ends + p[3].ends + wait.ends, 0);
    await_count(&closes, 1);
    redis_server_thaw(server);
    all_unavailable(p, 4, NULL);
    all_unavailable(&wait, 1, NULL);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(afterwards[i].ends, 1);
        assert_int_equal(afterwards[i].err, PINION_CONFLICT);
        assert_string_equal(afterwards[i].why, "the client was closed");
    }
}

static void close_in_callback(struct probe *p)
{
    (void)p;
    begin_close();
}

TEST(closed_in_a_callback_and_before_anything_was_sent)
{
    struct probe p[5] = {{0}}, unsent[4] = {{0}};

    open_client((struct pinion_async_options){0});
    one_job("a");
    p[1].then = close_in_callback;
    call_all(p);
    for (unsigned i = 0; i < 4; i++) await_count(&p[i].ends, 1);
    await_count(&closes, 1);
    assert_int_equal(p[1].err, PINION_OK);
    open_client((struct pinion_async_options){0});
    call_all(unsent);
    begin_close();
    all_unavailable(unsent, 4, "the client was closed");
    await_count(&closes, 1);
}

/* Nobody is there, and then somebody is. */
TEST(redis_comes_late_or_not_at_all)
{
    struct probe p[4] = {{0}}, late[4] = {{0}}, never = {0};

    redis_server_kill(server);
    open_client((struct pinion_async_options){.connect_timeout_ms = 20});
    call_all(p);
    CALL(&never, wait, "default:a", 0, on_ended, &never);
    all_unavailable(p, 4, "no connection within 20ms: Redis at unix:");
    all_unavailable(&never, 1, "no connection within 20ms");
    assert_int_equal(p[0].wrong, 1);
    close_client();
    open_client((struct pinion_async_options){.connect_timeout_ms = 60000});
    call_all(late);
    ev_run(loop, EVRUN_NOWAIT);
    redis_server_begin(server);
    for (unsigned i = 0; i < 4; i++) await(&late[i]);
    assert_int_equal(late[0].err, PINION_OK);
    assert_int_equal(late[1].err, PINION_NOT_FOUND);
    close_client();
}

TEST(an_answer_takes_too_long)
{
    struct probe p[4] = {{0}};

    open_client((struct pinion_async_options){.reply_timeout_ms = 50});
    one_job("a");
    redis_server_freeze(server);
    call_all(p);
    all_unavailable(p + 1, 3, NULL);
    assert_int_equal(p[0].ends, 0);
    redis_server_thaw(server);
    await(&p[0]); /* it was sent again */
    if (p[0].err) all_unavailable(p, 1, NULL); /* too slowly for that */
    close_client();
}

TEST(redis_refuses_us)
{
    static const char *const secret[] = {"--requirepass", "secret", NULL};
    struct probe p[4] = {{0}}, again = {0};

    redis_server_free(server);
    server = redis_server_start(secret);
    open_client((struct pinion_async_options){.connect_timeout_ms = 60000});
    call_all(p);
    for (unsigned i = 0; i < 4; i++) {
        await(&p[i]);
        assert_int_not_equal(p[i].err, PINION_OK);
        assert_non_null(strstr(p[i].why, "password"));
    }
    CALL(&again, show, "default:a", on_shown, &again); /* at once, not after a minute */
    await(&again);
    assert_int_equal(again.err, p[1].err);
    close_client();
}

/* Where Redis is, the state folder of the service tells, once there is one. */
TEST(the_state_folder_comes_late)
{
    struct pinion_service_options options = {.redis_url = redis_server_url(server)};
    char dir[SCRATCH_MAX], folder[SCRATCH_MAX + 8], why[256];
    struct probe early = {0}, p[4] = {{0}};
    struct pinion_service *mine;

    assert_true(scratch_make(dir));
    snprintf(folder, sizeof folder, "%s/state", dir);
    open_client((struct pinion_async_options){.state_dir = folder, .connect_timeout_ms = 10});
    CALL(&early, show, "default:a", on_shown, &early);
    all_unavailable(&early, 1, "no connection within 10ms");
    close_client();
    open_client((struct pinion_async_options){.state_dir = folder, .connect_timeout_ms = 60000});
    call_all(p);
    options.state_dir = folder;
    if (pinion_service_new(loop, &options, &mine, why, sizeof why)) fail_msg("%s", why);
    if (pinion_service_start(mine, why, sizeof why)) fail_msg("%s", why);
    for (unsigned i = 0; i < 4; i++) await(&p[i]);
    assert_int_equal(p[0].err, PINION_OK);
    assert_int_equal(p[1].err, PINION_NOT_FOUND);
    close_client();
    pinion_service_stop(mine);
    while (!pinion_service_stopped(mine)) ev_run(loop, EVRUN_ONCE);
    pinion_service_free(mine);
    assert_int_equal(scratch_remove(dir), 0);
}

/* Nothing of a closed client keeps the loop alive; an open one does. */
TEST(a_closed_client_lets_the_loop_end)
{
    open_client((struct pinion_async_options){0});
    one_job("a");
    begin_close();
    ev_run(loop, 0);
    assert_int_equal(closes, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(redis_is_killed, begin_durable, one_service_end),
        service_test(what_is_enqueued_is_sent_again),
        service_test(what_is_enqueued_is_given_up),
        service_test(closed_with_calls_on_their_way),
        service_test(closed_in_a_callback_and_before_anything_was_sent),
        service_test(redis_comes_late_or_not_at_all),
        service_test(an_answer_takes_too_long),
        service_test(redis_refuses_us),
        service_test(the_state_folder_comes_late),
        service_test(a_closed_client_lets_the_loop_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
