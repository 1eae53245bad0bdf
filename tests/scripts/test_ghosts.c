/* Given ids, repeated enqueues, expiry, ghosts and what is swept: one id, one job, one place. */
#include <stdio.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define DAY_MS INT64_C(86400000)

static struct pinion_job given(const char *id)
{
    return (struct pinion_job){.kind = "wc", .queue = "q", .id = id};
}

static const char *add(const char *id)
{
    struct pinion_job job = given(id);

    return enqueue(&rig, &job, NULL);
}

/* Each entry of every lane is dead or alive: as many as are ready, and as many as are ghosts. */
static void check_entries(void)
{
    int64_t ready = stats(&rig).counts[2], ghosts = rig_int(&rig, "HLEN pinion:{q}:ghosts");

    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:5:wc"), ready + ghosts);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:lanes"), ready + ghosts > 0);
}

/* ---- ids ------------------------------------------------------------------------------------- */

TEST(a_given_id_is_one_job)
{
    struct pinion_job other = given("x");

    rig_reset(&rig);
    assert_string_equal(add("x"), "new");
    assert_string_equal(add("x"), "existing");
    other.priority = PINION_PRIORITY(1);
    assert_string_equal(enqueue(&rig, &other, NULL), "conflict");
    assert_string_equal(counts(&rig), "ready=1");
    assert_int_equal(stats(&rig).enqueued, 1);
}

TEST(a_given_id_outlives_its_job_by_a_day)
{
    struct pinion_job other = given("x");

    rig_reset(&rig);
    assert_string_equal(add("x"), "new");
    struct lease lease = claim_one(&rig);
    rig_step(&rig, 5000);
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    rig_step(&rig, DAY_MS - 1);
    sweep(&rig);
    assert_string_equal(add("x"), "existing");
    other.kind = "zip";
    assert_string_equal(enqueue(&rig, &other, NULL), "conflict");
    assert_string_equal(counts(&rig), "");
    rig_step(&rig, 1);
    struct heartbeat beat;
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_true(beat.sweep);
    sweep(&rig);
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_false(beat.sweep);
    assert_string_equal(enqueue(&rig, &other, NULL), "new");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:given pinion:{q}:given_until"), 0);
}

/* A batch of everything: its answer names the others that are not new, whatever their place. */
TEST(a_mixed_batch_answers_for_each)
{
    struct pinion_job x = given("x"), y = given("y"), conflict = given("x");
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, zip = {.kind = "zip", .queue = "q"};
    struct pinion_job later = {.kind = "wc", .queue = "q", .in_ms = 5000};
    struct enqueue_item items[] = {{.job = &plain},    {.job = &y},     {.job = &zip},
                                   {.job = &x},        {.job = &later}, {.job = &plain},
                                   {.job = &conflict}, {.job = &y}};

    conflict.payload = "other";
    conflict.payload_len = 5;
    rig_reset(&rig);
    add("x");
    struct request request = REQUEST_INIT;
    enqueue_build(&request, rig_key(&rig), items, countof(items), rig_now_ms(&rig));
    for (int repeated = 0; repeated < 3; repeated++) {
        redisReply *r = rig_ask_with(&rig, &request);
        assert_int_equal(enqueue_read(r, items, countof(items)), PINION_OK);
        freeReplyObject(r);
        for (size_t i = 0; i < countof(items); i++) {
            assert_int_equal(items[i].err, i == 6 ? PINION_CONFLICT : PINION_OK);
            assert_int_equal(items[i].existing, i == 3 || i == 7);
        }
        assert_string_equal(counts(&rig), "scheduled=1 ready=5");
        assert_int_equal(stats(&rig).enqueued, 6);
        rig_step(&rig, 30000);
    }
    request_deinit(&request);
}

TEST(an_answer_is_remembered_for_a_minute)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, leased = plain, later = plain;
    const struct pinion_job *jobs[] = {&plain, &leased, &later};

    leased.lease_ms = 60000;
    later.in_ms = 1000;
    for (size_t i = 0; i < countof(jobs); i++) {
        struct enqueue_item item = {.job = jobs[i]};
        struct request call = REQUEST_INIT;
        rig_reset(&rig);
        enqueue_build(&call, rig_key(&rig), &item, 1, rig_now_ms(&rig));
        for (int times = 0; times < 3; times++) {
            redisReply *r = rig_ask_with(&rig, &call);
            assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
            assert_false(item.existing || item.err);
            freeReplyObject(r);
            assert_int_equal(stats(&rig).enqueued, 1);
        }
        redisReply *keys = rig_command(&rig, "KEYS pinion:{q}:call:*");
        assert_int_equal(keys->elements, 1);
        assert_in_range(rig_int(&rig, "PTTL %s", keys->element[0]->str), 30000, 60000);
        freeReplyObject(keys);
        assert_int_equal(rig_forget_calls(&rig), 1);
        freeReplyObject(rig_ask_with(&rig, &call));
        assert_int_equal(stats(&rig).enqueued, 2);
        request_deinit(&call);
    }
}

/* ---- expiry ---------------------------------------------------------------------------------- */

TEST(what_was_not_started_in_time_is_cancelled_at_the_claim)
{
    char late[QUEUE_NAME_MAX + 1], started[QUEUE_NAME_MAX + 1], plain[QUEUE_NAME_MAX + 1];
    struct pinion_job job = {.kind = "wc", .queue = "q", .expires_ms = 1000};

    rig_reset(&rig);
    enqueue(&rig, &job, started);
    struct lease lease = claim_one(&rig);
    enqueue(&rig, &job, late);
    job.expires_ms = 0;
    enqueue(&rig, &job, plain);
    assert_string_equal(release(&rig, &lease), "ok");
    rig_step(&rig, 1000);
    assert_string_equal(counts(&rig), "ready=3");
    rig_step(&rig, 1);
    assert_string_equal(claim_one(&rig).id, started); /* was started in time, and given back */
    assert_string_equal(claim_one(&rig).id, plain);
    assert_string_equal(state_of(&rig, late), "cancelled");
    assert_int_equal(stats(&rig).cancelled, 1);
    assert_string_equal(requeue(&rig, "retry", late), "ready"); /* by hand: now it counts no more */
    assert_string_equal(claim_one(&rig).id, late);
}

TEST(the_time_to_start_counts_from_when_it_is_due)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .in_ms = 5000, .expires_ms = 1000};

    for (int late = 0; late < 2; late++) {
        rig_reset(&rig);
        enqueue(&rig, &job, NULL);
        rig_step(&rig, 6000 + late);
        assert_int_equal(promote(&rig, NULL), 1);
        assert_int_equal(claim_count(&rig), late ? 0 : 1);
        assert_string_equal(counts(&rig), late ? "cancelled=1" : "active=1");
    }
}

/* ---- ghosts ---------------------------------------------------------------------------------- */

TEST(a_cancelled_job_leaves_a_ghost_that_starts_nothing)
{
    rig_reset(&rig);
    add("x");
    add("y");
    assert_string_equal(cancel(&rig, "x"), "cancelled");
    check_entries();
    assert_string_equal(counts(&rig), "ready=1 cancelled=1");
    assert_string_equal(claim_one(&rig).id, "y");
    check_entries();
    assert_int_equal(claim_count(&rig), 0);
}

TEST(a_retried_job_does_not_inherit_the_place_of_its_ghost)
{
    rig_reset(&rig);
    add("x");
    add("y");
    for (int i = 0; i < 5; i++) {
        assert_string_equal(cancel(&rig, "x"), "cancelled");
        check_entries();
        assert_string_equal(requeue(&rig, "retry", "x"), "ready");
        check_entries();
        assert_string_equal(counts(&rig), "ready=2");
    }
    assert_string_equal(claim_one(&rig).id, "y");
    assert_string_equal(claim_one(&rig).id, "x");
    assert_int_equal(claim_count(&rig), 0);
    check_entries();
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:ghosts"), 0);
}

/* The ghost stands behind the live entry, which goes to the front. */
TEST(a_ghost_does_not_start_a_running_or_kept_job)
{
    struct pinion_job job = given("x");

    job.retain_ms = (uint64_t)DAY_MS;
    rig_reset(&rig);
    add("y");
    enqueue(&rig, &job, NULL);
    struct lease y = claim_one(&rig);
    assert_string_equal(cancel(&rig, "x"), "cancelled");
    assert_string_equal(requeue(&rig, "retry", "x"), "ready");
    freeReplyObject(
        rig_command(&rig, "LMOVE pinion:{q}:lane:5:wc pinion:{q}:lane:5:wc RIGHT LEFT"));
    struct lease x = claim_one(&rig);
    assert_string_equal(x.id, "x");
    check_entries();
    assert_string_equal(release(&rig, &x), "ok");
    check_entries();
    x = claim_one(&rig);
    assert_string_equal(ack_rich(&rig, &x, "result"), "ok");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:ghosts"), 1);
    assert_string_equal(ack_rich(&rig, &y, ""), "ok");
    assert_int_equal(claim_count(&rig), 0);
    assert_string_equal(counts(&rig), "done=1");
    check_entries();
}

TEST(a_deleted_job_leaves_nothing_but_a_ghost_and_its_id)
{
    rig_reset(&rig);
    add("x");
    add("y");
    assert_string_equal(delete_job(&rig, "x"), "deleted");
    check_entries();
    assert_string_equal(counts(&rig), "ready=1");
    assert_int_equal(stats(&rig).deleted, 1);
    assert_int_equal(rig_int(&rig, "HEXISTS pinion:{q}:rare x"), 0);
    assert_string_equal(add("x"), "existing"); /* an id outlives its job, however that ended */
    assert_string_equal(claim_one(&rig).id, "y");
    assert_int_equal(claim_count(&rig), 0);
    check_entries();
    rig_step(&rig, DAY_MS);
    sweep(&rig);
    assert_string_equal(add("x"), "new");
    assert_string_equal(claim_one(&rig).id, "x");
}

TEST(a_deleted_job_takes_its_result_along)
{
    struct pinion_job job = given("x");

    job.retain_ms = (uint64_t)DAY_MS;
    rig_reset(&rig);
    enqueue(&rig, &job, NULL);
    struct lease x = claim_one(&rig);
    assert_string_equal(ack_rich(&rig, &x, "result"), "ok");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:results"), 1);
    assert_string_equal(delete_job(&rig, "x"), "deleted");
    assert_string_equal(delete_job(&rig, "x"), "not_found");
    assert_string_equal(counts(&rig), "");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:results pinion:{q}:jobs pinion:{q}:rare"),
                     0);
    assert_int_equal(stats(&rig).deleted, 1);
}

static void make_ghost_of_a_past_job(void)
{
    rig_reset(&rig);
    add("x");
    assert_string_equal(cancel(&rig, "x"), "cancelled");
    rig_step(&rig, 30 * DAY_MS);
    assert_int_equal(sweep(&rig), 1);
    assert_string_equal(state_of(&rig, "x"), "none");
    rig_step(&rig, DAY_MS);
    sweep(&rig);
    assert_string_equal(counts(&rig), "");
    check_entries();
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:ghosts"), 1);
    add("y");
}

TEST(a_used_id_made_ready_again_keeps_clear_of_its_ghost)
{
    make_ghost_of_a_past_job();
    assert_string_equal(add("x"), "new");
    check_entries();
    assert_string_equal(claim_one(&rig).id, "y");
    assert_string_equal(claim_one(&rig).id, "x");
    assert_int_equal(claim_count(&rig), 0);
    check_entries();
}

TEST(a_used_id_that_is_delayed_is_not_started_by_its_ghost)
{
    struct pinion_job job = given("x");

    for (int claimed_first = 0; claimed_first < 2; claimed_first++) {
        make_ghost_of_a_past_job();
        job.in_ms = 1000;
        assert_string_equal(enqueue(&rig, &job, NULL), "new");
        if (claimed_first) {
            assert_int_equal(claim_count(&rig), 1);
            assert_string_equal(counts(&rig), "scheduled=1 active=1");
        }
        rig_step(&rig, 1000);
        assert_int_equal(promote(&rig, NULL), 1);
        check_entries();
        if (!claimed_first) assert_string_equal(claim_one(&rig).id, "y");
        assert_string_equal(claim_one(&rig).id, "x");
        assert_int_equal(claim_count(&rig), 0);
        assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:ghosts"), 0);
    }
}

TEST(ghosts_are_dropped_within_a_bound)
{
    enum { GHOSTS = 5000 };
    struct leases got;

    rig_reset(&rig);
    for (int i = 0; i < GHOSTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        add(id);
        assert_string_equal(cancel(&rig, id), "cancelled");
    }
    add("live");
    check_entries();
    int calls = 0;
    do {
        claim(&rig, &(struct ask){.free = 512}, &got);
        int64_t left = rig_int(&rig, "HLEN pinion:{q}:ghosts");
        calls++;
        assert_true(left == 0 || got.more);
        assert_true(left >= GHOSTS - calls * (2048 + 64));
        check_entries();
    } while (got.more);
    assert_int_equal(calls, 3);
    assert_int_equal(got.count, 1);
    assert_string_equal(got.lease[0].id, "live");
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Follows the pages of a state and counts the jobs. */
static size_t list_all(const char *state, const char *kind, size_t page)
{
    char cursor[256] = "";
    size_t found = 0;

    do {
        list_build(&rig.request, rig_key(&rig), state,
                   &(struct job_filter){.kind = span_of(kind)}, span_of(cursor), page);
        redisReply *r = rig_ask(&rig);
        for (size_t i = 0; i < list_count(r); i++) {
            struct job_view view;
            assert_int_equal(list_item(r, i, state, &view), PINION_OK);
            job_view_deinit(&view);
            found++;
        }
        struct span next = list_next(r);
        assert_true(next.len < sizeof cursor);
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.len, next.data);
        freeReplyObject(r);
    } while (cursor[0]);
    return found;
}

TEST(pages_show_every_job_once)
{
    static const size_t pages[] = {1, 7, 100, 512};
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, zip = {.kind = "zip", .queue = "q"};
    struct pinion_job later = {.kind = "wc", .queue = "q", .in_ms = 1000};

    rig_reset(&rig);
    for (int i = 0; i < 300; i++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", i);
        add(id);
        if (i % 3 && i < 290) assert_string_equal(cancel(&rig, id), "cancelled");
    }
    enqueue_many(&rig, &plain, 100);
    enqueue_many(&rig, &zip, 50);
    enqueue_many(&rig, &later, 60);
    for (size_t i = 0; i < countof(pages); i++) {
        struct queue_view view = stats(&rig);
        assert_int_equal(list_all("ready", "", pages[i]), view.counts[2]);
        assert_int_equal(list_all("ready", "zip", pages[i]), 50);
        assert_int_equal(list_all("scheduled", "", pages[i]), 60);
        assert_int_equal(list_all("cancelled", "", pages[i]), view.counts[7]);
        assert_int_equal(list_all("dead", "", pages[i]), 0);
    }
}

TEST(a_job_shows_all_that_is_known_of_it)
{
    struct job_view view;
    struct heartbeat beat;
    struct pinion_job job = given("x");

    job.retain_ms = 1000;
    rig_reset(&rig);
    heartbeat(&rig, SERVER, NULL, &beat);
    enqueue(&rig, &job, NULL);
    struct lease lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, 0), "retry");
    promote(&rig, NULL);
    lease = claim_one(&rig);
    cancel(&rig, "x");
    show_build(&rig.request, rig_key(&rig), span_of("x"));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of("x"), &view), PINION_OK);
    assert_true(span_is(view.state, "active"));
    assert_true(span_is(view.server, SERVER));
    assert_true(span_is(view.mark, "cancelled"));
    assert_int_equal(view.failures, 1);
    assert_string_equal(view.error, "it broke");
    job_view_deinit(&view);
    freeReplyObject(r);
    assert_string_equal(ack_rich(&rig, &lease, "42"), "ok");
    r = rig_ask(&rig); /* the request of ack_rich again: a repeated one changes nothing */
    freeReplyObject(r);
    show_build(&rig.request, rig_key(&rig), span_of("x"));
    r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of("x"), &view), PINION_OK);
    assert_true(span_is(view.state, "done"));
    assert_true(span_is(view.result, "42"));
    assert_int_equal(view.finished_ms, rig_now_ms(&rig));
    job_view_deinit(&view);
    freeReplyObject(r);
}

/* An error text of any bytes must not hide what else is known. */
TEST(an_error_text_may_be_any_bytes)
{
    struct job_view view;
    struct pinion_job job = given("x");

    rig_reset(&rig);
    enqueue(&rig, &job, NULL);
    struct lease lease = claim_one(&rig);
    struct settle_item item = {.id = span_of("x"), .token = span_of(lease.token),
                               .text = {"a\0b\xff\n\x01\"\\c", 10}};
    fail_build(&rig.request, rig_key(&rig), &item, 1);
    freeReplyObject(rig_ask(&rig));
    show_build(&rig.request, rig_key(&rig), span_of("x"));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of("x"), &view), PINION_OK);
    assert_int_equal(view.failures, 1);
    assert_non_null(view.error);
    job_view_deinit(&view);
    freeReplyObject(r);
    promote(&rig, NULL);
    assert_int_equal(claim_one(&rig).failures, 1);
}

TEST(the_oldest_is_not_a_ghost)
{
    rig_reset(&rig);
    add("x");
    rig_step(&rig, 5000);
    add("y");
    rig_step(&rig, 3000);
    assert_int_equal(stats(&rig).oldest_ready_ms, 8000);
    cancel(&rig, "x");
    assert_int_equal(stats(&rig).oldest_ready_ms, 3000);
}

TEST(what_is_dead_is_bounded_in_number)
{
    rig_reset(&rig);
    for (int i = 0; i < 3; i++) {
        add((char[]){(char)('a' + i), 0});
        struct lease lease = claim_one(&rig);
        fail_in(&rig, &lease, -1);
        rig_step(&rig, 1);
    }
    for (int i = 0; i < 99998; i += 1000) { /* ids without a record: an old and damaged queue */
        freeReplyObject(rig_command(&rig, "EVAL %s 1 pinion:{q}:dead %d %d",
                                    "for i = ARGV[1], math.min(ARGV[1] + 999, ARGV[2]) do "
                                    "redis.call('ZADD', KEYS[1], 0, 'z' .. i) end",
                                    i, 99997));
    }
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:dead"), 100001);
    struct heartbeat beat;
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_true(beat.sweep);
    freeReplyObject(rig_command(&rig, "ZADD pinion:{q}:dead XX %lld z1", (long long)RIG_START_MS));
    sweep(&rig);
    assert_string_equal(state_of(&rig, "a"), "dead");
    assert_string_equal(state_of(&rig, "c"), "dead");
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:dead"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_given_id_is_one_job),
        cmocka_unit_test(a_given_id_outlives_its_job_by_a_day),
        cmocka_unit_test(a_mixed_batch_answers_for_each),
        cmocka_unit_test(an_answer_is_remembered_for_a_minute),
        cmocka_unit_test(what_was_not_started_in_time_is_cancelled_at_the_claim),
        cmocka_unit_test(the_time_to_start_counts_from_when_it_is_due),
        cmocka_unit_test(a_cancelled_job_leaves_a_ghost_that_starts_nothing),
        cmocka_unit_test(a_deleted_job_leaves_nothing_but_a_ghost_and_its_id),
        cmocka_unit_test(a_deleted_job_takes_its_result_along),
        cmocka_unit_test(a_retried_job_does_not_inherit_the_place_of_its_ghost),
        cmocka_unit_test(a_ghost_does_not_start_a_running_or_kept_job),
        cmocka_unit_test(a_used_id_made_ready_again_keeps_clear_of_its_ghost),
        cmocka_unit_test(a_used_id_that_is_delayed_is_not_started_by_its_ghost),
        cmocka_unit_test(ghosts_are_dropped_within_a_bound),
        cmocka_unit_test(pages_show_every_job_once),
        cmocka_unit_test(a_job_shows_all_that_is_known_of_it),
        cmocka_unit_test(an_error_text_may_be_any_bytes),
        cmocka_unit_test(the_oldest_is_not_a_ghost),
        cmocka_unit_test(what_is_dead_is_bounded_in_number),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
