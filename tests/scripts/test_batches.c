/* Batches: members join and end in every way, and the completion job is made exactly once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/batch.h"
#include "queue/enqueue.h"
#include "queue/reply.h"
#include "tests/scripts/audit_rig.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define DAY_MS INT64_C(86400000)

static const struct pinion_job report = {
    .kind = "report", .payload = "a\0\xff\"b", .payload_len = 5};

static struct pinion_job named(const char *id)
{
    return (struct pinion_job){.kind = "wc", .queue = "q", .id = id, .batch = "b"};
}

/* "new", "existing", or the error. */
static const char *make_job(const struct pinion_job *job)
{
    struct enqueue_item item = {.job = job};
    struct error why = {0};

    if (job_check(job, &why)) return error_name(why.code);
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
    freeReplyObject(r);
    freeReplyObject(rig_look(&rig));
    assert_int_equal(item.closed, item.err == PINION_CONFLICT &&
                                      strstr((enqueue_why(&item, &why), why.text), "closed"));
    return item.err ? error_name(item.err) : item.existing ? "existing" : "new";
}

static const char *put(const char *id)
{
    struct pinion_job job = named(id);

    return make_job(&job);
}

/* "opened", "existing", or the error. Sent twice: the first answer was lost. */
static const char *open_batch(const struct pinion_job *job)
{
    struct error why;
    bool existing, again;

    batch_open_build(&rig.request, rig_key(&rig), span_of("b"), job, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = batch_open_read(r, span_of("b"), &existing, &why), second;
    freeReplyObject(r);
    r = rig_ask(&rig);
    second = batch_open_read(r, span_of("b"), &again, &why);
    freeReplyObject(r);
    assert_int_equal(err, second);
    assert_true(err || again);
    return err ? error_name(err) : existing ? "existing" : "opened";
}

/* "closed", "existing", or the error. */
static const char *close_batch(void)
{
    struct batch_view b;
    struct error why;
    bool existing = false;

    batch_close_build(&rig.request, rig_key(&rig), span_of("b"));
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = batch_close_read(r, span_of("b"), &b, &existing, &why);
    freeReplyObject(r);
    freeReplyObject(rig_look(&rig));
    return err ? error_name(err) : existing ? "existing" : "closed";
}

/* "STATE total done dead cancelled deleted pending" */
static void expect_batch(const char *expected)
{
    struct batch_view b;
    struct error why;
    char text[100] = "not_found";

    batch_show_build(&rig.request, rig_key(&rig), span_of("b"));
    redisReply *r = rig_ask(&rig);
    if (!batch_show_read(r, span_of("b"), &b, &why))
        snprintf(text, sizeof text, "%s %d %d %d %d %d %d", batch_state(&b), (int)b.total,
                 (int)b.done, (int)b.dead, (int)b.cancelled, (int)b.deleted, (int)b.pending);
    freeReplyObject(r);
    assert_string_equal(text, expected);
    audit_clean(&rig, expected);
}

static void end_done(const char *id)
{
    struct lease lease = claim_one(&rig);

    assert_string_equal(lease.id, id);
    assert_true(lease.rich);
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok"); /* its answer had been lost */
}

/* The completion job is there, ready, and the only one; it runs. */
static void expect_report(void)
{
    static struct leases got;

    do claim(&rig, &(struct ask){.free = 9}, &got);
    while (!got.count && got.more); /* a member expired in the first one */
    assert_int_equal(got.count, 1);
    assert_int_equal(got.lease[0].payload_len, report.payload_len);
    assert_string_equal(ack(&rig, &got.lease[0]), "ok");
    assert_int_equal(claim_count(&rig), 0);
}

static void begin(void)
{
    rig_reset(&rig);
    rig_int(&rig, "SADD pinion:queues q");
    assert_string_equal(open_batch(&report), "opened");
}

TEST(a_batch_begins_with_its_first_member)
{
    rig_reset(&rig);
    rig_int(&rig, "SADD pinion:queues q");
    expect_batch("not_found");
    assert_string_equal(close_batch(), "not_found");
    assert_string_equal(put("a"), "new");
    expect_batch("open 1 0 0 0 0 1");
    assert_string_equal(open_batch(&report), "existing"); /* and makes that job from now on */
    end_done("a");
    expect_batch("open 1 1 0 0 0 0");
    assert_int_equal(claim_count(&rig), 0); /* it is open */
    assert_string_equal(close_batch(), "closed");
    expect_batch("complete 1 1 0 0 0 0");
    expect_report();
}

TEST(every_way_to_end_counts_once)
{
    static const struct {
        const char *how, *counts;
    } ways[] = {{"ack", "complete 1 1 0 0 0 0"},    {"fail", "complete 1 0 1 0 0 0"},
                {"cancel", "complete 1 0 0 1 0 0"}, {"mark", "complete 1 0 0 1 0 0"},
                {"delete", "complete 1 0 0 0 1 0"}, {"expire", "complete 1 0 0 1 0 0"},
                {"lost", "complete 1 0 1 0 0 0"},   {"parent", "complete 1 0 0 1 0 0"}};

    for (size_t i = 0; i < countof(ways); i++) {
        struct pinion_job job = named("a");
        struct lease lease;
        begin();
        if (i == 5) job.expires_ms = 1000;
        if (i == 7) enqueue(&rig, &(struct pinion_job){.kind = "p", .queue = "q", .id = "p"}, NULL);
        if (i == 7) job.after = "p";
        assert_string_equal(make_job(&job), "new");
        assert_string_equal(close_batch(), "closed");
        expect_batch("closed 1 0 0 0 0 1");
        if (i == 0) end_done("a");
        if (i == 1 || i == 3) lease = claim_one(&rig);
        if (i == 1) assert_string_equal(fail_in(&rig, &lease, -1), "dead");
        if (i == 1) assert_string_equal(fail_in(&rig, &lease, -1), "dead");
        if (i == 2) assert_string_equal(cancel(&rig, "a"), "cancelled");
        if (i == 3) assert_string_equal(cancel(&rig, "a"), "marked");
        if (i == 3) assert_string_equal(release(&rig, &lease), "ok");
        if (i == 4) assert_string_equal(delete_job(&rig, "a"), "deleted");
        if (i == 5) rig_step(&rig, 1001);
        if (i == 7) assert_string_equal(cancel(&rig, "p"), "cancelled");
        for (int n = 0; i == 6 && n < 10; n++) {
            claim_one(&rig);
            rig_step(&rig, LEASE_DEFAULT_MS);
            assert_int_equal(reap(&rig), 1);
        }
        expect_report(); /* the claim finds what has expired */
        expect_batch(ways[i].counts);
        assert_string_equal(cancel(&rig, "a"), i == 0 ? "done" : i == 1 || i == 6 ? "dead"
                                               : i == 4 ? "not_found" : "cancelled");
        delete_job(&rig, "a"); /* what is kept goes, and was counted */
        expect_batch(ways[i].counts);
        assert_int_equal(claim_count(&rig), 0);
    }
}

TEST(the_last_of_many_completes_it)
{
    begin();
    assert_string_equal(put("a"), "new");
    assert_string_equal(put("b"), "new");
    assert_string_equal(put("c"), "new");
    end_done("a");
    assert_string_equal(close_batch(), "closed");
    assert_string_equal(close_batch(), "existing");
    end_done("b");
    expect_batch("closed 3 2 0 0 0 1");
    assert_string_equal(cancel(&rig, "c"), "cancelled");
    expect_batch("complete 3 2 0 1 0 0");
    assert_string_equal(close_batch(), "existing");
    expect_report();
}

TEST(an_empty_one_completes_when_it_is_closed)
{
    begin();
    assert_string_equal(close_batch(), "closed");
    assert_string_equal(close_batch(), "existing");
    expect_batch("complete 0 0 0 0 0 0");
    expect_report();
    assert_string_equal(open_batch(&report), "existing");
    assert_int_equal(claim_count(&rig), 0);
}

/* Under an id, or a unique key, that is there. */
TEST(duplicates_count_once)
{
    struct pinion_job unique = {.kind = "wc", .queue = "q", .unique = "k", .batch = "b"};
    struct pinion_job job = named("a");

    begin();
    assert_string_equal(put("a"), "new");
    assert_string_equal(put("a"), "existing");
    assert_string_equal(make_job(&unique), "new");
    assert_string_equal(make_job(&unique), "existing");
    expect_batch("open 2 0 0 0 0 2");
    assert_string_equal(close_batch(), "closed");
    assert_string_equal(put("a"), "existing");
    assert_string_equal(put("c"), "conflict");
    assert_string_equal(state_of(&rig, "c"), "none");
    job.batch = "other";
    assert_string_equal(make_job(&job), "conflict"); /* other content */
    expect_batch("closed 2 0 0 0 0 2");
}

/* The call that made a member is repeated, for its answer was lost. */
TEST(a_call_that_is_repeated_adds_nothing)
{
    struct pinion_job jobs[] = {{.kind = "wc", .queue = "q", .batch = "b"},
                                {.kind = "wc", .queue = "q", .batch = "q:b"}};
    struct enqueue_item items[] = {{.job = &jobs[0]}, {.job = &jobs[1]}};
    struct request call = REQUEST_INIT;

    begin();
    enqueue_build(&call, rig_key(&rig), items, 2, rig_now_ms(&rig));
    for (int again = 0; again < 2; again++) {
        redisReply *r = rig_ask_with(&rig, &call);
        assert_int_equal(enqueue_read(r, items, 2), PINION_OK);
        freeReplyObject(r);
        assert_false(items[0].err || items[1].err);
        expect_batch("open 2 0 0 0 0 2");
    }
    request_deinit(&call);
}

TEST(what_is_retried_is_waited_for_unless_it_is_complete)
{
    struct lease lease;

    begin();
    assert_string_equal(put("a"), "new");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    expect_batch("open 1 0 1 0 0 0");
    assert_string_equal(requeue(&rig, "retry", "a"), "ready");
    expect_batch("open 1 0 0 0 0 1");
    assert_string_equal(close_batch(), "closed");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    expect_report();
    assert_string_equal(requeue(&rig, "retry", "a"), "ready");
    expect_batch("complete 1 0 1 0 0 0"); /* and stays so */
    end_done("a");
    expect_batch("complete 1 0 1 0 0 0");
    assert_int_equal(claim_count(&rig), 0);
}

TEST(a_complete_one_is_kept_for_a_week)
{
    struct lease lease;

    begin();
    assert_string_equal(put("a"), "new");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    assert_string_equal(close_batch(), "closed");
    expect_report();
    rig_step(&rig, 7 * DAY_MS - 1);
    sweep(&rig);
    expect_batch("complete 1 0 1 0 0 0");
    rig_step(&rig, 1);
    sweep(&rig);
    expect_batch("not_found");
    assert_string_equal(open_batch(NULL), "opened"); /* another of that name: a is none of its */
    assert_string_equal(requeue(&rig, "retry", "a"), "ready");
    expect_batch("open 0 0 0 0 0 0");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:batches_until pinion:{q}:batch_jobs"), 0);
}

TEST(a_replaced_member_stays_in_its_batch)
{
    struct pinion_job member = {.kind = "wc", .queue = "q", .unique = "k", .batch = "b"};
    struct pinion_job other = {.kind = "wc", .queue = "q", .unique = "k", .replace = 1};
    struct pinion_job both = member;
    char id[QUEUE_NAME_MAX + 1];

    begin();
    both.replace = 1;
    assert_string_equal(make_job(&both), "invalid");
    assert_string_equal(enqueue(&rig, &member, id), "new");
    assert_string_equal(enqueue(&rig, &other, NULL), "replaced");
    expect_batch("open 1 0 0 0 0 1");
    end_done(id);
    expect_batch("open 1 1 0 0 0 0");
}

TEST(another_completion_job_is_a_conflict)
{
    struct pinion_job other = report;

    begin();
    other.payload_len = 4;
    assert_string_equal(open_batch(&other), "conflict");
    assert_string_equal(open_batch(NULL), "existing");
    rig_reset(&rig);
    assert_string_equal(open_batch(NULL), "opened");
    assert_string_equal(close_batch(), "closed");
    assert_string_equal(open_batch(&other), "conflict");
    assert_int_equal(claim_count(&rig), 0);
}

TEST(names_at_their_limit_and_one_past_it)
{
    char name[QUEUE_NAME_MAX + 2];
    struct pinion_job job = named(NULL);

    begin();
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    job.batch = name;
    assert_string_equal(make_job(&job), "invalid");
    name[QUEUE_NAME_MAX] = '\0';
    assert_string_equal(make_job(&job), "new");
    job.batch = "other:b";
    assert_string_equal(make_job(&job), "invalid");
    job.batch = "a b";
    assert_string_equal(make_job(&job), "invalid");
    job.batch = "";
    assert_string_equal(make_job(&job), "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_begins_with_its_first_member),
        cmocka_unit_test(every_way_to_end_counts_once),
        cmocka_unit_test(the_last_of_many_completes_it),
        cmocka_unit_test(an_empty_one_completes_when_it_is_closed),
        cmocka_unit_test(duplicates_count_once),
        cmocka_unit_test(a_call_that_is_repeated_adds_nothing),
        cmocka_unit_test(what_is_retried_is_waited_for_unless_it_is_complete),
        cmocka_unit_test(a_complete_one_is_kept_for_a_week),
        cmocka_unit_test(a_replaced_member_stays_in_its_batch),
        cmocka_unit_test(another_completion_job_is_a_conflict),
        cmocka_unit_test(names_at_their_limit_and_one_past_it),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
