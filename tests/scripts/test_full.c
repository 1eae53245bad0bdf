/* A full Redis: what adds work is refused whole, everything that frees work goes on. */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/redis_error.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static void set_full(bool full)
{
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory %s", full ? "1" : "0"));
}

/* The clock of the tests is a key, and cannot be moved in a full Redis. */
static void step_full(int64_t ms)
{
    set_full(false);
    rig_step(&rig, ms);
    set_full(true);
}

static void expect_busy(void)
{
    redisReply *r = rig_send(&rig);

    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    assert_int_equal(redis_error_code((struct span){r->str, (size_t)r->len}), PINION_BUSY);
    freeReplyObject(r);
}

static char *digest_of_all(void)
{
    redisReply *r = rig_command(&rig, "DEBUG DIGEST");

    assert_int_equal(r->type, REDIS_REPLY_STATUS);
    char *text = strdup(r->str);

    freeReplyObject(r);
    return text;
}

TEST(what_adds_work_is_refused_whole)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, later = plain, given = plain;
    struct enqueue_item items[] = {{.job = &plain}, {.job = &later}, {.job = &given}};
    struct span dead[] = {span_of("x")};

    later.in_ms = 1000;
    given.id = "y";
    rig_reset(&rig);
    enqueue(&rig, &(struct pinion_job){.kind = "wc", .queue = "q", .id = "x"}, NULL);
    struct lease lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    char *before = digest_of_all();
    set_full(true);
    enqueue_build(&rig.request, rig_key(&rig), items, countof(items), rig_now_ms(&rig));
    expect_busy();
    requeue_build(&rig.request, rig_key(&rig), REQUEUE_RETRY, dead, 1);
    expect_busy();
    char *after = digest_of_all();
    assert_string_equal(before, after);
    free(before);
    free(after);
    set_full(false);
    assert_string_equal(requeue(&rig, "retry", "x"), "ready");
}

TEST(what_frees_work_goes_on)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, later = plain;
    struct leases got;
    struct heartbeat beat;

    later.in_ms = 1000;
    rig_reset(&rig);
    heartbeat(&rig, SERVER, "*", &beat);
    enqueue_many(&rig, &plain, 8);
    enqueue_many(&rig, &later, 2);
    step_full(1000);
    assert_int_equal(promote(&rig, NULL), 2);
    claim(&rig, &(struct ask){.free = 9, .subscribed = true}, &got);
    assert_int_equal(got.count, 9);
    assert_string_equal(renew(&rig, &got.lease[0], 20000), "ok");
    assert_string_equal(ack(&rig, &got.lease[0]), "ok");
    assert_string_equal(ack_rich(&rig, &got.lease[1], "r"), "ok");
    assert_string_equal(fail_in(&rig, &got.lease[2], 1000), "retry");
    assert_string_equal(fail_in(&rig, &got.lease[3], -1), "dead");
    assert_string_equal(release(&rig, &got.lease[4]), "ok");
    assert_string_equal(cancel(&rig, got.lease[5].id), "marked");
    assert_string_equal(cancel(&rig, got.lease[4].id), "cancelled");
    assert_int_equal(take_back(&rig, SERVER), 4);
    step_full(1000);
    assert_int_equal(claim_count(&rig), 4);
    step_full(LEASE_DEFAULT_MS);
    assert_int_equal(promote(&rig, NULL), 1);
    assert_int_equal(reap(&rig), 4);
    heartbeat(&rig, SERVER, "*", &beat);
    assert_true(beat.claimable);
    assert_true(pause_queue(&rig, true));
    assert_true(pause_queue(&rig, false));
    watch_build(&rig.request, rig_key(&rig), 60);
    freeReplyObject(rig_ask(&rig));
    assert_string_equal(counts(&rig), "ready=5 dead=1 cancelled=2");
    step_full(INT64_C(31) * 86400000);
    assert_int_equal(sweep(&rig), 3);
    leave(&rig, SERVER, true);
    assert_string_equal(counts(&rig), "ready=5");
    set_full(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_adds_work_is_refused_whole),
        cmocka_unit_test(what_frees_work_goes_on),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
