/* A unique key has one job: which, for how long, and that no end of a job leaves its key behind. */
#include <stdlib.h>
#include <string.h>
#include "queue/enqueue.h"
#include "queue/reply.h"
#include "queue/unique.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

static char first[QUEUE_NAME_MAX + 1], second[QUEUE_NAME_MAX + 1];

static struct pinion_job keyed(const char *unique)
{
    return (struct pinion_job){
        .kind = "wc", .queue = "q", .unique = unique, .payload = "p", .payload_len = 1};
}

/* What became of an enqueue with that key; its id, or the holder's, is in `second`. */
static const char *again(const char *unique)
{
    struct pinion_job job = keyed(unique);

    return enqueue(&rig, &job, second);
}

static void make_first(const char *unique)
{
    struct pinion_job job = keyed(unique);

    rig_reset(&rig);
    assert_string_equal(enqueue(&rig, &job, first), "new");
}

static int64_t keys_held(void)
{
    return rig_int(&rig, "HLEN pinion:{q}:uniques");
}

/* ---- how each span ends ---------------------------------------------------------------------- */

TEST(a_second_one_gets_the_holders_id)
{
    make_first("k");
    assert_string_equal(again("k"), "existing");
    assert_string_equal(second, first);
    assert_string_equal(again("other"), "new");
    assert_string_equal(again("k=start"), "existing"); /* one key, whatever the spans */
    assert_string_equal(again("k=1h"), "existing");
    assert_string_equal(counts(&rig), "ready=2");
}

TEST(until_its_start)
{
    make_first("k=start");
    assert_string_equal(again("k=start"), "existing");
    struct lease held = claim_one(&rig);
    assert_int_equal(keys_held(), 0);
    assert_string_equal(again("k=start"), "new");
    assert_string_equal(again("k=start"), "existing");
    assert_string_not_equal(second, first);
    /* The one that started ends: the key is the other's. */
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    assert_string_equal(again("k=start"), "existing");
}

TEST(until_its_end)
{
    make_first("k");
    struct lease held = claim_one(&rig);
    assert_string_equal(again("k"), "existing");
    assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    assert_string_equal(again("k"), "existing");
    rig_step(&rig, 1000);
    assert_int_equal(promote(&rig, NULL), 1);
    held = claim_one(&rig);
    assert_string_equal(again("k"), "existing");
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    assert_int_equal(keys_held(), 0);
    assert_string_equal(again("k"), "new");
}

TEST(for_a_time_whatever_becomes_of_it)
{
    make_first("k=10s");
    struct lease held = claim_one(&rig);
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    rig_step(&rig, 9999);
    assert_string_equal(again("k=10s"), "existing");
    assert_string_equal(second, first);
    rig_step(&rig, 1);
    assert_string_equal(again("k=10s"), "new");
    assert_string_not_equal(second, first);
}

TEST(a_key_held_for_a_time_is_swept)
{
    struct heartbeat beat;

    make_first("k=10s");
    assert_string_equal(delete_job(&rig, first), "deleted");
    rig_step(&rig, 9999);
    sweep(&rig);
    assert_int_equal(keys_held(), 1);
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_false(beat.sweep);
    rig_step(&rig, 1);
    heartbeat(&rig, SERVER, NULL, &beat);
    assert_true(beat.sweep);
    sweep(&rig);
    assert_int_equal(keys_held(), 0);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:uniques_until"), 0);
}

/* ---- retried by hand ------------------------------------------------------------------------- */

TEST(a_retry_takes_its_key_again)
{
    make_first("k");
    assert_string_equal(cancel(&rig, first), "cancelled");
    assert_string_equal(requeue(&rig, "retry", first), "ready");
    assert_string_equal(again("k"), "existing");
    assert_string_equal(second, first);
    make_first("k=start");
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(requeue(&rig, "retry", first), "ready");
    assert_string_equal(again("k=start"), "existing");
    assert_string_equal(second, first);
}

TEST(a_retry_is_refused_while_another_has_its_key)
{
    make_first("k");
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(again("k"), "new");
    assert_string_equal(requeue(&rig, "retry", first), "held");
    assert_string_equal(counts(&rig), "ready=1 dead=1");
    assert_string_equal(delete_job(&rig, second), "deleted");
    assert_string_equal(requeue(&rig, "retry", first), "ready");
}

/* The time of a key is counted from the enqueue: a retry neither needs it nor makes it longer. */
TEST(a_retry_leaves_a_key_held_for_a_time)
{
    make_first("k=10s");
    assert_string_equal(cancel(&rig, first), "cancelled");
    rig_step(&rig, 5000);
    assert_string_equal(requeue(&rig, "retry", first), "ready");
    rig_step(&rig, 5000);
    assert_string_equal(again("k=10s"), "new");
    assert_string_equal(cancel(&rig, first), "cancelled");
    assert_string_equal(requeue(&rig, "retry", first), "ready");
    assert_string_equal(again("k=10s"), "existing");
    assert_string_not_equal(second, first);
}

/* One that waits for its next attempt has started: it does not need the key to run. */
TEST(to_run_one_now_asks_for_no_key)
{
    make_first("k=start");
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, 1000), "retry");
    assert_string_equal(again("k=start"), "new");
    assert_string_equal(requeue(&rig, "run", first), "ready");
    assert_string_equal(again("k=start"), "existing");
    assert_string_not_equal(second, first);
}

/* ---- every end frees it ---------------------------------------------------------------------- */

static void end_done(void)
{
    struct lease held = claim_one(&rig);
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
}

static void end_dead(void)
{
    struct lease held = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
}

static void end_cancelled(void)
{
    assert_string_equal(cancel(&rig, first), "cancelled");
}

static void end_marked_and_released(void)
{
    struct lease held = claim_one(&rig);
    assert_string_equal(cancel(&rig, first), "marked");
    assert_string_equal(release(&rig, &held), "ok");
}

static void end_deleted(void)
{
    assert_string_equal(delete_job(&rig, first), "deleted");
}

static void end_lost(void)
{
    for (int i = 0; i < 10; i++) {
        claim_one(&rig);
        rig_step(&rig, LEASE_DEFAULT_MS);
        assert_int_equal(reap(&rig), 1);
    }
    assert_string_equal(state_of(&rig, first), "dead");
}

static void end_taken_back_marked(void)
{
    struct heartbeat beat;

    heartbeat(&rig, SERVER, NULL, &beat);
    claim_one(&rig);
    assert_string_equal(cancel(&rig, first), "marked");
    assert_int_equal(take_back(&rig, SERVER), 1);
}

TEST(every_end_frees_the_key)
{
    static void (*const ends[])(void) = {
        end_done, end_dead, end_cancelled, end_marked_and_released, end_deleted, end_lost,
        end_taken_back_marked,
    };
    static const char *const spans[] = {"k", "k=start", "k=done"};

    for (size_t i = 0; i < countof(ends); i++) {
        for (size_t s = 0; s < countof(spans); s++) {
            make_first(spans[s]);
            ends[i]();
            assert_int_equal(keys_held(), 0);
            assert_string_equal(again(spans[s]), "new");
        }
    }
}

TEST(what_expires_frees_it)
{
    struct pinion_job job = keyed("k");

    rig_reset(&rig);
    job.expires_ms = 1000;
    assert_string_equal(enqueue(&rig, &job, first), "new");
    rig_step(&rig, 1001);
    assert_int_equal(claim_count(&rig), 0);
    assert_string_equal(state_of(&rig, first), "cancelled");
    assert_int_equal(keys_held(), 0);
}

/* What another program did to Redis, or an end that nobody foresaw: the holder itself is asked. */
TEST(a_key_without_its_job_is_free)
{
    make_first("k");
    assert_int_equal(rig_int(&rig, "HDEL pinion:{q}:jobs %s", first), 1);
    assert_string_equal(again("k"), "new");
    make_first("k");
    assert_int_equal(rig_int(&rig, "HSET pinion:{q}:uniques k %s", "x done"), 0);
    assert_string_equal(again("k"), "new");
}

/* A job that has lost its key to another does not free the other's. */
TEST(only_the_holder_frees_it)
{
    make_first("k=start");
    struct lease held = claim_one(&rig);
    assert_string_equal(again("k=done"), "new");
    assert_string_equal(fail_in(&rig, &held, -1), "dead");
    assert_string_equal(again("k=done"), "existing");
    assert_int_equal(keys_held(), 1);
}

/* ---- replaced -------------------------------------------------------------------------------- */

static struct pinion_job newer(const char *unique, const char *payload)
{
    struct pinion_job job = keyed(unique);

    job.replace = 1;
    job.payload = payload;
    job.payload_len = strlen(payload);
    return job;
}

static const char *replace(const struct pinion_job *job)
{
    return enqueue(&rig, job, second);
}

/* The next job that is claimed is the first one, with this payload. */
static struct lease assert_next(size_t payload_len)
{
    struct lease held = claim_one(&rig);

    assert_string_equal(held.id, first);
    assert_int_equal(held.payload_len, payload_len);
    return held;
}

TEST(a_ready_one_keeps_its_place)
{
    struct pinion_job job = newer("k", "newest");

    make_first("k");
    assert_string_equal(again("l"), "new");
    assert_string_equal(replace(&job), "replaced");
    assert_string_equal(second, first);
    assert_string_equal(counts(&rig), "ready=2");
    freeReplyObject(rig_look(&rig));
    struct lease held = assert_next(6);
    assert_string_equal(replace(&job), "existing"); /* it runs */
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    assert_string_equal(replace(&job), "new");
}

TEST(debounced)
{
    struct pinion_job job = newer("k", "newest");

    make_first("l");
    job.in_ms = 1000;
    assert_string_equal(enqueue(&rig, &job, first), "new");
    for (int i = 0; i < 5; i++) { /* each time its time begins anew */
        rig_step(&rig, 999);
        assert_int_equal(promote(&rig, NULL), 0);
        assert_string_equal(replace(&job), "replaced");
        assert_string_equal(second, first);
        freeReplyObject(rig_look(&rig));
    }
    assert_string_equal(counts(&rig), "scheduled=1 ready=1");
    rig_step(&rig, 1000);
    assert_int_equal(promote(&rig, NULL), 1);
    claim_one(&rig);
    assert_next(6);
}

/* Another lane or time: a ghost is left, and the job is not run twice by it. */
TEST(a_moved_one_runs_once)
{
    struct pinion_job job = newer("k", "newest");

    make_first("k");
    for (int i = 0; i < 4; i++) {
        job.kind = i % 2 ? "wc" : "zip";
        job.priority = PINION_PRIORITY((unsigned)i);
        job.in_ms = i == 2 ? 1000 : 0;
        assert_string_equal(replace(&job), "replaced");
        freeReplyObject(rig_look(&rig));
        assert_string_equal(counts(&rig), i == 2 ? "scheduled=1" : "ready=1");
    }
    assert_next(6);
    assert_int_equal(claim_count(&rig), 0);
    freeReplyObject(rig_look(&rig));
}

/* One that waits for its next attempt is another job now, with all its attempts. */
TEST(a_failed_one_begins_anew)
{
    struct pinion_job job = newer("k", "newest");

    make_first("k");
    struct lease old = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &old, 60000), "retry");
    assert_string_equal(replace(&job), "replaced");
    assert_string_equal(counts(&rig), "ready=1");
    assert_string_equal(fail_in(&rig, &old, 60000), "retry"); /* repeated: the same answer */
    struct lease held = assert_next(6);
    assert_int_equal(held.failures, 0);
    assert_true(strtoll(held.token, NULL, 10) > strtoll(old.token, NULL, 10));
    assert_string_equal(ack_rich(&rig, &old, ""), "stale");
}

TEST(an_id_of_ones_own_stays)
{
    struct pinion_job job = keyed("k"), other = newer("k", "newest");

    rig_reset(&rig);
    job.id = "mine";
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    other.id = "yours";
    assert_string_equal(enqueue(&rig, &other, first), "replaced");
    assert_string_equal(first, "mine");
    assert_string_equal(enqueue(&rig, &job, NULL), "existing"); /* what it was made with */
    assert_string_equal(state_of(&rig, "yours"), "none");
    assert_string_equal(delete_job(&rig, "mine"), "deleted");
    assert_string_equal(enqueue(&rig, &job, NULL), "existing"); /* taken for a day */
}

/* The key's span is the newest one, too. */
TEST(a_new_span)
{
    struct pinion_job job = newer("k=10s", "newest");

    make_first("k=start");
    assert_string_equal(replace(&job), "replaced");
    struct lease held = assert_next(6);
    assert_string_equal(again("k"), "existing");
    assert_string_equal(ack_rich(&rig, &held, ""), "ok");
    assert_string_equal(replace(&job), "existing"); /* nobody is there to take over */
    rig_step(&rig, 10000);
    assert_string_equal(replace(&job), "new");
    job.unique = "k=start";
    assert_string_equal(replace(&job), "replaced");
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:uniques_until"), 0);
    claim_one(&rig);
    assert_int_equal(keys_held(), 0);
}

TEST(a_repeated_replacement_answers_the_same)
{
    struct pinion_job job = newer("k", "newest");
    struct enqueue_item item = {.job = &job};

    make_first("k");
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    for (int i = 0; i < 2; i++) {
        redisReply *r = rig_ask(&rig);
        assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
        assert_true(item.replaced && item.existing);
        assert_string_equal(item.local, first);
        freeReplyObject(r);
    }
    assert_next(6);
}

/* ---- repeated, and beside an id -------------------------------------------------------------- */

TEST(a_repeated_call_answers_the_same)
{
    struct enqueue_item item = {0};
    struct pinion_job job = keyed("k=start");

    rig_reset(&rig);
    item.job = &job;
    enqueue_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
    for (int i = 0; i < 2; i++) {
        redisReply *r = rig_ask(&rig);
        assert_int_equal(enqueue_read(r, &item, 1), PINION_OK);
        assert_false(item.existing);
        freeReplyObject(r);
    }
    assert_string_equal(counts(&rig), "ready=1");
    /* The one that got the holder's id gets it again, though the key is free meanwhile. */
    struct enqueue_item other = {.job = &job};
    enqueue_build(&rig.request, rig_key(&rig), &other, 1, rig_now_ms(&rig));
    for (int i = 0; i < 2; i++) {
        redisReply *r = rig_ask(&rig);
        assert_int_equal(enqueue_read(r, &other, 1), PINION_OK);
        assert_true(other.existing);
        assert_string_equal(other.local, item.local);
        freeReplyObject(r);
        if (i) break;
        struct request kept = rig.request;
        rig.request = REQUEST_INIT;
        claim_one(&rig);
        request_deinit(&rig.request);
        rig.request = kept;
    }
    assert_string_equal(counts(&rig), "active=1");
}

TEST(an_id_of_ones_own_comes_first)
{
    struct pinion_job job = keyed("k"), other;

    rig_reset(&rig);
    job.id = "mine";
    assert_string_equal(enqueue(&rig, &job, NULL), "new");
    assert_string_equal(enqueue(&rig, &job, first), "existing");
    assert_string_equal(first, "mine");
    other = job;
    other.unique = "other";
    assert_string_equal(enqueue(&rig, &other, NULL), "conflict");
    other.unique = "k";
    other.id = "yours";
    assert_string_equal(enqueue(&rig, &other, first), "existing");
    assert_string_equal(first, "mine");
    assert_string_equal(state_of(&rig, "yours"), "none");
}

/* Several in one call: the first of a key is made, the others get its id; plain ones are packed. */
TEST(in_one_call)
{
    struct pinion_job jobs[40];
    struct enqueue_item items[countof(jobs)];

    rig_reset(&rig);
    for (size_t i = 0; i < countof(jobs); i++) {
        jobs[i] = keyed(i % 4 == 0 ? "k" : i % 4 == 1 ? "l=start" : NULL);
        items[i] = (struct enqueue_item){.job = &jobs[i]};
    }
    enqueue_build(&rig.request, rig_key(&rig), items, countof(jobs), rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(enqueue_read(r, items, countof(jobs)), PINION_OK);
    freeReplyObject(r);
    for (size_t i = 0; i < countof(jobs); i++) {
        assert_int_equal(items[i].existing, i >= 4 && i % 4 < 2);
        if (i % 4 < 2) assert_string_equal(items[i].local, items[i % 4].local);
    }
    assert_string_equal(counts(&rig), "ready=22");
    freeReplyObject(rig_look(&rig));
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static bool parses(const char *text)
{
    return unique_parse(span_of(text), &(struct unique){0}, NULL) == PINION_OK;
}

TEST(what_a_key_may_be)
{
    static const char *const good[] = {"k", "k=start", "k=done", "k=1ms", "a.B_0:/@+-=36500d"};
    static const char *const bad[] = {"", "=done", "k=", "k=never", "k=0", "k=0s", "k=36501d",
                                      "k=start=", "k k", "k\"", "k\n", "k#", "\xc3\xa4"};
    char key[LABEL_MAX + 2];

    for (size_t i = 0; i < countof(good); i++)
        if (!parses(good[i])) fail_msg("'%s' was refused", good[i]);
    for (size_t i = 0; i < countof(bad); i++)
        if (parses(bad[i])) fail_msg("'%s' was taken", bad[i]);
    memset(key, 'k', sizeof key);
    key[LABEL_MAX + 1] = '\0';
    assert_false(parses(key));
    key[LABEL_MAX] = '\0';
    assert_true(parses(key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_gets_the_holders_id),
        cmocka_unit_test(until_its_start),
        cmocka_unit_test(until_its_end),
        cmocka_unit_test(for_a_time_whatever_becomes_of_it),
        cmocka_unit_test(a_key_held_for_a_time_is_swept),
        cmocka_unit_test(a_retry_takes_its_key_again),
        cmocka_unit_test(a_retry_is_refused_while_another_has_its_key),
        cmocka_unit_test(a_retry_leaves_a_key_held_for_a_time),
        cmocka_unit_test(to_run_one_now_asks_for_no_key),
        cmocka_unit_test(every_end_frees_the_key),
        cmocka_unit_test(what_expires_frees_it),
        cmocka_unit_test(a_key_without_its_job_is_free),
        cmocka_unit_test(only_the_holder_frees_it),
        cmocka_unit_test(a_ready_one_keeps_its_place),
        cmocka_unit_test(debounced),
        cmocka_unit_test(a_moved_one_runs_once),
        cmocka_unit_test(a_failed_one_begins_anew),
        cmocka_unit_test(an_id_of_ones_own_stays),
        cmocka_unit_test(a_new_span),
        cmocka_unit_test(a_repeated_replacement_answers_the_same),
        cmocka_unit_test(a_repeated_call_answers_the_same),
        cmocka_unit_test(an_id_of_ones_own_comes_first),
        cmocka_unit_test(in_one_call),
        cmocka_unit_test(what_a_key_may_be),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
