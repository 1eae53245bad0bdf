/* What waits for the end of a scheduled job, whatever ends it; limits; what is remembered of fires;
 * and a clock that stepped back. */
#include <string.h>
#include "base/macros.h"
#include "tests/scripts/schedule_verbs.h"
#include "tests/support/check.h"

/* ---- every end ------------------------------------------------------------------------------- */

static void end_done(const struct lease *l)
{
    assert_string_equal(ack_rich(&rig, l, ""), "ok");
}

static void end_dead(const struct lease *l)
{
    assert_string_equal(fail_in(&rig, l, -1), "dead");
}

static void end_superseded(const struct lease *l)
{
    assert_string_equal(fail_in(&rig, l, 1000), "cancelled");
    assert_string_equal(fail_in(&rig, l, 1000), "cancelled"); /* its answer was lost */
    assert_string_equal(reason_of(l->id), "superseded");
}

static void end_cancelled(const struct lease *l)
{
    assert_string_equal(cancel(&rig, l->id), "cancelled");
}

static void end_deleted(const struct lease *l)
{
    assert_string_equal(delete_job(&rig, l->id), "deleted");
}

static void end_expired(const struct lease *l)
{
    rig_step(&rig, 2 * STEP);
    assert_int_equal(claim_count(&rig), 1); /* the one that waited, from the same lane */
    assert_string_equal(reason_of(l->id), "expired");
}

static void end_marked_release(const struct lease *l)
{
    assert_string_equal(cancel(&rig, l->id), "marked");
    assert_string_equal(release(&rig, l), "ok");
}

static void end_marked_fail(const struct lease *l)
{
    assert_string_equal(cancel(&rig, l->id), "marked");
    assert_string_equal(fail_in(&rig, l, 1000), "cancelled");
}

static void end_marked_reap(const struct lease *l)
{
    assert_string_equal(cancel(&rig, l->id), "marked");
    rig_step(&rig, LEASE_DEFAULT_MS + 1);
    assert_int_equal(reap(&rig), 1);
}

static void end_marked_take_back(const struct lease *l)
{
    assert_string_equal(cancel(&rig, l->id), "marked");
    freeReplyObject(rig_command(&rig, "HSET pinion:{q}:seats a 0"));
    assert_int_equal(take_back(&rig, SERVER), 1);
}

static void end_lost_too_often(const struct lease *l)
{
    for (int i = 0; i < 10; i++) {
        if (i) assert_string_equal(claim_one(&rig).id, l->id);
        rig_step(&rig, LEASE_DEFAULT_MS + 1);
        assert_int_equal(reap(&rig), 1);
    }
}

static const struct {
    void (*end)(const struct lease *);
    bool active, claimed; /* the last job runs; the one that waited was claimed already */
    const char *after;
} ends[] = {
    {end_done,             true,  false, "remembered"},
    {end_dead,             true,  false, "dead"      },
    {end_superseded,       true,  false, "cancelled" },
    {end_cancelled,        false, false, "cancelled" },
    {end_deleted,          false, false, "none"      },
    {end_expired,          false, true,  "cancelled" },
    {end_marked_release,   true,  false, "cancelled" },
    {end_marked_fail,      true,  false, "cancelled" },
    {end_marked_reap,      true,  false, "cancelled" },
    {end_marked_take_back, true,  false, "cancelled" },
    {end_lost_too_often,   true,  false, "dead"      },
};

TEST(what_waits_is_made_at_every_end_and_survives_a_restart)
{
    for (size_t i = 0; i < 2 * countof(ends); i++) {
        char first[ID_LEN + 1], second[ID_LEN + 1];
        struct lease lease = {0};
        begin();
        job.expires_ms = 2 * (uint64_t)STEP;
        assert_string_equal(set_as(NAME, TIMING, revision, false), "set");
        assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, first), "fired");
        memcpy(lease.id, first, sizeof first);
        if (ends[i / 2].active) lease = claim_one(&rig);
        assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, second), "buffered");
        int64_t due = rig_now_ms(&rig);
        assert_string_equal(state_of(&rig, second), "none");
        assert_true(view_of(NAME).buffered);
        if (i % 2) freeReplyObject(rig_command(&rig, "DEBUG RELOAD"));
        ends[i / 2].end(&lease);
        if (strcmp(state_of(&rig, first), ends[i / 2].after) != 0)
            fail_msg("end %zu: %s", i / 2, state_of(&rig, first));
        assert_string_equal(state_of(&rig, second), ends[i / 2].claimed ? "active" : "ready");
        if (!ends[i / 2].claimed) assert_string_equal(claim_one(&rig).id, second);
        struct schedule_view view = view_of(NAME);
        assert_false(view.buffered);
        assert_int_equal(view.fires, 2);
        assert_int_equal(view.last_fire_ms, due);
        assert_true(span_is(view.last_job, second));
        assert_int_equal(stats(&rig).enqueued, 2);
    }
}

TEST(one_waits_and_the_first_of_them)
{
    char first[ID_LEN + 1], second[ID_LEN + 1];

    begin();
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, first), "fired");
    struct lease lease = claim_one(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, second), "buffered");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "skipped");
    assert_string_equal(release(&rig, &lease), "ok"); /* no end: it goes on */
    lease = claim_one(&rig);
    assert_string_equal(lease.id, first);
    end_done(&lease);
    assert_string_equal(claim_one(&rig).id, second);
    expect_history(2, "\"end\":\"done\"");
    expect_history(0, "\"outcome\":\"skipped\"");
}

TEST(a_replaced_job_is_stopped_and_the_newest_takes_its_place)
{
    char first[ID_LEN + 1], id[ID_LEN + 1];

    begin();
    freeReplyObject(rig_command(&rig, "HSET pinion:{q}:seats a 0"));
    assert_string_equal(fire(FIRE_TICK, OVERLAP_REPLACE, first), "fired");
    struct lease lease = claim_one(&rig);
    rig_listen(&rig, "pinion:server:a");
    rig_heard(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_REPLACE, NULL), "buffered");
    if (!strstr(rig_heard(&rig), "cancel q ")) fail_msg("its server was not told");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_REPLACE, id), "buffered");
    assert_string_equal(renew(&rig, &lease, 20000), "cancel");
    assert_string_equal(release(&rig, &lease), "ok");
    assert_string_equal(reason_of(first), "superseded");
    assert_string_equal(claim_one(&rig).id, id);
    assert_string_equal(counts(&rig), "active=1 cancelled=1");
}

TEST(a_limit_counts_what_was_made)
{
    begin();
    for (int i = 0; i < 8; i++) {
        rig_step(&rig, STEP);
        struct fire_item item = item_of(FIRE_TICK, OVERLAP_QUEUE, rig_now_ms(&rig));
        item.limit = 3;
        static const char *const expected[] = {"fired",   "buffered", "skipped", "skipped",
                                               "skipped", "ended",    "ended",   "ended"};
        assert_string_equal(send_fire(&item), expected[i]);
        assert_int_equal(watermark, rig_now_ms(&rig));
        if (i == 4) { /* the second runs, so that the third may wait */
            struct lease lease = claim_one(&rig);
            end_done(&lease);
            rig_step(&rig, STEP);
            item = item_of(FIRE_TICK, OVERLAP_QUEUE, rig_now_ms(&rig));
            item.limit = 3;
            assert_string_equal(send_fire(&item), "buffered");
        }
    }
    assert_int_equal(view_of(NAME).next_ms, SCHEDULE_NEVER);
    assert_int_equal(view_of(NAME).fires, 2);
    assert_string_equal(fire(FIRE_RUN, OVERLAP_QUEUE, NULL), "fired");
}

/* ---- a clock that steps ---------------------------------------------------------------------- */

static const char *heal(void)
{
    struct fire_item item = item_of(FIRE_HEAL, OVERLAP_SKIP, rig_now_ms(&rig));

    return send_fire(&item);
}

static const char *fire_missed(int64_t after_ms, uint64_t missed)
{
    rig_step(&rig, after_ms);
    struct fire_item item = item_of(FIRE_TICK, OVERLAP_ALLOW, rig_now_ms(&rig));
    item.missed = missed;
    return send_fire(&item);
}

TEST(times_that_a_wrong_clock_fired_are_passed_over)
{
    const int64_t leap = INT64_C(40) * 86400000;

    begin();
    assert_string_equal(heal(), "behind"); /* nothing to heal */
    assert_string_equal(fire_missed(STEP, 0), "fired");
    assert_string_equal(fire_missed(leap, 99), "fired");
    expect_history(0, "\"missed\":99");
    assert_string_equal(fire_missed(STEP, 0), "fired");
    int64_t far = rig_now_ms(&rig);
    rig_step(&rig, -leap);
    assert_string_equal(heal(), "healed");
    assert_int_equal(watermark, rig_now_ms(&rig));
    assert_string_equal(heal(), "behind");
    assert_string_equal(fire_missed(STEP, 0), "fired");
    rig_step(&rig, far - STEP - rig_now_ms(&rig)); /* the first time of that run */
    size_t entries = history_length();
    assert_string_equal(fire_missed(0, 0), "missed");
    assert_string_equal(fire_missed(STEP, 0), "missed");
    assert_int_equal(history_length(), entries);
    assert_string_equal(fire_missed(STEP, 0), "fired");
}

/* Else a schedule that fires each minute would be silent for as long as the clock went back. */
TEST(a_run_that_began_before_now_comes_again)
{
    begin();
    assert_string_equal(fire_missed(STEP, 0), "fired");
    assert_string_equal(fire_missed(9 * STEP, 0), "fired");
    assert_string_equal(fire_missed(STEP, 0), "fired");
    rig_step(&rig, -9 * STEP);
    assert_string_equal(heal(), "healed");
    assert_string_equal(fire_missed(9 * STEP, 0), "fired");
}

TEST(one_time_that_a_clock_ran_ahead_for_is_not_fired_twice)
{
    begin();
    assert_string_equal(fire_missed(STEP, 0), "fired");
    assert_string_equal(fire_missed(10 * STEP, 0), "fired");
    rig_step(&rig, -9 * STEP);
    assert_string_equal(heal(), "healed");
    assert_string_equal(fire_missed(9 * STEP, 0), "missed");
    assert_string_equal(fire_missed(STEP, 0), "fired");
}

TEST(a_wrong_run_that_goes_on_is_passed_over_as_one)
{
    const int64_t leap = INT64_C(40) * 86400000;

    begin();
    assert_string_equal(fire_missed(leap, 99), "fired");
    assert_string_equal(fire_missed(STEP, 0), "fired");
    rig_step(&rig, -leap);
    assert_string_equal(heal(), "healed");
    rig_step(&rig, leap - STEP); /* the clock is wrong once more, and for longer */
    assert_string_equal(fire_missed(0, 7), "missed");
    assert_string_equal(fire_missed(STEP, 0), "missed");
    assert_string_equal(fire_missed(STEP, 0), "fired");
    rig_step(&rig, -leap);
    assert_string_equal(heal(), "healed");
    rig_step(&rig, leap - 2 * STEP);
    for (int i = 0; i < 3; i++) assert_string_equal(fire_missed(i ? STEP : 0, i ? 0 : 7), "missed");
    assert_string_equal(fire_missed(STEP, 0), "fired");
}

TEST(other_times_are_not_passed_over)
{
    const int64_t leap = INT64_C(40) * 86400000;

    begin();
    assert_string_equal(fire_missed(leap, 99), "fired");
    int64_t far = rig_now_ms(&rig);
    rig_step(&rig, -leap);
    assert_string_equal(heal(), "healed");
    set_as(NAME, "{\"every_ms\":60000}", SCHEDULE_ANY_REVISION, true);
    assert_string_equal(fire_missed(far - rig_now_ms(&rig), 7), "fired");
}

TEST(a_pause_while_the_clock_is_behind_fires_nothing_twice)
{
    begin();
    assert_string_equal(fire_missed(STEP, 0), "fired");
    rig_step(&rig, -STEP / 2);
    set_as(NAME, "{\"cron\":\"* * * * *\",\"paused\":true}", SCHEDULE_ANY_REVISION, false);
    set_as(NAME, TIMING, SCHEDULE_ANY_REVISION, true);
    assert_int_equal(view_of(NAME).watermark_ms, rig_now_ms(&rig) + STEP / 2);
    rig_step(&rig, 9 * STEP);
    set_as(NAME, "{\"cron\":\"* * * * *\",\"paused\":true}", SCHEDULE_ANY_REVISION, false);
    set_as(NAME, TIMING, SCHEDULE_ANY_REVISION, true);
    assert_int_equal(view_of(NAME).watermark_ms, rig_now_ms(&rig));
}

/* ---- what is remembered, and forgotten ------------------------------------------------------- */

TEST(the_history_keeps_the_newest_and_their_ends)
{
    char first[ID_LEN + 1], id[ID_LEN + 1];

    begin();
    assert_string_equal(fire(FIRE_TICK, OVERLAP_ALLOW, first), "fired");
    struct lease lease = claim_one(&rig);
    for (int i = 1; i < SCHEDULE_HISTORY_MAX; i++) fire(FIRE_TICK, OVERLAP_SKIP, NULL);
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    expect_history(SCHEDULE_HISTORY_MAX - 1, "\"missed\":0,\"end\":\"done\"}");
    expect_history(0, "\"outcome\":\"skipped\",\"job\":null,\"missed\":0}");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, id), "fired");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    expect_history(0, "\"end\":\"dead\"}");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    assert_string_equal(cancel(&rig, id), "cancelled");
    expect_history(0, "\"missed\":0,\"end\":\"cancelled\"}");
    for (int i = 0; i < SCHEDULE_HISTORY_MAX; i++) fire(FIRE_MISS, OVERLAP_SKIP, NULL);
    assert_int_equal(history_shown(), SCHEDULE_HISTORY_MAX);
    expect_history(SCHEDULE_HISTORY_MAX - 1, "\"outcome\":\"missed\"");
    size_t longest = 0;
    for (int i = 0; i < SCHEDULE_HISTORY_MAX; i++) {
        fire(FIRE_MISS, OVERLAP_SKIP, NULL);
        if (history_length() > longest) longest = history_length();
        assert_int_equal(history_shown(), SCHEDULE_HISTORY_MAX);
    }
    assert_in_range(longest, SCHEDULE_HISTORY_MAX, SCHEDULE_HISTORY_MAX + SCHEDULE_HISTORY_SLACK);
    assert_in_range(history_length(), SCHEDULE_HISTORY_MAX, longest);
}

TEST(removing_drops_all_but_the_jobs)
{
    char first[ID_LEN + 1], second[ID_LEN + 1];
    struct schedule_view view;

    begin();
    int64_t edits = rig_int(&rig, "HSTRLEN pinion:{q}:meta schedules");
    assert_int_equal(edits, 1);
    fire(FIRE_TICK, OVERLAP_QUEUE, first);
    struct lease lease = claim_one(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, second), "buffered");
    assert_true(remove_schedule(NAME));
    assert_false(remove_schedule(NAME));
    freeReplyObject(show(NAME, &view, PINION_NOT_FOUND));
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "removed");
    assert_string_equal(fire(FIRE_RUN, OVERLAP_QUEUE, NULL), "removed");
    assert_string_equal(state_of(&rig, first), "active");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    assert_string_equal(counts(&rig), "");
    assert_int_equal(history_length(), 0);
    redisReply *r = rig_command(&rig, "KEYS *sched*");
    assert_int_equal(r->elements, 0);
    freeReplyObject(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_is_made_at_every_end_and_survives_a_restart),
        cmocka_unit_test(one_waits_and_the_first_of_them),
        cmocka_unit_test(a_replaced_job_is_stopped_and_the_newest_takes_its_place),
        cmocka_unit_test(a_limit_counts_what_was_made),
        cmocka_unit_test(times_that_a_wrong_clock_fired_are_passed_over),
        cmocka_unit_test(a_run_that_began_before_now_comes_again),
        cmocka_unit_test(one_time_that_a_clock_ran_ahead_for_is_not_fired_twice),
        cmocka_unit_test(other_times_are_not_passed_over),
        cmocka_unit_test(a_pause_while_the_clock_is_behind_fires_nothing_twice),
        cmocka_unit_test(a_wrong_run_that_goes_on_is_passed_over_as_one),
        cmocka_unit_test(the_history_keeps_the_newest_and_their_ends),
        cmocka_unit_test(removing_drops_all_but_the_jobs),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
