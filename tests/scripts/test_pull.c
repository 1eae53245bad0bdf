/* Jobs that are pulled: their seat, their leases, which only lapse, and their time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/feed.h"
#include "queue/pull.h"
#include "queue/reply.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define PULLER "a#3"

static struct rig rig;

static const struct pinion_job plain = {.queue = "q", .kind = "k", .payload = "x",
                                        .payload_len = 1};

/* ---- verbs of its own ------------------------------------------------------------------------ */

static void pull_for(const char *pullers, unsigned count, bool wait, struct leases *ret)
{
    struct claim_slots slots[] = {{"*", count}};
    unsigned seat;
    struct claim_args args = {.server = PULLER, .lease_ms = pull_lease_ms(10000, &seat),
                              .free = count, .subscribed = wait, .asked_us = 1,
                              .pullers = pullers, .slots = slots, .slots_count = 1};
    struct claimed item;
    struct claim c;

    args.seat = seat;
    claim_build(&rig.request, rig_key(&rig), &args);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(claim_read(r, &c), PINION_OK);
    *ret = (struct leases){.count = c.count, .idle = c.idle, .more = c.more};
    for (size_t i = 0; claim_next(&c, &item); i++) {
        struct lease *lease = &ret->lease[i];
        snprintf(lease->id, sizeof lease->id, "%.*s", (int)item.id.len, item.id.data);
        snprintf(lease->token, sizeof lease->token, "%.*s", (int)item.token.len, item.token.data);
        lease->pack_size = item.pack_size;
        lease->failures = item.failures;
    }
    freeReplyObject(r);
}

static struct lease pull_one(void)
{
    struct leases got;

    pull_for("w 1", 1, false, &got);
    assert_int_equal(got.count, 1);
    return got.lease[0];
}

static struct settle_item item_of(const struct lease *lease, const char *result)
{
    return (struct settle_item){.id = span_of(lease->id), .token = span_of(lease->token),
                                .text = span_of(result), .lease_ms = 10000};
}

static const char *word_of(enum settled settled)
{
    static const char *const words[] = {
        [SETTLED_OK] = "ok", [SETTLED_STALE] = "stale", [SETTLED_CANCEL] = "cancel",
        [SETTLED_AGAIN] = "again", [SETTLED_LATE] = "late",
    };

    return words[settled];
}

static const char *ack_pulled(const struct lease *leases, size_t count, const char *result)
{
    static char words[BATCH_ITEMS_MAX * 8];
    struct settle_item items[BATCH_ITEMS_MAX];
    struct pull_answer answers[BATCH_ITEMS_MAX];

    for (size_t i = 0; i < count; i++) items[i] = item_of(&leases[i], result);
    ack_pull_build(&rig.request, rig_key(&rig), items, count);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(ack_pull_read(r, answers, count), PINION_OK);
    words[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        sprintf(words + strlen(words), "%s%s", i ? " " : "", word_of(answers[i].settled));
        if (answers[i].settled == SETTLED_OK) assert_true(span_is(answers[i].kind, "k"));
    }
    freeReplyObject(r);
    return words;
}

static const char *extend(const struct lease *lease, struct pull_answer *ret)
{
    struct settle_item item = item_of(lease, "");

    extend_build(&rig.request, rig_key(&rig), &item, 1);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(extend_read(r, ret, 1), PINION_OK);
    freeReplyObject(r);
    return word_of(ret->settled);
}

/* What reap leaves to be failed. */
static size_t reap_late(struct lease *ret)
{
    struct reaped reaped;

    reap_build(&rig.request, rig_key(&rig), rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(reap_read(r, &reaped), PINION_OK);
    for (size_t i = 0; i < reaped.late; i++) {
        struct pull_attempt a = reaped_late(r, i);
        snprintf(ret->id, sizeof ret->id, "%.*s", (int)a.id.len, a.id.data);
        snprintf(ret->token, sizeof ret->token, "%.*s", (int)a.token.len, a.token.data);
    }
    freeReplyObject(r);
    return reaped.late;
}

/* ---- the seat -------------------------------------------------------------------------------- */

TEST(a_lease_is_of_the_seat_that_no_server_has)
{
    struct heartbeat h;

    rig_reset(&rig);
    for (int i = 0; i < SEATS_MAX; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%d", i);
        heartbeat(&rig, name, "*", &h);
        assert_int_equal(h.seat, i);
    }
    heartbeat(&rig, "one_more", "*", &h);
    assert_int_equal(h.seat, -1);
    enqueue(&rig, &plain, NULL);
    struct lease lease = pull_one();
    assert_string_equal(lease.token + strlen(lease.token) - 3, "973"); /* of 10 s */
    freeReplyObject(rig_look(&rig));
}

TEST(no_server_takes_it_back_and_its_lease_lapses)
{
    struct heartbeat h;

    rig_reset(&rig);
    heartbeat(&rig, SERVER, "*", &h);
    enqueue(&rig, &plain, NULL);
    struct lease lease = pull_one();
    assert_int_equal(take_back(&rig, SERVER), 0);
    assert_int_equal(take_back_unheard(&rig, SERVER), 0);
    rig_step(&rig, 9999);
    assert_int_equal(reap(&rig), 0);
    rig_step(&rig, 2);
    assert_int_equal(reap(&rig), 1);
    assert_string_equal(counts(&rig), "ready=1");
    assert_string_equal(ack_pulled(&lease, 1, ""), "stale");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:pulled"), 0);
    struct lease again = pull_one();
    assert_int_equal(again.failures, 0); /* uncharged */
    assert_string_equal(ack_pulled(&lease, 1, ""), "stale");
    assert_string_equal(ack_pulled(&again, 1, ""), "ok");
}

TEST(each_seat_tells_when_its_attempts_began)
{
    for (uint64_t asked_ms = 1; asked_ms < LEASE_MAX_MS + 1000; asked_ms = asked_ms * 9 / 8 + 1) {
        struct pull_answer answer;
        struct claim_slots slots[] = {{"*", 1}};
        unsigned seat;
        struct claim_args args = {.server = PULLER, .lease_ms = pull_lease_ms(asked_ms, &seat),
                                  .free = 1, .pullers = "- 1", .slots = slots, .slots_count = 1};
        struct pinion_job job = plain;
        struct claimed item;
        struct claim c;

        assert_true(args.lease_ms >= asked_ms || asked_ms > LEASE_MAX_MS);
        rig_reset(&rig);
        job.timeout_ms = 2 * LEASE_MAX_MS;
        enqueue(&rig, &job, NULL);
        args.seat = seat;
        claim_build(&rig.request, rig_key(&rig), &args);
        redisReply *r = rig_ask(&rig);
        assert_int_equal(claim_read(r, &c), PINION_OK);
        assert_true(claim_next(&c, &item));
        struct lease lease = {0};
        snprintf(lease.id, sizeof lease.id, "%.*s", (int)item.id.len, item.id.data);
        snprintf(lease.token, sizeof lease.token, "%.*s", (int)item.token.len, item.token.data);
        freeReplyObject(r);
        int64_t end_ms = rig_now_ms(&rig) + (int64_t)job.timeout_ms;
        rig_step(&rig, (int64_t)job.timeout_ms - 1000);
        assert_string_equal(extend(&lease, &answer), "ok");
        assert_int_equal(answer.until_ms, end_ms);
    }
}

/* ---- outcomes -------------------------------------------------------------------------------- */

TEST(packs_are_pulled_job_by_job_and_acked_together)
{
    struct leases got;

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 150);
    pull_for("w 100 - 10", 110, false, &got);
    assert_int_equal(got.count, 110);
    for (size_t i = 0; i < got.count; i++) assert_int_equal(got.lease[i].pack_size, 0);
    assert_string_equal(counts(&rig), "ready=40 active=110");
    redisReply *r = rig_command(&rig, "HGET pinion:{q}:pulled %s", got.lease[99].id);
    assert_string_equal(r->str, "w");
    freeReplyObject(r);
    r = rig_command(&rig, "HGET pinion:{q}:pulled %s", got.lease[100].id);
    assert_int_equal(r->type, REDIS_REPLY_NIL);
    freeReplyObject(r);
    const char *words = ack_pulled(got.lease, got.count, "");
    assert_null(strstr(words, "stale"));
    assert_null(strstr(words, "again"));
    assert_string_equal(counts(&rig), "ready=40");
    assert_int_equal(stats(&rig).done, 110);
    words = ack_pulled(got.lease, got.count, ""); /* the answer was lost */
    assert_null(strstr(words, "stale"));
    assert_null(strstr(words, "ok"));
    assert_int_equal(stats(&rig).done, 110);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:pulled"), 0);
    freeReplyObject(rig_look(&rig));
}

TEST(who_follows_is_told_of_all_that_one_call_acks_at_once)
{
    struct leases got;

    rig_reset(&rig);
    rig_listen(&rig, "pinion:{q}:feed");
    enqueue_many(&rig, &plain, 150);
    follow_build(&rig.request, rig_key(&rig), 60, true);
    freeReplyObject(rig_ask(&rig));
    pull_for("w 100", 100, false, &got);
    assert_non_null(strstr(rig_heard(&rig), "feed active 100 "));
    struct lease first = got.lease[0];
    rig_step(&rig, 1000);
    struct lease later = pull_one(); /* of another claim */
    rig_heard(&rig);
    assert_string_equal(ack_pulled((struct lease[]){first, later}, 2, ""), "ok ok");
    const char *heard = rig_heard(&rig);
    assert_non_null(strstr(heard, "feed done 2 "));
    assert_non_null(strstr(heard, first.id));
    assert_non_null(strstr(heard, later.id));
    assert_non_null(strstr(heard, "=k"));
}

TEST(one_call_ends_jobs_of_all_classes_each_by_its_token)
{
    struct pinion_job kept = plain;
    struct lease leases[5];

    rig_reset(&rig);
    kept.retain_ms = 60000;
    enqueue(&rig, &plain, NULL);
    enqueue(&rig, &kept, NULL);
    enqueue(&rig, &plain, NULL);
    for (int i = 0; i < 3; i++) leases[i] = pull_one();
    leases[3] = leases[0]; /* named twice */
    leases[4] = leases[2];
    snprintf(leases[4].token, sizeof leases[4].token, "1234973"); /* forged */
    assert_string_equal(ack_pulled(leases, 5, "r"), "ok ok ok again stale");
    assert_string_equal(ack_pulled(leases, 5, "r"), "again again again again stale");
    assert_int_equal(stats(&rig).done, 3);
    assert_string_equal(counts(&rig), "done=1");
    assert_string_equal(state_of(&rig, leases[1].id), "done");
    redisReply *r = rig_command(&rig, "HGET pinion:{q}:results %s", leases[1].id);
    assert_string_equal(r->str, "r");
    freeReplyObject(r);
    freeReplyObject(rig_look(&rig));
}

TEST(what_a_server_runs_is_not_a_pullers_to_end)
{
    struct pull_answer answer;

    rig_reset(&rig);
    enqueue(&rig, &plain, NULL);
    struct lease lease = claim_one(&rig);
    assert_string_equal(ack_pulled(&lease, 1, ""), "stale");
    assert_string_equal(extend(&lease, &answer), "stale");
    assert_string_equal(ack(&rig, &lease), "ok");
}

TEST(fail_release_and_cancel_end_the_attempt_as_ever)
{
    struct pull_answer answer;

    rig_reset(&rig);
    enqueue(&rig, &plain, NULL);
    struct lease lease = pull_one();
    assert_string_equal(release(&rig, &lease), "ok");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:pulled"), 0);
    lease = pull_one();
    assert_string_equal(fail_in(&rig, &lease, 0), "retry");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:pulled"), 0);
    promote(&rig, NULL);
    lease = pull_one();
    assert_int_equal(lease.failures, 1);
    assert_string_equal(cancel(&rig, lease.id), "marked");
    assert_string_equal(extend(&lease, &answer), "cancel");
    assert_string_equal(tell_progress(&rig, &lease, 5, "x"), "cancel");
    assert_string_equal(fail_in(&rig, &lease, 0), "cancelled");
    freeReplyObject(rig_look(&rig));
}

/* ---- time ------------------------------------------------------------------------------------ */

TEST(a_lease_is_moved_on_but_never_beyond_the_time_of_its_attempt)
{
    struct pinion_job job = plain;
    struct pull_answer answer;

    rig_reset(&rig);
    job.timeout_ms = 15000;
    enqueue(&rig, &job, NULL);
    struct lease lease = pull_one();
    rig_step(&rig, 4000);
    assert_string_equal(extend(&lease, &answer), "ok");
    assert_int_equal(answer.until_ms, rig_now_ms(&rig) + 10000);
    rig_step(&rig, 9000);
    assert_string_equal(extend(&lease, &answer), "ok");
    assert_int_equal(answer.until_ms, rig_now_ms(&rig) + 2000);
    rig_step(&rig, 1999);
    assert_string_equal(extend(&lease, &answer), "ok");
    assert_int_equal(answer.until_ms, rig_now_ms(&rig) + 1);
    rig_step(&rig, 1);
    assert_string_equal(extend(&lease, &answer), "late");
    assert_int_equal(answer.timeout_ms, 15000);
    assert_string_equal(ack_pulled(&lease, 1, ""), "late");
    assert_string_equal(state_of(&rig, lease.id), "active");
}

TEST(what_had_its_time_is_left_to_be_failed)
{
    struct pinion_job job = plain;
    struct lease lease, late;

    rig_reset(&rig);
    job.timeout_ms = 200;
    enqueue(&rig, &job, NULL);
    lease = pull_one(); /* its lease is as short as that */
    rig_step(&rig, 199);
    assert_int_equal(reap_late(&late), 0);
    rig_step(&rig, 1);
    assert_int_equal(reap_late(&late), 1);
    assert_string_equal(late.id, lease.id);
    assert_string_equal(late.token, lease.token);
    assert_string_equal(state_of(&rig, lease.id), "active");
    assert_int_equal(reap_late(&late), 1); /* until it is failed */
    assert_string_equal(fail_in(&rig, &late, 0), "retry");
    assert_int_equal(reap_late(&late), 0);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:pulled"), 0);
    freeReplyObject(rig_look(&rig));
}

TEST(what_had_its_time_and_is_to_be_cancelled_is_reaped)
{
    struct pinion_job job = plain;
    struct lease lease, late;

    rig_reset(&rig);
    job.timeout_ms = 200;
    enqueue(&rig, &job, NULL);
    lease = pull_one();
    cancel(&rig, lease.id);
    rig_step(&rig, 201);
    assert_int_equal(reap_late(&late), 0);
    assert_string_equal(state_of(&rig, lease.id), "cancelled");
}

/* Its token is later than that of the attempt before, which could have had an hour; its lease ends
 * when it should, and the token tells when it began. */
TEST(a_short_lease_behind_a_long_one_is_short)
{
    struct claim_slots slots[] = {{"*", 1}};
    struct claim_args args = {.server = PULLER, .lease_ms = LEASE_MAX_MS, .free = 1, .seat = 999,
                              .pullers = "- 1", .slots = slots, .slots_count = 1};
    struct pull_answer answer;
    struct claim c;

    rig_reset(&rig);
    enqueue(&rig, &plain, NULL);
    claim_build(&rig.request, rig_key(&rig), &args);
    redisReply *r = rig_ask(&rig);
    struct claimed item;
    struct lease first = {0};
    assert_int_equal(claim_read(r, &c), PINION_OK);
    assert_true(claim_next(&c, &item));
    snprintf(first.id, sizeof first.id, "%.*s", (int)item.id.len, item.id.data);
    snprintf(first.token, sizeof first.token, "%.*s", (int)item.token.len, item.token.data);
    freeReplyObject(r);
    rig_step(&rig, 1000);
    assert_string_equal(release(&rig, &first), "ok");
    for (int i = 0; i < 2; i++) { /* another worker elsewhere, and then a server */
        struct lease lease = i ? claim_one(&rig) : pull_one();
        uint64_t token = strtoull(lease.token, NULL, 10);
        assert_true(token > strtoull(first.token, NULL, 10));
        if (i == 0) assert_int_equal(pull_began_ms(token, 0), rig_now_ms(&rig));
        rig_step(&rig, 9999);
        assert_int_equal(reap(&rig), 0);
        rig_step(&rig, 2);
        assert_int_equal(reap(&rig), 1);
        assert_string_equal(i ? ack(&rig, &lease) : extend(&lease, &answer), "stale");
    }
    freeReplyObject(rig_look(&rig));
}

/* ---- waiting --------------------------------------------------------------------------------- */

TEST(a_line_that_waits_is_woken_by_its_server_and_nothing_is_pushed_to_it)
{
    struct leases got;

    rig_reset(&rig);
    rig_listen(&rig, "pinion:server:a");
    pull_for("w 2", 2, true, &got);
    assert_int_equal(got.count, 0);
    assert_true(got.idle);
    enqueue(&rig, &plain, NULL);
    assert_string_equal(rig_heard(&rig), "pinion:server:a wake q 3\n");
    assert_string_equal(counts(&rig), "ready=1");
    enqueue(&rig, &plain, NULL); /* it is not among the idle any more */
    assert_string_equal(rig_heard(&rig), "");
    pull_for("w 2", 2, true, &got);
    assert_int_equal(got.count, 2);
    assert_false(got.idle);
}

TEST(a_server_that_is_idle_too_has_the_job_pushed)
{
    struct leases got;

    rig_reset(&rig);
    rig_listen(&rig, "pinion:server:a");
    pull_for("w 2", 2, true, &got);
    claim(&rig, &(struct ask){.subscribed = true, .asked_us = 5}, &got);
    assert_true(got.idle);
    enqueue(&rig, &plain, NULL);
    assert_non_null(strstr(rig_heard(&rig), "push q "));
    assert_string_equal(counts(&rig), "active=1");
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int close_rig(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_is_of_the_seat_that_no_server_has),
        cmocka_unit_test(no_server_takes_it_back_and_its_lease_lapses),
        cmocka_unit_test(each_seat_tells_when_its_attempts_began),
        cmocka_unit_test(packs_are_pulled_job_by_job_and_acked_together),
        cmocka_unit_test(who_follows_is_told_of_all_that_one_call_acks_at_once),
        cmocka_unit_test(one_call_ends_jobs_of_all_classes_each_by_its_token),
        cmocka_unit_test(what_a_server_runs_is_not_a_pullers_to_end),
        cmocka_unit_test(fail_release_and_cancel_end_the_attempt_as_ever),
        cmocka_unit_test(a_lease_is_moved_on_but_never_beyond_the_time_of_its_attempt),
        cmocka_unit_test(what_had_its_time_is_left_to_be_failed),
        cmocka_unit_test(what_had_its_time_and_is_to_be_cancelled_is_reaped),
        cmocka_unit_test(a_short_lease_behind_a_long_one_is_short),
        cmocka_unit_test(a_line_that_waits_is_woken_by_its_server_and_nothing_is_pushed_to_it),
        cmocka_unit_test(a_server_that_is_idle_too_has_the_job_pushed),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
