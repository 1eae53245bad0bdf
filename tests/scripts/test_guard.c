/* What refuses new jobs: a queue that is drained or full, and a Redis that nearly is. Nothing is
 * made then, what is there goes on, and an answer that was lost can still be asked for again. */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static const struct pinion_job plain = {.kind = "wc", .queue = "q"};

/* One call with `count` such jobs: PINION_OK, or PINION_BUSY with these words. */
static enum pinion_err try_many(const struct pinion_job *job, size_t count, const char *says)
{
    struct enqueue_item items[BATCH_ITEMS_MAX];
    enum pinion_err err;

    for (size_t i = 0; i < count; i++) items[i] = (struct enqueue_item){.job = job};
    enqueue_build(&rig.request, rig_key(&rig), items, count, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    err = enqueue_read(r, items, count);
    freeReplyObject(r);
    assert_true(err == PINION_OK || err == PINION_BUSY);
    for (size_t i = 0; i < count; i++) {
        if (!err) assert_null(items[i].refusal);
        if (err && !strstr(items[i].refusal, says))
            fail_msg("'%s', expected '%s'", items[i].refusal, says);
    }
    return err;
}

/* Each way in: one plain job, many, and those that are made one by one. */
static void expect_refused(const char *says)
{
    struct pinion_job later = plain, given = plain;
    char before[STATES * 32];

    later.in_ms = 1000;
    given.id = "given";
    snprintf(before, sizeof before, "%s", counts(&rig));
    int64_t enqueued = stats(&rig).enqueued;
    assert_int_equal(try_many(&plain, 1, says), PINION_BUSY);
    assert_int_equal(try_many(&plain, 100, says), PINION_BUSY);
    assert_int_equal(try_many(&later, 1, says), PINION_BUSY);
    assert_int_equal(try_many(&given, 1, says), PINION_BUSY);
    assert_string_equal(counts(&rig), before);
    assert_int_equal(stats(&rig).enqueued, enqueued);
    assert_string_equal(state_of(&rig, "given"), "none");
}

static void drain(bool on)
{
    struct request request = REQUEST_INIT;

    drain_build(&request, rig_key(&rig), on);
    freeReplyObject(rig_ask_with(&rig, &request));
    request_deinit(&request);
}

static struct bounds bound(uint64_t max_jobs, uint64_t max_bytes)
{
    struct bounds now;

    bounds_build(&rig.request, rig_key(&rig),
                 (struct bounds){max_jobs, max_bytes, BOUND_KEPT, BOUND_KEPT});
    redisReply *r = rig_ask(&rig);
    assert_int_equal(bounds_read(r, &now), PINION_OK);
    freeReplyObject(r);
    return now;
}

TEST(a_drained_queue_takes_nothing_and_finishes_what_it_has)
{
    struct lease lease;

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 2);
    drain(true);
    assert_true(stats(&rig).draining);
    expect_refused("drained");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, 1000), "retry");
    rig_step(&rig, 1000);
    assert_int_equal(promote(&rig, NULL), 1);
    assert_int_equal(claim_count(&rig), 2);
    drain(false);
    assert_false(stats(&rig).draining);
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK);
    drain(true);
    assert_true(pause_queue(&rig, false)); /* a resume ends it, too */
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK);
}

TEST(jobs_that_have_not_ended_are_bounded)
{
    struct leases got;
    struct bounds now;

    rig_reset(&rig);
    now = bound(100, BOUND_KEPT);
    assert_true(now.max_jobs == 100 && now.max_bytes == 0);
    assert_int_equal(stats(&rig).bounds.max_jobs, 100);
    assert_int_equal(try_many(&plain, 101, "max_jobs"), PINION_BUSY);
    assert_int_equal(try_many(&plain, 99, NULL), PINION_OK);
    assert_int_equal(try_many(&plain, 2, "max_jobs"), PINION_BUSY);
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK);
    expect_refused("max_jobs");
    claim(&rig, &(struct ask){.free = 100}, &got);
    expect_refused("max_jobs"); /* what runs counts */
    assert_int_equal(got.count, 100);
    assert_string_equal(fail_in(&rig, &got.lease[0], -1), "dead");
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK); /* what has ended does not */
    expect_refused("max_jobs");
    bound(0, BOUND_KEPT);
    assert_int_equal(try_many(&plain, 100, NULL), PINION_OK);
}

TEST(an_answer_that_was_lost_is_still_given)
{
    struct enqueue_item item = {.job = &plain};

    rig_reset(&rig);
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    freeReplyObject(rig_ask(&rig));
    drain(true);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
    freeReplyObject(r);
    assert_string_equal(counts(&rig), "ready=1");
}

TEST(memory_of_a_queue_is_bounded)
{
    struct pinion_job large = plain;
    static char payload[10000];
    unsigned taken = 0;

    memset(payload, 'x', sizeof payload);
    large.payload = payload;
    large.payload_len = sizeof payload;
    rig_reset(&rig);
    assert_int_equal(bound(BOUND_KEPT, 1000000).max_bytes, 1000000);
    while (taken < 1000 && try_many(&large, 1, "max_bytes") == PINION_OK) taken++;
    assert_in_range(taken, 60, 110);
    expect_refused("max_bytes");
    bound(BOUND_KEPT, 2000000);
    assert_int_equal(try_many(&large, 1, NULL), PINION_OK);
}

TEST(above_the_memory_mark_nothing_is_added_until_it_lapses)
{
    struct heartbeat beat;

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 1);
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK); /* no maxmemory, no mark */
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 1"));
    heartbeat(&rig, SERVER, NULL, &beat);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 0"));
    expect_refused("memory mark");
    rig_step(&rig, 2999);
    expect_refused("memory mark");
    rig_step(&rig, 1); /* its server is dead */
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 1"));
    heartbeat(&rig, SERVER, NULL, &beat);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 1gb"));
    expect_refused("memory mark");
    heartbeat(&rig, SERVER, NULL, &beat); /* there is room again */
    assert_int_equal(try_many(&plain, 1, NULL), PINION_OK);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 0"));
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static struct bounds keep(uint64_t jobs, uint64_t ms)
{
    struct bounds now;

    bounds_build(&rig.request, rig_key(&rig), (struct bounds){BOUND_KEPT, BOUND_KEPT, jobs, ms});
    redisReply *r = rig_ask(&rig);
    assert_int_equal(bounds_read(r, &now), PINION_OK);
    freeReplyObject(r);
    return now;
}

static bool sweep_is_due(void)
{
    struct heartbeat beat;

    heartbeat(&rig, "a", NULL, &beat);
    return beat.sweep;
}

static void cancel_new(char id[ID_LEN + 1])
{
    assert_string_equal(enqueue(&rig, &plain, id), "new");
    assert_string_equal(cancel(&rig, id), "cancelled");
    rig_step(&rig, 10);
}

TEST(a_queue_keeps_as_many_as_it_is_told)
{
    char ids[4][ID_LEN + 1];

    rig_reset(&rig);
    assert_int_equal(keep(3, BOUND_KEPT).keep_jobs, 3);
    for (int i = 0; i < 3; i++) cancel_new(ids[i]);
    assert_false(sweep_is_due());
    cancel_new(ids[3]);
    assert_true(sweep_is_due());
    assert_int_equal(sweep(&rig), 1);
    assert_false(sweep_is_due());
    assert_string_equal(state_of(&rig, ids[0]), "none");
    for (int i = 1; i < 4; i++) assert_string_equal(state_of(&rig, ids[i]), "cancelled");
    assert_int_equal(keep(0, BOUND_KEPT).keep_jobs, 0);
    cancel_new(ids[0]);
    assert_false(sweep_is_due());
}

/* One call; gives how many it trimmed. */
static int64_t sweep_once(bool *ret_more)
{
    int64_t count;

    sweep_build(&rig.request, rig_key(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(sweep_read(r, &count, ret_more), PINION_OK);
    freeReplyObject(r);
    return count;
}

TEST(one_call_trims_only_so_many)
{
    bool more;

    rig_reset(&rig);
    keep(1, BOUND_KEPT);
    for (int i = 0; i < SWEEP_ITEMS_MAX + 2; i++) {
        char id[ID_LEN + 1];
        cancel_new(id);
    }
    assert_int_equal(sweep_once(&more), SWEEP_ITEMS_MAX);
    assert_true(more);
    assert_int_equal(sweep_once(&more), 1);
    assert_false(more);
    assert_string_equal(counts(&rig), "cancelled=1");
}

/* Its records are read, so it stops by their size, too: behind the first few. */
TEST(one_call_trims_only_so_many_bytes)
{
    static char text[BATCH_BYTES_MAX * 2 / 3];
    struct pinion_job big = plain;
    bool more;

    memset(text, 'x', sizeof text);
    big.payload = text;
    big.payload_len = sizeof text;
    rig_reset(&rig);
    keep(1, BOUND_KEPT);
    for (int i = 0; i < 8; i++) {
        char id[QUEUE_NAME_MAX + 1];
        enqueue(&rig, &big, id);
        cancel(&rig, id);
        rig_step(&rig, 10);
    }
    assert_int_equal(sweep_once(&more), 4);
    assert_true(more);
    assert_int_equal(sweep(&rig), 3);
}

TEST(a_queue_keeps_as_long_as_it_is_told)
{
    char id[ID_LEN + 1];

    rig_reset(&rig);
    assert_int_equal(keep(BOUND_KEPT, 1000).keep_ms, 1000);
    cancel_new(id);
    rig_step(&rig, 989);
    assert_false(sweep_is_due());
    assert_int_equal(sweep(&rig), 0);
    rig_step(&rig, 1);
    assert_true(sweep_is_due());
    assert_int_equal(sweep(&rig), 1);
    assert_string_equal(state_of(&rig, id), "none");
    keep(BOUND_KEPT, 0);
    cancel_new(id);
    rig_step(&rig, (int64_t)KEEP_DEFAULT_MS - 11);
    assert_false(sweep_is_due());
    rig_step(&rig, 1);
    assert_true(sweep_is_due());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drained_queue_takes_nothing_and_finishes_what_it_has),
        cmocka_unit_test(jobs_that_have_not_ended_are_bounded),
        cmocka_unit_test(an_answer_that_was_lost_is_still_given),
        cmocka_unit_test(memory_of_a_queue_is_bounded),
        cmocka_unit_test(a_queue_keeps_as_many_as_it_is_told),
        cmocka_unit_test(one_call_trims_only_so_many),
        cmocka_unit_test(one_call_trims_only_so_many_bytes),
        cmocka_unit_test(a_queue_keeps_as_long_as_it_is_told),
        cmocka_unit_test(above_the_memory_mark_nothing_is_added_until_it_lapses),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
