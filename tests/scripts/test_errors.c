/* What the last attempts failed of: how many, how much, and that it goes with the job. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define KEPT       10
#define BYTES_KEPT 512

static char id[QUEUE_NAME_MAX + 1];

static void make(void)
{
    struct pinion_job job = {.kind = "wc", .queue = "q"};

    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, &job, id), "new");
}

/* Ended by a failure with this text, and ready again. */
static void fail_with(const char *text)
{
    struct lease held = claim_one(&rig);
    struct settle_item item = {
        .id = span_of(held.id), .token = span_of(held.token), .text = span_of(text)};

    fail_build(&rig.request, rig_key(&rig), &item, 1);
    freeReplyObject(rig_ask(&rig));
    rig_step(&rig, 1);
    promote(&rig, NULL);
}

static json_t *errors(void)
{
    struct job_view view;

    show_build(&rig.request, rig_key(&rig), span_of(id));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of(id), &view), PINION_OK);
    json_t *list = look_errors(&view);
    job_view_deinit(&view);
    freeReplyObject(r);
    return list;
}

static const char *error_at(json_t *list, size_t i)
{
    return json_string_value(json_object_get(json_array_get(list, i), "error"));
}

static int64_t keys_kept(void)
{
    return rig_int(&rig, "HLEN pinion:{q}:errors");
}

TEST(each_with_its_attempt_and_time)
{
    make();
    json_t *none = errors();
    assert_int_equal(json_array_size(none), 0);
    json_decref(none);
    fail_with("one");
    fail_with("two");
    json_t *two = errors(), *second = json_array_get(two, 1);
    assert_int_equal(json_array_size(two), 2);
    assert_string_equal(error_at(two, 0), "one");
    assert_string_equal(error_at(two, 1), "two");
    assert_int_equal(json_integer_value(json_object_get(second, "attempt")), 2);
    assert_int_equal(json_integer_value(json_object_get(second, "at")), RIG_START_MS + 1);
    json_decref(two);
}

TEST(the_last_ones)
{
    char text[2] = "";

    make();
    for (char c = 'a'; c < 'a' + KEPT + 1; c++) {
        text[0] = c;
        fail_with(text);
    }
    json_t *list = errors();
    assert_int_equal(json_array_size(list), KEPT);
    assert_string_equal(error_at(list, 0), "b");
    assert_string_equal(error_at(list, KEPT - 1), "k");
    json_decref(list);
}

/* Cut at the bound, but not within a character. */
TEST(a_long_one_is_cut)
{
    char text[BYTES_KEPT + 3];

    for (size_t len = BYTES_KEPT; len <= BYTES_KEPT + 1; len++) {
        memset(text, 'x', sizeof text);
        text[len] = '\0';
        make();
        fail_with(text);
        json_t *list = errors();
        assert_int_equal(strlen(error_at(list, 0)), BYTES_KEPT);
        json_decref(list);
    }
    memcpy(text + BYTES_KEPT - 1, "\xc3\xa4", 3);
    make();
    fail_with(text);
    json_t *list = errors();
    assert_int_equal(strlen(error_at(list, 0)), BYTES_KEPT - 1);
    json_decref(list);
}

TEST(they_go_with_the_job)
{
    make();
    fail_with("one");
    assert_int_equal(keys_kept(), 1);
    struct lease held = claim_one(&rig);
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    assert_int_equal(keys_kept(), 0);
    make();
    fail_with("one");
    assert_string_equal(delete_job(&rig, id), "deleted");
    assert_int_equal(keys_kept(), 0);
    make();
    held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_int_equal(keys_kept(), 1);
    assert_string_equal(requeue(&rig, "retry", id), "ready"); /* with all counters at zero */
    assert_int_equal(keys_kept(), 0);
    held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    rig_step(&rig, INT64_C(31) * 86400000);
    assert_int_equal(sweep(&rig), 1);
    assert_int_equal(keys_kept(), 0);
}

/* Put off: its error is seen, but it is none of those that count, even where one attempt is all. */
TEST(one_that_does_not_count)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .attempts_max = 1};
    struct job_view view;

    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, &job, id), "new");
    for (int i = 0; i < 3; i++) {
        struct lease held = claim_one(&rig);
        struct settle_item item = {.id = span_of(held.id),
                                   .token = span_of(held.token),
                                   .text = span_of("put off"),
                                   .delay_ms = 50,
                                   .uncharged = true};
        for (int again = 0; again < 2; again++) { /* the answer was lost */
            fail_build(&rig.request, rig_key(&rig), &item, 1);
            redisReply *r = rig_ask(&rig);
            assert_int_equal(settle_read(r, SCRIPT_FAIL, &item, 1), PINION_OK);
            assert_int_equal(item.settled, SETTLED_RETRY);
            freeReplyObject(r);
        }
        show_build(&rig.request, rig_key(&rig), span_of(id));
        redisReply *r = rig_ask(&rig);
        assert_int_equal(show_read(r, span_of(id), &view), PINION_OK);
        assert_true(span_is(view.state, "retry"));
        assert_int_equal(view.failures, 0);
        assert_string_equal(view.error, "put off");
        job_view_deinit(&view);
        freeReplyObject(r);
        rig_step(&rig, 50);
        promote(&rig, NULL);
    }
    assert_int_equal(keys_kept(), 0);
    assert_int_equal(rig_int(&rig, "HEXISTS pinion:{q}:meta failed"), 0);
    fail_with("at last");
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:dead"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_with_its_attempt_and_time),
        cmocka_unit_test(the_last_ones),
        cmocka_unit_test(a_long_one_is_cut),
        cmocka_unit_test(they_go_with_the_job),
        cmocka_unit_test(one_that_does_not_count),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
