/* What waits is changed: where it then stands, what stays, and that it runs once. */
#include <stdio.h>
#include <string.h>
#include "queue/reply.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define BULK 40

static char id[QUEUE_NAME_MAX + 1];

static const struct job_edit payload = {.has_payload = true, .payload = "longer", .payload_len = 6};

static struct pinion_job plain(void)
{
    return (struct pinion_job){.kind = "wc", .queue = "q", .payload = "p", .payload_len = 1};
}

static void make(const struct pinion_job *job)
{
    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, job, id), "new");
}

static void edited(const struct job_edit *edit)
{
    assert_string_equal(edit_job(&rig, id, edit), "edited");
    freeReplyObject(rig_look(&rig));
}

static struct job_view seen(redisReply **ret_reply)
{
    struct job_view view;

    show_build(&rig.request, rig_key(&rig), span_of(id));
    *ret_reply = rig_ask(&rig);
    assert_int_equal(show_read(*ret_reply, span_of(id), &view), PINION_OK);
    return view;
}

TEST(a_payload_in_its_place)
{
    struct pinion_job job = plain();

    make(&job);
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    edited(&payload);
    assert_string_equal(counts(&rig), "ready=2");
    struct lease held = claim_one(&rig);
    assert_string_equal(held.id, id);
    assert_int_equal(held.payload_len, 6);
    assert_string_equal(edit_job(&rig, id, &payload), "active");
}

TEST(another_lane_leaves_a_ghost)
{
    struct pinion_job job = plain();

    make(&job);
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    edited(&(struct job_edit){.priority = PINION_PRIORITY(9)});
    edited(&(struct job_edit){.priority = PINION_PRIORITY(0)});
    assert_string_equal(claim_one(&rig).id, id);
    assert_int_equal(claim_count(&rig), 1);
    assert_int_equal(claim_count(&rig), 0);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:ghosts"), 0);
}

TEST(later_and_back_again)
{
    struct pinion_job job = plain();
    redisReply *r;

    make(&job);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 1000});
    assert_string_equal(counts(&rig), "scheduled=1");
    struct job_view view = seen(&r);
    assert_int_equal(view.job.run_at_ms, rig_now_ms(&rig) + 1000);
    job_view_deinit(&view);
    freeReplyObject(r);
    edited(&(struct job_edit){.when = EDIT_WHEN_AT, .run_at_ms = rig_now_ms(&rig) + 5000});
    rig_step(&rig, 4999);
    assert_int_equal(promote(&rig, NULL), 0);
    rig_step(&rig, 1);
    assert_int_equal(promote(&rig, NULL), 1);
    edited(&(struct job_edit){.when = EDIT_WHEN_AT, .run_at_ms = 1}); /* it has passed: now */
    assert_string_equal(claim_one(&rig).id, id);
    assert_int_equal(claim_count(&rig), 0);
}

/* Other servers are told of a due time that is earlier than the one they sleep until. */
TEST(an_earlier_time_is_told)
{
    struct pinion_job job = plain();
    char text[96];

    job.in_ms = 60000;
    make(&job);
    rig_listen(&rig, "pinion:{q}:due");
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 1000});
    snprintf(text, sizeof text, "pinion:{q}:due %lld\n", (long long)rig_now_ms(&rig) + 1000);
    assert_string_equal(rig_heard(&rig), text);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 2000});
}

TEST(a_failed_one_keeps_its_attempts)
{
    struct pinion_job job = plain();

    make(&job);
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    edited(&payload);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 5000, .priority = PINION_PRIORITY(1)});
    assert_string_equal(counts(&rig), "retry=1");
    rig_step(&rig, 4999);
    assert_int_equal(promote(&rig, NULL), 0);
    rig_step(&rig, 1);
    assert_int_equal(promote(&rig, NULL), 1);
    held = claim_one(&rig);
    assert_int_equal(held.failures, 1);
    assert_int_equal(held.payload_len, 6);
}

TEST(out_of_a_pack)
{
    struct pinion_job jobs[BULK];
    char ids[BULK][QUEUE_NAME_MAX + 1];
    struct leases got;
    size_t longer = 0;

    rig_reset(&rig);
    for (size_t i = 0; i < BULK; i++) jobs[i] = plain();
    enqueue_batch(&rig, jobs, BULK, ids);
    snprintf(id, sizeof id, "%s", ids[3]);
    edited(&payload);
    edited(&(struct job_edit){.priority = PINION_PRIORITY(1)});
    snprintf(id, sizeof id, "%s", ids[5]);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 1000});
    assert_string_equal(counts(&rig), "scheduled=1 ready=39");
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    assert_int_equal(got.count, BULK - 1);
    assert_string_equal(got.lease[0].id, ids[3]);
    for (size_t i = 0; i < got.count; i++) longer += got.lease[i].payload_len == 6;
    assert_int_equal(longer, 1);
    assert_string_equal(edit_job(&rig, ids[7], &payload), "active");
}

/* It may wait as long as it could before. */
TEST(the_time_to_start_by_moves_along)
{
    struct pinion_job job = plain();

    job.in_ms = 1000;
    job.expires_ms = 500;
    make(&job);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 10000});
    rig_step(&rig, 10499);
    assert_int_equal(promote(&rig, NULL), 1);
    edited(&payload);
    assert_int_equal(claim_count(&rig), 1);
    job.in_ms = 1000;
    make(&job);
    edited(&(struct job_edit){.when = EDIT_WHEN_IN, .in_ms = 10000});
    rig_step(&rig, 10501);
    assert_int_equal(promote(&rig, NULL), 1);
    assert_int_equal(claim_count(&rig), 0);
    assert_string_equal(counts(&rig), "cancelled=1");
}

TEST(a_repeated_edit_answers_the_same)
{
    struct pinion_job job = plain();

    make(&job);
    edit_build(&rig.request, rig_key(&rig), span_of(id), &payload, rig_now_ms(&rig));
    struct request sent = rig.request;
    for (int i = 0; i < 2; i++) {
        redisReply *r = rig_ask_with(&rig, &sent);
        assert_true(span_is(steer_status(r, 0), "edited"));
        freeReplyObject(r);
        rig.request = REQUEST_INIT;
        if (i == 0) assert_int_equal(claim_one(&rig).payload_len, 6);
        if (i == 0) request_deinit(&rig.request);
    }
    rig.request = sent;
}

TEST(what_an_edit_may_say)
{
    struct error why = {0};

    assert_int_equal(edit_check(&(struct job_edit){0}, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "nothing to change: expected"));
    assert_int_equal(edit_check(&(struct job_edit){.priority = PINION_PRIORITY(9)}, NULL), 0);
    assert_int_equal(edit_check(&(struct job_edit){.priority = PINION_PRIORITY(10)}, NULL),
                     PINION_INVALID);
    assert_int_equal(edit_check(&(struct job_edit){.has_payload = true}, NULL), 0); /* empty */
    assert_int_equal(edit_check(&(struct job_edit){.has_payload = true, .payload = "",
                                                   .payload_len = PAYLOAD_BYTES_MAX}, NULL), 0);
    assert_int_equal(edit_check(&(struct job_edit){.has_payload = true, .payload = "",
                                                   .payload_len = PAYLOAD_BYTES_MAX + 1}, NULL),
                     PINION_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payload_in_its_place),
        cmocka_unit_test(another_lane_leaves_a_ghost),
        cmocka_unit_test(later_and_back_again),
        cmocka_unit_test(an_earlier_time_is_told),
        cmocka_unit_test(a_failed_one_keeps_its_attempts),
        cmocka_unit_test(out_of_a_pack),
        cmocka_unit_test(the_time_to_start_by_moves_along),
        cmocka_unit_test(a_repeated_edit_answers_the_same),
        cmocka_unit_test(what_an_edit_may_say),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
