/* pinion.h: the client on a loop, its calls one by one and its bounds. test_async_faults.c is about
 * what goes wrong. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/async_world.h"
#include "tests/support/check.h"

/* ---- to make jobs ---------------------------------------------------------------------------- */

TEST(one_job_and_many)
{
    struct pinion_job jobs[1000] = {{0}};
    struct probe one = {0}, many = {0}, none = {0};
    char payload[1000][8];

    open_client((struct pinion_async_options){0});
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(payload[i], sizeof payload[i], "%u", i);
        jobs[i] = job_of("k", payload[i]);
        if (i % 3 == 0) jobs[i].queue = "other";
        if (i % 100 == 7) jobs[i].kind = "no kind";
    }
    CALL(&one, enqueue, jobs, 1, on_enqueued, &one);
    CALL(&many, enqueue, jobs, 1000, on_enqueued, &many);
    CALL(&none, enqueue, jobs, 0, on_enqueued, &none);
    memset(payload, 'x', sizeof payload); /* they are the caller's again */
    memset(jobs, 0, sizeof jobs);
    assert_int_equal(pinion_async_jobs(client), 1001);
    await(&one);
    await(&many);
    await(&none);
    assert_int_equal(pinion_async_jobs(client), 0);
    assert_int_equal(one.err, PINION_OK);
    assert_int_equal(none.err, PINION_OK);
    assert_int_equal(none.count, 0);
    assert_int_equal(many.err, PINION_OK);
    assert_int_equal(many.count, 1000);
    assert_int_equal(many.wrong, 10);
    assert_non_null(strstr(many.why, "kind"));
    assert_memory_equal(many.id, "other:", 6); /* the first */
    has_jobs("default", 659);
    has_jobs("other", 332);
    close_client();
}

/* What is called in one turn of the loop travels together. */
TEST(a_turn_is_one_call)
{
    struct probe first = {0}, *all = xcalloc(1000, sizeof *all);
    struct pinion_job job = job_of("k", "x");
    char *ids[100];

    open_client((struct pinion_async_options){0});
    CALL(&first, enqueue, &job, 1, on_enqueued, &first);
    await(&first);
    for (unsigned i = 0; i < 1000; i++) CALL(&all[i], enqueue, &job, 1, on_enqueued, &all[i]);
    unsigned long before = script_calls();
    for (unsigned i = 0; i < 1000; i++) await(&all[i]);
    assert_int_equal(script_calls() - before, 2); /* of 512 */
    for (unsigned i = 0; i < 100; i++) {
        ids[i] = xstrdup(all[i].id);
        all[i] = (struct probe){0};
        CALL(&all[i], cancel, ids[i], on_steered, &all[i]);
    }
    before = script_calls();
    for (unsigned i = 0; i < 100; i++) await(&all[i]);
    assert_int_equal(script_calls() - before, 2); /* of 64 */
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(all[i].err, PINION_OK);
        assert_string_equal(all[i].why, "cancelled");
        free(ids[i]);
    }
    has_jobs("default", 1001);
    free(all);
    close_client();
}

TEST(the_same_id_is_one_job)
{
    struct pinion_job job = job_of("k", "x");
    struct probe a = {0}, b = {0}, c = {0};

    open_client((struct pinion_async_options){0});
    job.id = "mine";
    CALL(&a, enqueue, &job, 1, on_enqueued, &a);
    CALL(&b, enqueue, &job, 1, on_enqueued, &b);
    job.payload = "y";
    CALL(&c, enqueue, &job, 1, on_enqueued, &c);
    await(&a);
    await(&b);
    await(&c);
    assert_string_equal(a.id, "default:mine");
    assert_string_equal(b.id, "default:mine");
    assert_int_equal(a.existing + b.existing, 1);
    assert_int_equal(c.err, PINION_OK);
    assert_int_equal(c.made_err, PINION_CONFLICT);
    assert_non_null(strstr(c.why, "mine"));
    close_client();
}

/* ---- their ends ------------------------------------------------------------------------------ */

static void work(struct pinion_attempt *a, void *ctx)
{
    const struct pinion_work *w = pinion_attempt_work(a);

    (void)ctx;
    if (strcmp(w->kind, "dies") == 0) pinion_attempt_reject(a, "no luck");
    else pinion_attempt_done(a, w->payload, w->payload_len);
}

static void serve(void)
{
    struct pinion_handler echo = {.kind = "echo", .run = work};
    struct pinion_handler dies = {.kind = "dies", .run = work};
    char why[256];

    assert_int_equal(pinion_service_handle(service, &echo), PINION_OK);
    assert_int_equal(pinion_service_handle(service, &dies), PINION_OK);
    if (pinion_service_start(service, why, sizeof why)) fail_msg("%s", why);
}

static void stop_serving(void)
{
    pinion_service_stop(service);
    while (!pinion_service_stopped(service)) ev_run(loop, EVRUN_ONCE);
}

TEST(waits_shows_cancels_and_retries)
{
    struct pinion_job jobs[3] = {job_of("echo", "hello"), job_of("dies", "x"),
                                 job_of("nobody", "")};
    struct probe made = {0}, wait[3] = {{0}}, show = {0}, steer = {0};
    static const char *const ids[] = {"default:j0", "default:j1", "default:j2"};

    open_client((struct pinion_async_options){0});
    for (unsigned i = 0; i < 3; i++) {
        jobs[i].id = ids[i] + strlen("default:");
        jobs[i].retain_ms = 60000;
    }
    CALL(&made, enqueue, jobs, 3, on_enqueued, &made);
    await(&made);
    for (unsigned i = 0; i < 3; i++) CALL(&wait[i], wait, ids[i], 0, on_ended, &wait[i]);
    serve();
    await(&wait[0]);
    await(&wait[1]);
    assert_string_equal(wait[0].state, "done");
    assert_string_equal(wait[0].text, "hello");
    assert_string_equal(wait[1].state, "dead");
    assert_string_equal(wait[1].text, "no luck");
    assert_int_equal(wait[2].ends, 0);
    CALL(&show, show, ids[2], on_shown, &show);
    await(&show);
    assert_string_equal(show.state, "ready");
    assert_string_equal(show.kind, "nobody");
    assert_int_equal(show.attempt, 0);
    CALL(&steer, cancel, ids[2], on_steered, &steer);
    await(&steer);
    await(&wait[2]);
    assert_int_equal(steer.err, PINION_OK);
    assert_string_equal(wait[2].state, "cancelled");
    steer = show = wait[1] = (struct probe){0};
    CALL(&steer, cancel, ids[0], on_steered, &steer);
    CALL(&show, show, ids[1], on_shown, &show);
    await(&steer);
    await(&show);
    assert_int_equal(steer.err, PINION_CONFLICT);
    assert_string_equal(steer.why,
                        "job default:j0: it is done: expected one that has not ended");
    assert_string_equal(show.state, "dead");
    assert_string_equal(show.text, "no luck");
    assert_int_equal(show.attempt, 1);
    steer = (struct probe){0};
    CALL(&steer, retry, ids[1], on_steered, &steer);
    CALL(&wait[1], wait, ids[1], 0, on_ended, &wait[1]);
    await(&steer);
    await(&wait[1]);
    assert_int_equal(steer.err, PINION_OK);
    assert_string_equal(wait[1].state, "dead"); /* again */
    close_client();
    stop_serving();
}

TEST(what_is_not_there_and_what_takes_too_long)
{
    struct pinion_job job = job_of("nobody", "x");
    struct probe made = {0}, p[6] = {{0}};

    open_client((struct pinion_async_options){0});
    job.id = "late";
    CALL(&made, enqueue, &job, 1, on_enqueued, &made);
    await(&made);
    CALL(&p[0], wait, "default:none", 0, on_ended, &p[0]);
    CALL(&p[1], show, "default:none", on_shown, &p[1]);
    CALL(&p[2], cancel, "default:none", on_steered, &p[2]);
    CALL(&p[3], retry, "no id", on_steered, &p[3]);
    CALL(&p[4], wait, NULL, 0, on_ended, &p[4]);
    CALL(&p[5], wait, "default:late", 20, on_ended, &p[5]);
    for (unsigned i = 0; i < 6; i++) await(&p[i]);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(p[i].err, PINION_NOT_FOUND);
        assert_non_null(strstr(p[i].why, "default:none"));
    }
    assert_int_equal(p[3].err, PINION_INVALID);
    assert_non_null(strstr(p[3].why, "expected QUEUE:ID"));
    assert_int_equal(p[4].err, PINION_INVALID);
    assert_int_equal(p[5].err, PINION_BUSY);
    assert_string_equal(p[5].why, "job default:late is still ready after 20ms");
    pinion_async_cancel(client, "default:late", NULL, NULL); /* nobody asks */
    pinion_async_show(client, "default:late", NULL, NULL);
    pinion_async_wait(client, "default:late", 0, NULL, NULL);
    pinion_async_enqueue(client, &job, 1, NULL, NULL);
    close_client();
}

/* ---- bounds ---------------------------------------------------------------------------------- */

TEST(so_many_jobs_and_no_more)
{
    struct probe fits = {0}, past = {0}, large = {0}, again = {0};
    struct pinion_job jobs[6];

    for (unsigned i = 0; i < 6; i++) jobs[i] = job_of("k", "x");
    open_client((struct pinion_async_options){.jobs_max = 5});
    CALL(&fits, enqueue, jobs, 4, on_enqueued, &fits);
    CALL(&fits, enqueue, jobs, 1, on_enqueued, &fits);
    CALL(&past, enqueue, jobs, 1, on_enqueued, &past);
    CALL(&large, enqueue, jobs, 6, on_enqueued, &large);
    assert_int_equal(pinion_async_jobs(client), 5);
    await(&past);
    await(&large);
    while (fits.ends < 2) ev_run(loop, EVRUN_ONCE);
    CALL(&again, enqueue, jobs, 5, on_enqueued, &again);
    await(&again);
    assert_int_equal(past.err, PINION_BUSY);
    assert_null(past.made);
    assert_string_equal(past.why,
                        "5 jobs are on their way, of at most 5: try again when some have ended");
    assert_int_equal(large.err, PINION_TOO_LARGE);
    assert_string_equal(large.why, "expected at most 5 jobs in one call, not 6");
    assert_int_equal(again.err, PINION_OK);
    has_jobs("default", 10);
    close_client();
}

TEST(so_many_bytes_and_no_more)
{
    struct pinion_job jobs[2] = {job_of("k", "12345678"), job_of("k", "1234")};
    struct probe fits = {0}, past = {0}, large = {0};

    jobs[1].kind = jobs[0].kind; /* copied once: 8 + 2 and 4 bytes */
    open_client((struct pinion_async_options){.bytes_max = 14});
    CALL(&fits, enqueue, jobs, 2, on_enqueued, &fits);
    CALL(&past, enqueue, jobs + 1, 1, on_enqueued, &past);
    await(&fits);
    await(&past);
    jobs[1].payload_len = 3;
    jobs[0].tags = "ab";
    CALL(&large, enqueue, jobs, 2, on_enqueued, &large);
    await(&large);
    assert_int_equal(fits.err, PINION_OK);
    assert_int_equal(past.err, PINION_BUSY);
    assert_int_equal(large.err, PINION_TOO_LARGE);
    assert_non_null(strstr(large.why, "at most 14 bytes in one call, not 16"));
    has_jobs("default", 2);
    close_client();
}

TEST(so_many_calls_and_waits_and_no_more)
{
    struct probe *p = xcalloc(1002, sizeof *p), calls[3] = {{0}}, made = {0};
    struct pinion_job job = job_of("nobody", "x");

    open_client((struct pinion_async_options){.calls_max = 2});
    job.id = "a";
    CALL(&made, enqueue, &job, 1, on_enqueued, &made);
    await(&made);
    CALL(&calls[0], show, "default:a", on_shown, &calls[0]);
    CALL(&calls[1], cancel, "default:b", on_steered, &calls[1]);
    CALL(&calls[2], retry, "default:b", on_steered, &calls[2]);
    for (unsigned i = 0; i < 3; i++) await(&calls[i]);
    assert_int_equal(calls[0].err, PINION_OK);
    assert_int_equal(calls[1].err, PINION_NOT_FOUND);
    assert_int_equal(calls[2].err, PINION_BUSY);
    for (unsigned i = 0; i < 1001; i++) CALL(&p[i], wait, "default:a", 0, on_ended, &p[i]);
    await(&p[1000]);
    assert_int_equal(p[1000].err, PINION_BUSY);
    assert_string_equal(p[1000].why, "1000 waits for jobs are on their way, of at most 1000: try "
                                     "again when some have ended");
    assert_int_equal(p[0].ends + p[999].ends, 0);
    CALL(&p[1001], cancel, "default:a", on_steered, &p[1001]);
    for (unsigned i = 0; i < 1000; i++) {
        await(&p[i]);
        assert_string_equal(p[i].state, "cancelled");
    }
    await(&p[1001]);
    free(p);
    close_client();
}

static void bad(struct pinion_async_options o, const char *words)
{
    struct pinion_async *none = NULL;
    char why[256] = "";

    assert_int_equal(pinion_async_open(loop, &o, &none, why, sizeof why), PINION_INVALID);
    assert_null(none);
    if (!strstr(why, words)) fail_msg("expected '%s', not '%s'", words, why);
    assert_int_equal(pinion_async_open(loop, &o, &none, NULL, 0), PINION_INVALID);
}

TEST(bad_options)
{
    struct pinion_async *none = NULL;
    char why[256];

    assert_int_equal(pinion_async_open(NULL, NULL, &none, why, sizeof why), PINION_INVALID);
    assert_string_equal(why, "expected a loop");
    bad((struct pinion_async_options){.redis_url = "nonsense"}, "redis");
    bad((struct pinion_async_options){.name_space = "a b"}, "name_space: expected");
    bad((struct pinion_async_options){.jobs_max = PINION_ASYNC_JOBS_MAX + 1}, "at most 1000000");
    bad((struct pinion_async_options){.calls_max = PINION_ASYNC_JOBS_MAX + 1}, "at most 1000000");
    bad((struct pinion_async_options){.reply_timeout_ms = UINT64_MAX}, "a timeout");
    open_client((struct pinion_async_options){.jobs_max = PINION_ASYNC_JOBS_MAX});
    close_client();
    pinion_async_close(NULL, NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        service_test(one_job_and_many),
        service_test(a_turn_is_one_call),
        service_test(the_same_id_is_one_job),
        service_test(waits_shows_cancels_and_retries),
        service_test(what_is_not_there_and_what_takes_too_long),
        service_test(so_many_jobs_and_no_more),
        service_test(so_many_bytes_and_no_more),
        service_test(so_many_calls_and_waits_and_no_more),
        service_test(bad_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
