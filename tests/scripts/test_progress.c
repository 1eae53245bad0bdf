/* How far attempts are: who may say so, what is kept of it, and until when. */
#include <stdio.h>
#include <string.h>
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define BATCH 5 /* of which one is stale, and one is too much */

static char id[QUEUE_NAME_MAX + 1];

/* One job that runs; `retain_ms`: kept when it is done. */
static struct lease start(uint64_t retain_ms)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .retain_ms = retain_ms};

    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, &job, id), "new");
    return claim_one(&rig);
}

/* What `show` has of it, as "PERCENT AGE_MS NOTE"; "" when nothing was told. */
static const char *shown(const char *of)
{
    static char text[PROGRESS_NOTE_MAX + 64];
    struct job_view v;

    show_build(&rig.request, rig_key(&rig), span_of(of));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of(of), &v), PINION_OK);
    text[0] = '\0';
    if (v.progress.at_ms)
        snprintf(text, sizeof text, "%u %d %.*s", v.progress.percent,
                 (int)(rig_now_ms(&rig) - v.progress.at_ms), (int)v.progress.note.len,
                 v.progress.note.len ? v.progress.note.data : "");
    job_view_deinit(&v);
    freeReplyObject(r);
    return text;
}

static int64_t kept(void)
{
    freeReplyObject(rig_look(&rig));
    return rig_int(&rig, "HLEN pinion:{q}:progress");
}

TEST(the_last_word_counts)
{
    struct lease held = start(0);

    assert_string_equal(shown(id), "");
    assert_string_equal(tell_progress(&rig, &held, 10, "reading  two"), "ok");
    rig_step(&rig, 7);
    assert_string_equal(shown(id), "10 7 reading  two");
    assert_string_equal(tell_progress(&rig, &held, 5, NULL), "ok");
    assert_string_equal(tell_progress(&rig, &held, 5, NULL), "ok");
    assert_string_equal(shown(id), "5 0 ");
    assert_int_equal(kept(), 1);
    assert_string_equal(state_of(&rig, id), "active");
}

/* Whoever lost the lease, or has ended, changes nothing. */
TEST(only_the_attempt_that_runs_may_tell)
{
    struct lease first = start(60000), second, forged;

    assert_string_equal(tell_progress(&rig, &first, 10, "first"), "ok");
    rig_step(&rig, LEASE_DEFAULT_MS + 1);
    assert_int_equal(reap(&rig), 1);
    assert_string_equal(tell_progress(&rig, &first, 20, NULL), "stale");
    second = claim_one(&rig);
    assert_string_equal(tell_progress(&rig, &first, 20, NULL), "stale");
    assert_string_equal(shown(id), "10 10001 first"); /* of the attempt before */
    assert_string_equal(renew(&rig, &second, LEASE_DEFAULT_MS), "ok");
    assert_string_equal(tell_progress(&rig, &second, 30, "second"), "ok");
    assert_string_equal(ack_rich(&rig, &second, "42"), "ok");
    assert_string_equal(tell_progress(&rig, &second, 40, NULL), "stale");
    assert_string_equal(shown(id), "30 0 second");
    forged = first;
    snprintf(forged.id, sizeof forged.id, "nobody");
    assert_string_equal(tell_progress(&rig, &forged, 1, NULL), "stale");
    assert_int_equal(kept(), 1);
}

TEST(bounds)
{
    char note[PROGRESS_NOTE_MAX + 2];
    struct lease held = start(0);

    memset(note, 'x', sizeof note);
    note[PROGRESS_NOTE_MAX + 1] = '\0';
    assert_string_equal(tell_progress(&rig, &held, 0, note), "invalid");
    assert_string_equal(tell_progress(&rig, &held, PROGRESS_MAX + 1, NULL), "invalid");
    assert_string_equal(tell_progress(&rig, &held, 1000, NULL), "invalid");
    assert_int_equal(kept(), 0);
    note[PROGRESS_NOTE_MAX] = '\0';
    assert_string_equal(tell_progress(&rig, &held, 0, note), "ok");
    assert_int_equal(strlen(shown(id)), strlen("0 0 ") + PROGRESS_NOTE_MAX);
    assert_string_equal(tell_progress(&rig, &held, PROGRESS_MAX, NULL), "ok");
    assert_string_equal(shown(id), "100 0 ");
}

/* Out of a pack, whose other jobs stay in it: each item has a status of its own. */
TEST(a_batch)
{
    const struct pinion_job job = {.kind = "wc", .queue = "q"};
    struct settle_item items[BATCH];
    struct leases got;

    rig_reset(&rig);
    enqueue_many(&rig, &job, BATCH + 1);
    claim(&rig, &(struct ask){.free = BATCH + 1}, &got);
    assert_int_equal(got.count, BATCH + 1);
    for (unsigned i = 0; i < BATCH; i++)
        items[i] = (struct settle_item){.id = span_of(got.lease[i].id),
                                        .token = span_of(got.lease[i].token),
                                        .percent = 10 * i,
                                        .text = span_of("packed")};
    items[1].percent = 101;
    items[3].token = span_of("1");
    progress_build(&rig.request, rig_key(&rig), items, BATCH);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(settle_read(r, SCRIPT_PROGRESS, items, BATCH), PINION_OK);
    freeReplyObject(r);
    for (unsigned i = 0; i < BATCH; i++)
        assert_int_equal(items[i].settled, i == 1   ? SETTLED_INVALID
                                           : i == 3 ? SETTLED_STALE
                                                    : SETTLED_OK);
    assert_int_equal(kept(), BATCH - 2);
    assert_string_equal(shown(got.lease[2].id), "20 0 packed");
    assert_string_equal(shown(got.lease[3].id), "");
    assert_string_equal(counts(&rig), "active=6");
    for (unsigned i = 0; i <= BATCH; i++)
        assert_string_equal(i < BATCH && items[i].settled == SETTLED_OK
                                ? ack_rich(&rig, &got.lease[i], "")
                                : ack(&rig, &got.lease[i]),
                            "ok");
    assert_int_equal(kept(), 0);
    assert_string_equal(counts(&rig), "");
}

TEST(it_goes_with_the_job)
{
    struct lease held = start(0);

    assert_string_equal(tell_progress(&rig, &held, 100, NULL), "ok");
    assert_string_equal(ack_rich(&rig, &held, ""), "ok"); /* not kept */
    assert_int_equal(kept(), 0);

    held = start(1000);
    assert_string_equal(tell_progress(&rig, &held, 100, "all"), "ok");
    assert_string_equal(ack_rich(&rig, &held, "42"), "ok");
    assert_string_equal(shown(id), "100 0 all");
    rig_step(&rig, 1001);
    assert_int_equal(sweep(&rig), 1);
    assert_int_equal(kept(), 0);

    held = start(0);
    assert_string_equal(tell_progress(&rig, &held, 50, NULL), "ok");
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(shown(id), "50 0 "); /* how far it came */
    assert_string_equal(delete_job(&rig, id), "deleted");
    assert_int_equal(kept(), 0);

    held = start(0);
    assert_string_equal(tell_progress(&rig, &held, 50, NULL), "ok");
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(requeue(&rig, "retry", id), "ready"); /* begins anew */
    assert_int_equal(kept(), 0);
}

/* A release and a retry keep it: the next attempt tells its own. */
TEST(it_outlives_the_attempt)
{
    struct lease held = start(0);

    assert_string_equal(tell_progress(&rig, &held, 50, NULL), "ok");
    assert_string_equal(release(&rig, &held), "ok");
    assert_string_equal(shown(id), "50 0 ");
    held = claim_one(&rig);
    assert_true(held.rare); /* so that its end is told richly */
    assert_string_equal(fail_in(&rig, &held, 10), "retry");
    assert_int_equal(kept(), 1);
}

/* What replaces it is another job under the same id. */
TEST(a_replaced_job_has_told_nothing)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .unique = "k"};

    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, &job, id), "new");
    struct lease held = claim_one(&rig);
    assert_string_equal(tell_progress(&rig, &held, 50, NULL), "ok");
    assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    assert_int_equal(kept(), 1);
    job.replace = 1;
    job.payload = "other";
    job.payload_len = 5;
    assert_string_equal(enqueue(&rig, &job, NULL), "replaced");
    assert_int_equal(kept(), 0);
}

TEST(a_listing_has_it_too)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .id = "silent"};
    struct lease held = start(0);
    struct job_view v;
    unsigned told = 0;

    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    claim_one(&rig);
    assert_string_equal(tell_progress(&rig, &held, 33, "a third"), "ok");
    list_build(&rig.request, rig_key(&rig), "active", &(struct job_filter){0}, (struct span){0},
               10);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(list_count(r), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(list_item(r, i, "active", &v), PINION_OK);
        if (v.progress.at_ms) {
            told++;
            assert_true(span_is(v.job.id, id));
            assert_int_equal(v.progress.percent, 33);
            assert_true(span_is(v.progress.note, "a third"));
        }
        job_view_deinit(&v);
    }
    assert_int_equal(told, 1);
    freeReplyObject(r);
}

/* A full Redis refuses it whole, and a job that never told is as plain as before. */
TEST(it_adds_bytes)
{
    struct lease held = start(0);
    struct settle_item item = {.id = span_of(held.id), .token = span_of(held.token)};

    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 1"));
    progress_build(&rig.request, rig_key(&rig), &item, 1);
    redisReply *r = rig_send(&rig);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 0"));
    assert_int_equal(r->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(r->str, "OOM"));
    freeReplyObject(r);
    assert_int_equal(kept(), 0);
    assert_string_equal(ack(&rig, &held), "ok");
}

TEST(who_watches_hears_of_it)
{
    char expected[128];
    struct lease held = start(0);

    rig_listen(&rig, "pinion:{q}:events");
    assert_string_equal(tell_progress(&rig, &held, 1, NULL), "ok");
    assert_string_equal(rig_heard(&rig), "");
    freeReplyObject(rig_command(&rig, "SET pinion:{q}:watched 1"));
    assert_string_equal(tell_progress(&rig, &held, 2, NULL), "ok");
    snprintf(expected, sizeof expected, "pinion:{q}:events progress %s\n", id);
    assert_string_equal(rig_heard(&rig), expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(only_the_attempt_that_runs_may_tell),
        cmocka_unit_test(bounds),
        cmocka_unit_test(a_batch),
        cmocka_unit_test(it_goes_with_the_job),
        cmocka_unit_test(it_outlives_the_attempt),
        cmocka_unit_test(a_replaced_job_has_told_nothing),
        cmocka_unit_test(a_listing_has_it_too),
        cmocka_unit_test(it_adds_bytes),
        cmocka_unit_test(who_watches_hears_of_it),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
