/* Workers elsewhere: they lease over HTTP, wait, leave, and settle at whichever server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "tests/flow/pull_world.h"
#include "workers/limits.h"
#include "workers/workers.h"

/* ---- leases ---------------------------------------------------------------------------------- */

TEST(a_job_is_leased_extended_told_of_and_acked)
{
    world_open();
    char *id = enqueue("{\"kind\":\"a.b\",\"payload\":\"one two\",\"retain_ms\":60000}");
    json_t *none = lease("kind=a&kind=b.*");
    assert_int_equal(count_of(none), 0);
    json_t *got = lease("kind=x&kind=a.*&lease_ms=5000&worker=me");
    assert_int_equal(count_of(got), 1);
    const json_t *item = item_of(got, 0);
    assert_string_equal(text_at(item, "id"), id);
    assert_string_equal(text_at(item, "payload"), "one two");
    assert_string_equal(text_at(item, "state"), "active");
    assert_int_equal(number_at(item, "attempt"), 1);
    assert_non_null(strchr(text_at(item, "lease_until"), 'T'));
    char *target = xasprintf("/v1/jobs/%s", id), *explain = xasprintf("%s/explain", target);
    json_t *shown = ask_json(200, "GET", target, AUTH, NULL);
    assert_string_equal(text_at(shown, "worker"), "me");
    assert_string_equal(text_at(shown, "started_at"), text_at(item, "started_at"));
    json_t *why = ask_json(200, "GET", explain, AUTH, NULL);
    assert_string_equal(text_at(why, "reason"), "running");
    assert_non_null(strstr(text_at(why, "message"), "pulled over HTTP by me; its lease runs"));
    json_decref(why);
    json_decref(shown);
    free(explain);
    json_t *extended = say(200, item, "extend", ",\"lease_ms\":60000");
    assert_string_equal(text_at(extended, "status"), "active");
    assert_true(strcmp(text_at(extended, "lease_until"), text_at(item, "lease_until")) > 0);
    assert_true(json_is_false(json_object_get(extended, "cancelled")));
    say_so(200, item, "progress", ",\"percent\":40,\"note\":\"nearly\"", "status", "active");
    say_so(200, item, "ack", ",\"result\":{\"a\": [1, \"\\u0000\"]}", "status", "done");
    say_so(200, item, "ack", "", "status", "done"); /* the answer was lost */
    say_so(409, item, "fail", ",\"error\":\"no\"", "error.code", "stale");
    json_t *job = ask_json(200, "GET", target, AUTH, NULL);
    assert_string_equal(text_at(job, "state"), "done");
    assert_string_equal(text_at(job, "result"), "{\"a\":[1,\"\\u0000\"]}");
    assert_int_equal(number_at(job, "progress.percent"), 40);
    assert_int_equal(totals()->done.value, 1);
    assert_int_equal(totals()->pulled.value, 1);
    assert_int_equal(totals()->stale.value, 1);
    json_decref(job);
    json_decref(extended);
    json_decref(got);
    json_decref(none);
    free(target);
    free(id);
    world_close();
}

TEST(failures_wait_as_the_job_says_or_as_they_say)
{
    world_open();
    free(enqueue("{\"kind\":\"f\",\"backoff\":\"fixed:1h\",\"attempts_max\":3}"));
    free(enqueue("{\"kind\":\"g\",\"attempts_max\":3}"));
    free(enqueue("{\"kind\":\"h\"}"));
    json_t *f = lease("kind=f"), *g = lease("kind=g"), *h = lease("kind=h");
    say_so(200, item_of(f, 0), "fail", ",\"error\":\"no luck\"", "status", "retry");
    say_so(200, item_of(f, 0), "fail", ",\"error\":\"no luck\"", "status", "retry"); /* again */
    say_so(200, item_of(g, 0), "fail", ",\"retry_in_ms\":20", "status", "retry");
    say_so(200, item_of(h, 0), "fail", ",\"error\":\"never\",\"retry\":false", "status", "dead");
    json_t *again = lease("kind=g&wait=10s"); /* it comes by itself */
    assert_int_equal(count_of(again), 1);
    assert_int_equal(number_at(item_of(again, 0), "attempt"), 2);
    json_t *none = lease("kind=f");
    assert_int_equal(count_of(none), 0);
    assert_int_equal(totals()->failed.value, 3);
    json_decref(none);
    json_decref(again);
    json_decref(h);
    json_decref(g);
    json_decref(f);
    world_close();
}

TEST(many_are_leased_and_settled_at_once)
{
    struct buffer body = BUFFER_INIT;

    world_open();
    buffer_add_char(&body, '[');
    for (int i = 0; i < 600; i++) buffer_printf(&body, "%s{\"kind\":\"m\"}", i ? "," : "");
    buffer_add_char(&body, ']');
    json_decref(ask_json(201, "POST", JOBS, AUTH JSON, body.data));
    json_t *got = lease("kind=m&max=512");
    assert_int_equal(count_of(got), 512);
    buffer_clear(&body);
    for (size_t i = 0; i < 512; i++)
        buffer_printf(&body, "%c{\"id\":\"%s\",\"token\":\"%s\"}", i ? ',' : '[',
                      text_at(item_of(got, i), "id"), text_at(item_of(got, i), "token"));
    buffer_add_char(&body, ']');
    json_t *extended = ask_json(200, "POST", "/v1/queues/default/extend", AUTH JSON, body.data);
    assert_int_equal(json_array_size(extended), 512);
    json_t *done = ask_json(200, "POST", "/v1/queues/default/ack", AUTH JSON, body.data);
    assert_int_equal(json_array_size(done), 512);
    json_t *late = ask_json(409, "POST", "/v1/queues/default/fail", AUTH JSON, body.data);
    assert_string_equal(text_at(json_array_get(late, 511), "error.code"), "stale");
    json_t *queue = ask_json(200, "GET", "/v1/queues/default", AUTH, NULL);
    assert_int_equal(number_at(queue, "totals.done"), 512);
    assert_int_equal(number_at(queue, "counts.ready"), 88);
    assert_int_equal(number_at(queue, "counts.active"), 0);
    assert_int_equal(totals()->done.value, 512);
    assert_int_equal(totals()->stale.value, 512);
    json_decref(queue);
    json_decref(late);
    json_decref(done);
    json_decref(extended);
    json_decref(got);
    buffer_deinit(&body);
    world_close();
}

/* ---- waiting --------------------------------------------------------------------------------- */

/* From the enqueue to the answer of who waits. */
static uint64_t woken_after_ms(struct visitor *v)
{
    uint64_t wakes = totals()->wakes.value;

    free(enqueue("{\"kind\":\"p\"}"));
    uint64_t from_ms = clock_mono_ms();
    json_t *got = read_lease(v);
    uint64_t took_ms = clock_mono_ms() - from_ms;
    assert_int_equal(count_of(got), 1);
    assert_int_equal(totals()->wakes.value, wakes + 1);
    assert_int_equal(waiting(), 0);
    json_decref(got);
    return took_ms;
}

/* A heartbeat, each second, would tell as well, but not in most rounds as soon as this. */
TEST(who_waits_is_woken_and_nothing_is_polled)
{
    unsigned soon = 0;

    world_open();
    struct visitor *v = visitor_open();
    for (int round = 0; round < 5; round++) {
        send_lease(v, "kind=p&wait=1m");
        eventually(waiting() == 1);
        uint64_t from_ms = clock_mono_ms();
        eventually(round || clock_mono_ms() - from_ms > 1500); /* a heartbeat, at least */
        assert_int_equal(v->got.len, 0);
        if (woken_after_ms(v) < 300) soon++;
    }
    assert_in_range(soon, 3, 5);
    visitor_close(v);
    world_close();
}

TEST(the_oldest_who_wait_are_served_first)
{
    struct visitor *v[3];

    world_open();
    for (int i = 0; i < 3; i++) {
        v[i] = visitor_open();
        send_lease(v[i], i == 1 ? "kind=other&wait=1m" : "kind=p&wait=1m");
        eventually(waiting() == (unsigned)i + 1);
    }
    free(enqueue("{\"kind\":\"p\",\"payload\":\"first\"}"));
    json_t *first = read_lease(v[0]);
    assert_string_equal(text_at(item_of(first, 0), "payload"), "first");
    assert_int_equal(waiting(), 2);
    free(enqueue("{\"kind\":\"p\",\"payload\":\"second\"}"));
    json_t *second = read_lease(v[2]);
    assert_string_equal(text_at(item_of(second, 0), "payload"), "second");
    assert_int_equal(v[1]->got.len, 0);
    json_decref(first);
    json_decref(second);
    for (int i = 0; i < 3; i++) visitor_close(v[i]);
    eventually(waiting() == 0);
    world_close();
}

TEST(when_the_wait_is_over_there_is_nothing_and_others_are_woken)
{
    world_open();
    uint64_t from_ms = clock_mono_ms();
    json_t *none = lease("kind=p&wait=200ms");
    assert_int_equal(count_of(none), 0);
    assert_true(clock_mono_ms() - from_ms >= 200);
    struct visitor *v = visitor_open();
    send_lease(v, "kind=p&kind=q&wait=1m"); /* another line */
    eventually(waiting() == 1);
    free(enqueue("{\"kind\":\"p\"}"));
    json_t *got = read_lease(v);
    assert_int_equal(count_of(got), 1);
    json_decref(got);
    json_decref(none);
    visitor_close(v);
    world_close();
}

/* It hangs up while the claim is on its way. */
TEST(what_is_claimed_for_a_client_that_left_goes_back_uncharged)
{
    world_open();
    for (unsigned i = 1; i <= 5; i++) {
        struct visitor *v = visitor_open();
        free(enqueue("{\"kind\":\"p\"}"));
        redis_server_freeze(world_redis);
        send_lease(v, "kind=p&wait=1m");
        eventually(waiting() == 1);
        visitor_close(v);
        for (int turn = 0; turn < 50; turn++) world_turn();
        assert_int_equal(waiting(), 1);
        redis_server_thaw(world_redis);
        eventually(totals()->released.value == i);
        json_t *got = lease("kind=p&wait=5s");
        assert_int_equal(count_of(got), 1);
        assert_int_equal(number_at(item_of(got, 0), "attempt"), 1);
        say_so(200, item_of(got, 0), "ack", "", "status", "done");
        json_decref(got);
    }
    assert_int_equal(waiting(), 0);
    world_close();
}

/* ---- time ------------------------------------------------------------------------------------ */

TEST(an_attempt_that_had_its_time_is_failed_by_who_notices)
{
    world_open();
    free(enqueue("{\"kind\":\"t\",\"timeout_ms\":100,\"attempts_max\":1}"));
    free(enqueue("{\"kind\":\"t\",\"timeout_ms\":100,\"attempts_max\":1}"));
    free(enqueue("{\"kind\":\"t\",\"timeout_ms\":100,\"attempts_max\":1}"));
    json_t *got = lease("kind=t&max=3");
    assert_int_equal(count_of(got), 3);
    uint64_t from_ms = clock_mono_ms();
    eventually(clock_mono_ms() - from_ms > 150);
    say_so(409, item_of(got, 0), "extend", "", "error.message", "timed out after 100ms");
    say_so(409, item_of(got, 1), "ack", "", "error.message", "timed out after 100ms");
    say_so(200, item_of(got, 2), "fail", ",\"error\":\"x\"", "status", "dead");
    for (size_t i = 0; i < 3; i++) {
        char *target = xasprintf("/v1/jobs/%s", text_at(item_of(got, i), "id"));
        json_t *job = ask_json(200, "GET", target, AUTH, NULL);
        assert_string_equal(text_at(job, "state"), "dead");
        assert_string_equal(text_at(job, "error"), "timed out after 100ms");
        json_decref(job);
        free(target);
    }
    assert_int_equal(totals()->failed.value, 3);
    json_decref(got);
    world_close();
}

TEST(a_cancel_is_told_by_extend_and_progress)
{
    world_open();
    char *id = enqueue("{\"kind\":\"c\"}"), *cancel = xasprintf("/v1/jobs/%s/cancel", id);
    json_t *got = lease("kind=c");
    json_decref(ask_json(200, "POST", cancel, AUTH, ""));
    json_t *extended = say(200, item_of(got, 0), "extend", "");
    assert_true(json_is_true(json_object_get(extended, "cancelled")));
    json_t *told = say(200, item_of(got, 0), "progress", ",\"percent\":1");
    assert_true(json_is_true(json_object_get(told, "cancelled")));
    say_so(200, item_of(got, 0), "fail", ",\"error\":\"stopped\"", "status", "cancelled");
    json_decref(told);
    json_decref(extended);
    json_decref(got);
    free(cancel);
    free(id);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_is_leased_extended_told_of_and_acked),
        cmocka_unit_test(failures_wait_as_the_job_says_or_as_they_say),
        cmocka_unit_test(many_are_leased_and_settled_at_once),
        cmocka_unit_test(who_waits_is_woken_and_nothing_is_polled),
        cmocka_unit_test(the_oldest_who_wait_are_served_first),
        cmocka_unit_test(when_the_wait_is_over_there_is_nothing_and_others_are_woken),
        cmocka_unit_test(what_is_claimed_for_a_client_that_left_goes_back_uncharged),
        cmocka_unit_test(an_attempt_that_had_its_time_is_failed_by_who_notices),
        cmocka_unit_test(a_cancel_is_told_by_extend_and_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
