/* Rates, and steps of Redis's clock. */
#include "queue/limit.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static void put(const char *kind, const char *group, size_t count)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .group = group};

    for (size_t i = 0; i < count; i++) enqueue(&rig, &job, NULL);
}

static void rate(enum limit_scope scope, const char *name, const char *text, unsigned burst)
{
    struct limit l = {.scope = scope, .name = span_of(name), .burst = burst,
                      .keep_concurrency = true};
    struct error why;

    assert_int_equal(rate_parse(span_of(text), &l.count, &l.per_ms, &why), PINION_OK);
    limit_build(&rig.request, rig_key(&rig), false, &l, 1);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &why), PINION_OK);
    freeReplyObject(r);
}

/* What a server with room for many gets now; it checks the raw keys, too. */
static size_t gets(void)
{
    static struct leases got;

    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    freeReplyObject(rig_look(&rig));
    return got.count;
}

/* Hours back: what waited for a moment of the old clock is looked at with the next heartbeat, by a
 * server that saw the old clock or by one that did not. */
TEST(a_step_of_the_clock_delays_nothing_that_waits_for_a_rate)
{
    struct heartbeat beat;
    struct promoted p;

    for (int known = 0; known < 2; known++) {
        rig_reset(&rig);
        rate(LIMIT_EACH_GROUP, NULL, "1/10s", 1);
        rate(LIMIT_KIND, "zip", "1/1h", 1);
        put("wc", "g", 2);
        put("wc", "h", 2);
        put("zip", NULL, 2);
        assert_int_equal(gets(), 3);
        assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:throttled"), 3);
        assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:parked"), 2);
        if (known) heartbeat(&rig, "b", "*", &beat);
        rig_step(&rig, known ? -1800 * 1000 : -2 * 3600 * 1000);
        heartbeat(&rig, "b", "*", &beat);
        assert_true(beat.next_due_ms <= rig_now_ms(&rig));
        promote(&rig, &p);
        assert_int_equal(gets(), 0); /* each waits one interval anew, */
        heartbeat(&rig, "b", "*", &beat);
        assert_int_equal(beat.next_due_ms, rig_now_ms(&rig) + 10000);
        rig_step(&rig, 10000);
        promote(&rig, &p);
        assert_int_equal(gets(), 2); /* and no longer */
        heartbeat(&rig, "b", "*", &beat);
        assert_int_equal(beat.next_due_ms, rig_now_ms(&rig) + 3590000);
        rig_step(&rig, 3590000);
        promote(&rig, &p);
        assert_int_equal(gets(), 1);
        heartbeat(&rig, "b", "*", &beat);
        assert_int_equal(beat.next_due_ms, UPKEEP_NEVER);
    }
}

/* The longest that a rate makes wait is no step, nor is a step forward. */
TEST(a_long_interval_is_no_step)
{
    struct heartbeat beat;

    rig_reset(&rig);
    rate(LIMIT_KIND, "wc", "1/1d", 1);
    put("wc", NULL, 2);
    assert_int_equal(gets(), 1);
    heartbeat(&rig, "b", "*", &beat);
    assert_int_equal(beat.next_due_ms, RIG_START_MS + 86400000);
    rig_step(&rig, 3600000);
    heartbeat(&rig, "b", "*", &beat);
    assert_int_equal(beat.next_due_ms, RIG_START_MS + 86400000);
    assert_int_equal(gets(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_of_the_clock_delays_nothing_that_waits_for_a_rate),
        cmocka_unit_test(a_long_interval_is_no_step),
    };

    return cmocka_run_group_tests_name("rate_steps", tests, rig_setup, rig_teardown);
}
