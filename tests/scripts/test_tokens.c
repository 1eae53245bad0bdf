/* Leases: whose attempt is it, what does a repeated call get, what when servers or clocks fail? */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/reply.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define START_US  (RIG_START_MS * 1000)
#define SECOND_US 1000000

static const struct pinion_job plain = {.kind = "wc", .queue = "q"};

static int64_t number_of(const char *token)
{
    return strtoll(token, NULL, 10);
}

static struct lease claim_by(const char *server, unsigned seat)
{
    struct leases got;

    claim(&rig, &(struct ask){.server = server, .seat = seat}, &got);
    assert_int_equal(got.count, 1);
    return got.lease[0];
}

/* ---- tokens ---------------------------------------------------------------------------------- */

TEST(a_token_is_the_first_deadline_and_names_the_seat)
{
    rig_reset(&rig);
    enqueue_many(&rig, &plain, 1);
    struct lease lease = claim_by("b", 7);
    assert_int_equal(number_of(lease.token), START_US + LEASE_DEFAULT_MS * 1000 + 7);
    assert_string_equal(renew(&rig, &lease, 60000), "ok");
    rig_step(&rig, 30000);
    assert_int_equal(reap(&rig), 0);
    assert_string_equal(renew(&rig, &lease, 60000), "ok"); /* by the same token */
    assert_string_equal(ack(&rig, &lease), "ok");
}

TEST(a_job_may_ask_for_its_own_lease)
{
    rig_reset(&rig);
    struct pinion_job job = plain;
    job.lease_ms = 60000;
    enqueue(&rig, &job, NULL);
    struct lease lease = claim_by("a", 0);
    assert_int_equal(number_of(lease.token), START_US + 60 * SECOND_US);
    rig_step(&rig, 59999);
    assert_int_equal(reap(&rig), 0);
    rig_step(&rig, 1);
    assert_int_equal(reap(&rig), 1);
}

/* Every verb with a token, by each that is not the right one: refused, and nothing changes. */
TEST(stale_and_forged_tokens_are_refused)
{
    rig_reset(&rig);
    enqueue_many(&rig, &plain, 1);
    struct lease lost = claim_by("a", 0);
    rig_step(&rig, LEASE_DEFAULT_MS);
    assert_int_equal(reap(&rig), 1);
    struct lease mine = claim_by("b", 1);
    assert_true(number_of(mine.token) > number_of(lost.token));
    const char *const forged[] = {lost.token, "", "0", "x", "1790000010000001.0", "-inf"};
    for (int renewed = 0; renewed < 2; renewed++) {
        for (size_t i = 0; i < countof(forged); i++) {
            struct lease false_one = mine;
            snprintf(false_one.token, sizeof false_one.token, "%s", forged[i]);
            assert_string_equal(renew(&rig, &false_one, 1000), "stale");
            assert_string_equal(ack(&rig, &false_one), "stale");
            assert_string_equal(ack_rich(&rig, &false_one, "r"), "stale");
            assert_string_equal(fail_in(&rig, &false_one, 0), "stale");
            assert_string_equal(release(&rig, &false_one), "stale");
            assert_string_equal(counts(&rig), "active=1");
        }
        rig_step(&rig, 1000);
        assert_string_equal(renew(&rig, &mine, 30000), "ok");
    }
    /* The moved deadline is not a token. */
    struct lease moved = mine;
    int64_t deadline_us = rig.now_us + 30 * SECOND_US;
    snprintf(moved.token, sizeof moved.token, "%lld", (long long)deadline_us);
    assert_int_equal(rig_int(&rig, "ZCOUNT pinion:{q}:active %s %s", moved.token, moved.token), 1);
    assert_string_equal(renew(&rig, &moved, 1000), "stale");
    assert_string_equal(ack(&rig, &moved), "stale");
    assert_string_equal(release(&rig, &moved), "stale");
    assert_string_equal(ack(&rig, &mine), "ok");
}

TEST(the_token_of_a_job_grows_whatever_the_clock_does)
{
    char id[QUEUE_NAME_MAX + 1];
    int64_t last = 0;

    rig_reset(&rig);
    enqueue(&rig, &plain, id);
    for (unsigned i = 0; i < 20; i++) {
        unsigned seat = 999 - i % 3 * 400;
        struct lease lease = claim_by("s", seat); /* again and again in the same millisecond */
        assert_true(number_of(lease.token) > last);
        assert_int_equal(number_of(lease.token) % 1000, seat);
        last = number_of(lease.token);
        assert_string_equal(i % 2 ? release(&rig, &lease) : fail_in(&rig, &lease, 0),
                            i % 2 ? "ok" : "retry");
        promote(&rig, NULL);
        if (i == 10) rig_step(&rig, -3600000);
    }
    struct lease lease = claim_by("s", 1);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    struct lease anew = claim_by("s", 0);
    assert_true(number_of(anew.token) > number_of(lease.token));
}

/* ---- repeated calls -------------------------------------------------------------------------- */

TEST(an_outcome_is_accepted_once)
{
    rig_reset(&rig);
    enqueue_many(&rig, &plain, 3);
    struct lease failed = claim_by("a", 0), released = claim_by("a", 0), done = claim_by("a", 0);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(fail_in(&rig, &failed, 1000), "retry");
        assert_string_equal(release(&rig, &released), "ok");
        assert_string_equal(ack(&rig, &done), "ok");
    }
    assert_string_equal(counts(&rig), "ready=1 retry=1");
    assert_string_equal(ack(&rig, &failed), "stale");
    assert_string_equal(ack_rich(&rig, &failed, ""), "stale");
    assert_string_equal(release(&rig, &failed), "stale");
    assert_string_equal(ack(&rig, &released), "stale");
    assert_string_equal(ack_rich(&rig, &released, ""), "stale");
    assert_string_equal(fail_in(&rig, &released, 0), "stale");
    assert_string_equal(fail_in(&rig, &done, 0), "stale");
    assert_string_equal(release(&rig, &done), "stale");
    assert_string_equal(renew(&rig, &done, 1000), "stale");
    assert_string_equal(counts(&rig), "ready=1 retry=1");
    struct queue_view view = stats(&rig);
    assert_int_equal(view.failed, 1);
    assert_int_equal(view.done, 1);
}

TEST(attempts_are_counted_to_the_last)
{
    char id[QUEUE_NAME_MAX + 1];
    struct pinion_job job = plain;

    job.attempts_max = 3;
    rig_reset(&rig);
    enqueue(&rig, &job, id);
    for (unsigned i = 0; i < 3; i++) {
        struct lease lease = claim_by("a", 0);
        assert_int_equal(lease.failures, i);
        assert_string_equal(fail_in(&rig, &lease, 0), i < 2 ? "retry" : "dead");
        promote(&rig, NULL);
    }
    assert_string_equal(state_of(&rig, id), "dead");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    assert_int_equal(claim_by("a", 0).failures, 0);
}

/* Acks of several claims in one call, with jobs among them that are renewed, done or lost. */
TEST(one_bad_item_never_fails_another)
{
    struct leases a, b;
    struct settle_item items[40];

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 40);
    claim(&rig, &(struct ask){.free = 20}, &a);
    rig_step(&rig, 1);
    claim(&rig, &(struct ask){.free = 20, .seat = 1}, &b);
    assert_int_equal(b.count, 20);
    assert_string_equal(renew(&rig, &a.lease[3], 20000), "ok");
    assert_string_equal(ack(&rig, &a.lease[5]), "ok");
    assert_string_equal(fail_in(&rig, &b.lease[0], 60000), "retry");
    assert_string_equal(cancel(&rig, b.lease[19].id), "marked");
    for (size_t i = 0; i < 40; i++) {
        struct lease *lease = i < 20 ? &a.lease[i] : &b.lease[i - 20];
        items[i] = (struct settle_item){.id = span_of(lease->id), .token = span_of(lease->token)};
    }
    for (int again = 0; again < 2; again++) {
        ack_build(&rig.request, rig_key(&rig), items, 40);
        redisReply *r = rig_ask(&rig);
        assert_int_equal(settle_read(r, SCRIPT_ACK, items, 40), PINION_OK);
        freeReplyObject(r);
        for (size_t i = 0; i < 40; i++)
            assert_int_equal(items[i].settled, i == 20 ? SETTLED_STALE : SETTLED_OK);
        assert_string_equal(counts(&rig), "retry=1");
        assert_int_equal(stats(&rig).done, 39);
    }
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:tokens pinion:{q}:marks pinion:{q}:active"),
                     0);
}

/* ---- the memory of what was done ------------------------------------------------------------- */

TEST(the_last_ten_thousand_are_remembered)
{
    enum { REMEMBERED = 10000, BATCH = 500 };
    static struct lease first[BATCH];
    struct settle_item items[BATCH];
    struct leases got;

    rig_reset(&rig);
    for (int n = 0; n <= REMEMBERED / BATCH; n++) {
        assert_string_equal(n ? ack(&rig, &first[0]) : "ok", "ok"); /* the first is still known */
        enqueue_many(&rig, &plain, BATCH);
        claim(&rig, &(struct ask){.free = BATCH}, &got);
        assert_int_equal(got.count, BATCH);
        if (n == 0) memcpy(first, got.lease, sizeof first);
        for (size_t i = 0; i < BATCH; i++)
            items[i] = (struct settle_item){.id = span_of(got.lease[i].id),
                                            .token = span_of(got.lease[i].token)};
        ack_build(&rig.request, rig_key(&rig), items, BATCH);
        freeReplyObject(rig_ask(&rig));
    }
    for (size_t i = 0; i < BATCH; i++) assert_string_equal(ack(&rig, &first[i]), "stale");
    assert_string_equal(ack(&rig, &got.lease[0]), "ok");
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:ended"), REMEMBERED / BATCH);
}

TEST(one_by_one_too)
{
    enum { REMEMBERED = 10000 };
    struct leases got;
    struct lease first, second;

    rig_reset(&rig);
    enqueue_many(&rig, &plain, REMEMBERED + 1);
    for (int i = 0; i <= REMEMBERED; i++) {
        claim(&rig, &(struct ask){0}, &got);
        assert_string_equal(ack(&rig, &got.lease[0]), "ok");
        if (i == 0) first = got.lease[0];
        if (i == 1) second = got.lease[0];
    }
    assert_string_equal(state_of(&rig, first.id), "none");
    assert_string_equal(ack(&rig, &first), "stale");
    assert_string_equal(state_of(&rig, second.id), "remembered");
    assert_string_equal(ack(&rig, &second), "ok");
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:ended"), REMEMBERED);
}

TEST(odd_ids_do_not_confuse_the_memory)
{
    static const char *const ids[] = {"1", "10", "done", "1790000010000000", "10000", "-", "."};
    struct lease lease[countof(ids)];
    struct pinion_job job = plain;

    rig_reset(&rig);
    for (size_t i = 0; i < countof(ids); i++) {
        assert_string_equal(state_of(&rig, ids[i]), "none"); /* whatever was done before */
        job.id = ids[i];
        enqueue(&rig, &job, NULL);
        lease[i] = claim_by("a", (unsigned)i);
        assert_string_equal(ack_rich(&rig, &lease[i], ""), "ok");
    }
    for (size_t i = 0; i < countof(ids); i++) {
        assert_string_equal(state_of(&rig, ids[i]), "remembered");
        assert_string_equal(ack_rich(&rig, &lease[i], ""), "ok");
        assert_string_equal(ack(&rig, &lease[i]), "ok");
        struct lease other = lease[i];
        snprintf(other.token, sizeof other.token, "%s", lease[(i + 1) % countof(ids)].token);
        assert_string_equal(ack(&rig, &other), "stale");
    }
    assert_string_equal(state_of(&rig, "0"), "none");
}

/* ---- lost servers ---------------------------------------------------------------------------- */

static void lose(unsigned times, bool heard, char id[QUEUE_NAME_MAX + 1])
{
    for (unsigned i = 0; i < times; i++) {
        struct lease lease = claim_by("a", 0);
        assert_string_equal(lease.id, id);
        assert_int_equal(lease.failures, 0);
        if (heard) assert_string_equal(renew(&rig, &lease, LEASE_DEFAULT_MS), "ok");
        rig_step(&rig, LEASE_DEFAULT_MS);
        assert_int_equal(reap(&rig), 1);
    }
}

TEST(a_job_that_keeps_losing_its_servers_ends_dead)
{
    char id[QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    enqueue(&rig, &plain, id);
    lose(9, false, id);
    assert_string_equal(state_of(&rig, id), "ready");
    lose(1, false, id);
    assert_string_equal(state_of(&rig, id), "dead");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    lose(5, false, id);
    lose(4, true, id);
    assert_string_equal(state_of(&rig, id), "ready");
    lose(1, true, id);
    assert_string_equal(state_of(&rig, id), "dead");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    lose(4, true, id);
    assert_string_equal(state_of(&rig, id), "ready");
    lose(1, true, id);
    assert_string_equal(state_of(&rig, id), "dead");
    assert_int_equal(stats(&rig).reaped, 25);
    assert_int_equal(stats(&rig).failed, 0);
}

/* A claim whose answer was lost: its server renews what it knows, and takes back the rest. */
TEST(what_a_server_does_not_know_of_is_taken_back_at_once)
{
    struct pinion_job job = {.kind = "k"};
    struct lease known, lost;
    struct heartbeat beat;

    rig_reset(&rig);
    heartbeat(&rig, SERVER, "*", &beat);
    enqueue_many(&rig, &job, 2);
    known = claim_one(&rig);
    lost = claim_one(&rig);
    assert_string_equal(renew(&rig, &known, 10000), "ok");
    assert_int_equal(take_back_unheard(&rig, SERVER), 1);
    assert_string_equal(state_of(&rig, known.id), "active");
    assert_string_equal(state_of(&rig, lost.id), "ready");
    assert_string_equal(ack(&rig, &lost), "stale");
    assert_string_equal(ack(&rig, &known), "ok");
}

TEST(take_back_takes_only_what_its_own_seat_holds)
{
    struct heartbeat a, b;
    struct leases got;

    rig_reset(&rig);
    heartbeat(&rig, "a", NULL, &a);
    heartbeat(&rig, "b", NULL, &b);
    assert_int_equal(a.seat, 0);
    assert_int_equal(b.seat, 1);
    for (int i = 0; i < 500; i++) enqueue_many(&rig, &plain, 3); /* too few for a pack */
    for (unsigned i = 0; i < 30; i++) {
        claim(&rig, &(struct ask){.seat = i % 2, .free = 50}, &got);
        assert_int_equal(got.count, 50);
        if (i == 1) assert_string_equal(renew(&rig, &got.lease[0], 99000), "ok");
        rig_step(&rig, 1);
    }
    assert_int_equal(take_back(&rig, "c"), 0); /* has no seat */
    assert_int_equal(take_back(&rig, "b"), 750);
    assert_string_equal(counts(&rig), "ready=750 active=750");
    assert_int_equal(take_back(&rig, "b"), 0);
    assert_int_equal(take_back(&rig, "a"), 750);
}

TEST(a_seat_is_kept_and_freed)
{
    struct heartbeat beat;
    struct leases got;

    rig_reset(&rig);
    heartbeat(&rig, "a", NULL, &beat);
    heartbeat(&rig, "b", NULL, &beat);
    heartbeat(&rig, "b", NULL, &beat);
    assert_int_equal(beat.seat, 1);
    enqueue_many(&rig, &plain, 1);
    claim(&rig, &(struct ask){.seat = 0, .free = 1}, &got);
    leave(&rig, "a", false);
    heartbeat(&rig, "c", NULL, &beat);
    assert_int_equal(beat.seat, 2); /* a still holds a lease */
    heartbeat(&rig, "a", NULL, &beat);
    assert_int_equal(beat.seat, 0);
    assert_string_equal(release(&rig, &got.lease[0]), "ok");
    leave(&rig, "a", false); /* and now none, though it did not know it */
    heartbeat(&rig, "d", NULL, &beat);
    assert_int_equal(beat.seat, 0);
    leave(&rig, "d", true);
    heartbeat(&rig, "d", NULL, &beat);
    assert_int_equal(beat.seat, 0);
    rig_step(&rig, INT64_C(86400001));
    heartbeat(&rig, "d", NULL, &beat);
    heartbeat(&rig, "e", NULL, &beat);
    assert_int_equal(beat.seat, 1); /* of b, which was not heard of for a day */
}

TEST(seats_are_given_until_the_last)
{
    struct heartbeat beat;
    char name[16];

    rig_reset(&rig);
    for (int i = 0; i <= SEATS_MAX; i++) {
        snprintf(name, sizeof name, "s%d", i);
        heartbeat(&rig, name, NULL, &beat);
        assert_int_equal(beat.seat, i < SEATS_MAX ? i : -1);
    }
}

/* ---- clocks that step ------------------------------------------------------------------------ */

static const char *reap_expecting(int64_t expect_ms)
{
    struct reaped reaped;

    reap_build(&rig.request, rig_key(&rig), expect_ms);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(reap_read(r, &reaped), PINION_OK);
    freeReplyObject(r);
    return reaped.jump ? "jump" : reaped.count ? "reaped" : "nothing";
}

TEST(reap_refuses_when_the_clock_jumped)
{
    rig_reset(&rig);
    enqueue_many(&rig, &plain, 1);
    claim_by("a", 0);
    rig_step(&rig, 20000);
    int64_t now_ms = rig_now_ms(&rig);
    assert_string_equal(reap_expecting(now_ms - 501), "jump");
    assert_string_equal(reap_expecting(now_ms + 501), "jump");
    assert_string_equal(counts(&rig), "active=1");
    assert_string_equal(reap_expecting(now_ms - 500), "reaped");
    assert_string_equal(counts(&rig), "ready=1");
}

TEST(a_lease_far_ahead_does_not_outlive_the_longest)
{
    rig_reset(&rig);
    enqueue_many(&rig, &plain, 2);
    struct lease plain_one = claim_by("a", 3), renewed = claim_by("a", 3);
    assert_string_equal(renew(&rig, &renewed, LEASE_DEFAULT_MS), "ok");
    rig_step(&rig, -86400000);
    assert_int_equal(reap(&rig), 0);
    assert_string_equal(renew(&rig, &plain_one, 1000), "ok"); /* its token still is what it was */
    rig_step(&rig, 1000);
    assert_int_equal(reap(&rig), 1);
    rig_step(&rig, LEASE_MAX_MS - 1001);
    assert_int_equal(reap(&rig), 0);
    rig_step(&rig, 1);
    assert_int_equal(reap(&rig), 1);
    assert_string_equal(counts(&rig), "ready=2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_the_first_deadline_and_names_the_seat),
        cmocka_unit_test(a_job_may_ask_for_its_own_lease),
        cmocka_unit_test(stale_and_forged_tokens_are_refused),
        cmocka_unit_test(the_token_of_a_job_grows_whatever_the_clock_does),
        cmocka_unit_test(an_outcome_is_accepted_once),
        cmocka_unit_test(attempts_are_counted_to_the_last),
        cmocka_unit_test(one_bad_item_never_fails_another),
        cmocka_unit_test(the_last_ten_thousand_are_remembered),
        cmocka_unit_test(one_by_one_too),
        cmocka_unit_test(odd_ids_do_not_confuse_the_memory),
        cmocka_unit_test(a_job_that_keeps_losing_its_servers_ends_dead),
        cmocka_unit_test(what_a_server_does_not_know_of_is_taken_back_at_once),
        cmocka_unit_test(take_back_takes_only_what_its_own_seat_holds),
        cmocka_unit_test(a_seat_is_kept_and_freed),
        cmocka_unit_test(seats_are_given_until_the_last),
        cmocka_unit_test(reap_refuses_when_the_clock_jumped),
        cmocka_unit_test(a_lease_far_ahead_does_not_outlive_the_longest),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
