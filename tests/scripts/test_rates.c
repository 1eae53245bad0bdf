/* What heartbeats remember of a queue's totals, and the rates that follow from it. */
#include <stdio.h>
#include <string.h>
#include "queue/look.h"
#include "queue/upkeep.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define STEP_MS 10000 /* see past.lua */
#define KEPT    7

static void beat(void)
{
    struct heartbeat answer;

    heartbeat(&rig, "server", "*", &answer);
}

static void make(size_t count)
{
    enqueue_many(&rig, &(struct pinion_job){.kind = "wc", .queue = "q"}, count);
}

static int64_t kept(void)
{
    return rig_int(&rig, "LLEN pinion:{q}:past");
}

TEST(nothing_is_known_without_a_heartbeat)
{
    rig_reset(&rig);
    make(10);
    rig_step(&rig, 5000);
    assert_int_equal(stats(&rig).rates.window_ms, 0);
}

TEST(rates_are_of_the_last_minute)
{
    rig_reset(&rig);
    beat();
    make(20);
    rig_step(&rig, RATES_WINDOW_MIN_MS - 1);
    assert_int_equal(stats(&rig).rates.window_ms, 0);
    rig_step(&rig, 1);
    assert_true(stats(&rig).rates.enqueued == 20);
    rig_step(&rig, 3000);
    assert_int_equal(stats(&rig).rates.window_ms, 4000);
    assert_true(stats(&rig).rates.enqueued == 5);
    assert_true(stats(&rig).rates.done == 0 && stats(&rig).rates.failed == 0);
    for (int second = 4; second <= 75; second++, rig_step(&rig, 1000)) beat();
    struct queue_rates r = stats(&rig).rates;
    assert_true(r.window_ms >= (KEPT - 1) * STEP_MS && r.window_ms <= KEPT * STEP_MS);
    assert_true(r.enqueued == 0);
}

TEST(one_is_kept_each_ten_seconds)
{
    rig_reset(&rig);
    beat();
    beat();
    assert_int_equal(kept(), 1);
    rig_step(&rig, STEP_MS - 1);
    beat();
    assert_int_equal(kept(), 1);
    rig_step(&rig, 1);
    beat();
    assert_int_equal(kept(), 2);
    for (int i = 0; i < 2 * KEPT; i++, rig_step(&rig, STEP_MS)) beat();
    assert_int_equal(kept(), KEPT);
}

/* Nobody serves it for a while: what was kept is no use any more. */
TEST(what_is_too_old_tells_nothing)
{
    rig_reset(&rig);
    beat();
    make(9);
    rig_step(&rig, RATES_WINDOW_MAX_MS);
    assert_int_equal(stats(&rig).rates.window_ms, RATES_WINDOW_MAX_MS);
    rig_step(&rig, 1);
    assert_int_equal(stats(&rig).rates.window_ms, 0);
    beat();
    make(6);
    rig_step(&rig, 2000);
    assert_int_equal(stats(&rig).rates.window_ms, 2000);
    assert_true(stats(&rig).rates.enqueued == 3);
}

/* What is kept from the future is no hindrance. */
TEST(a_clock_that_is_set_back_begins_anew)
{
    rig_reset(&rig);
    beat();
    rig_step(&rig, -3600000);
    beat();
    make(4);
    rig_step(&rig, 1000);
    assert_int_equal(stats(&rig).rates.window_ms, 1000);
    assert_true(stats(&rig).rates.enqueued == 4);
}

TEST(a_bad_entry_is_passed_over)
{
    rig_reset(&rig);
    beat();
    freeReplyObject(rig_command(&rig, "RPUSH pinion:{q}:past odd"));
    freeReplyObject(rig_command(&rig, "RPUSH pinion:{q}:past %lld", (long long)RIG_START_MS));
    /* More were made then than now: Redis was set back. */
    freeReplyObject(rig_command(&rig, "RPUSH pinion:{q}:past %s", "1790000000000 99 0 0"));
    make(3);
    rig_step(&rig, 1500);
    assert_true(stats(&rig).rates.enqueued == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_without_a_heartbeat),
        cmocka_unit_test(rates_are_of_the_last_minute),
        cmocka_unit_test(one_is_kept_each_ten_seconds),
        cmocka_unit_test(what_is_too_old_tells_nothing),
        cmocka_unit_test(a_clock_that_is_set_back_begins_anew),
        cmocka_unit_test(a_bad_entry_is_passed_over),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
