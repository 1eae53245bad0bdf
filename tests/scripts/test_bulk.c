/* Changing all jobs of a state that pass a filter, in steps: each verb in each state, the edges of
 * every filter, and that a listing with the same filter shows just those jobs. */
#include <stdio.h>
#include <string.h>
#include "base/macros.h"
#include "queue/bulk.h"
#include "queue/steer.h"
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

static char cursor[256];
static struct prng prng;

static uint64_t below(uint64_t limit)
{
    return prng_below(&prng, limit);
}

/* One step from `cursor` on, which it moves; false: it was the last. */
static bool step(enum bulk_verb verb, const char *state, const struct job_filter *filter,
                 struct bulk_step *ret)
{
    bulk_build(&rig.request, rig_key(&rig), verb, span_of(state), filter, span_of(cursor));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(bulk_read(r, ret), PINION_OK);
    assert_true(ret->next.len < sizeof cursor);
    snprintf(cursor, sizeof cursor, "%.*s", (int)ret->next.len, ret->next.data);
    freeReplyObject(r);
    assert_true(ret->changed <= (verb == BULK_RETRY ? BULK_RETRIES_MAX : BULK_CHANGES_MAX + 63));
    return cursor[0] != '\0';
}

static uint64_t bulk(enum bulk_verb verb, const char *state, struct job_filter filter)
{
    struct bulk_step one;
    uint64_t changed = 0;
    bool more;

    cursor[0] = '\0';
    do {
        more = step(verb, state, &filter, &one);
        changed += one.changed;
    } while (more);
    freeReplyObject(rig_look(&rig));
    return changed;
}

static uint64_t listed(const char *state, struct job_filter filter)
{
    uint64_t found = 0;

    cursor[0] = '\0';
    do {
        list_build(&rig.request, rig_key(&rig), state, &filter, span_of(cursor), 7);
        redisReply *r = rig_ask(&rig);
        struct span next = list_next(r);
        found += list_count(r);
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.len, next.data);
        freeReplyObject(r);
    } while (cursor[0]);
    return found;
}

/* ---- every verb in every state --------------------------------------------------------------- */

static const struct pinion_job given = {.kind = "wc", .queue = "q", .id = "x"};

static void arrange(const char *state)
{
    struct pinion_job job = given;
    struct lease lease;

    rig_reset(&rig);
    if (strcmp(state, "scheduled") == 0) job.in_ms = 1000;
    if (strcmp(state, "done") == 0) job.retain_ms = 3600000;
    enqueue(&rig, &job, NULL);
    if (strcmp(state, "ready") == 0 || job.in_ms) return;
    if (strcmp(state, "cancelled") == 0) {
        cancel(&rig, "x");
        return;
    }
    lease = claim_one(&rig);
    if (strcmp(state, "retry") == 0) fail_in(&rig, &lease, 1000);
    if (strcmp(state, "dead") == 0) fail_in(&rig, &lease, -1);
    if (job.retain_ms) ack_rich(&rig, &lease, "r");
}

TEST(each_verb_does_in_each_state_what_it_does_with_one_job)
{
    static const char *const states[] = {"scheduled", "ready", "active",   "retry",
                                         "done",      "dead",  "cancelled"};
    static const char *const after[BULK_VERBS] = {"ready", "cancelled", "none"};

    for (size_t i = 0; i < countof(states); i++)
        for (enum bulk_verb verb = 0; verb < BULK_VERBS; verb++) {
            bool active = strcmp(states[i], "active") == 0;
            if (!bulk_changes(verb, span_of(states[i]))) continue;
            arrange(states[i]);
            assert_int_equal(bulk(verb, states[i], (struct job_filter){0}), 1);
            assert_string_equal(state_of(&rig, "x"), active ? "active" : after[verb]);
            assert_int_equal(bulk(verb, states[i], (struct job_filter){0}), 0);
        }
    arrange("active");
    assert_int_equal(bulk(BULK_DELETE, "active", (struct job_filter){0}), 0);
    assert_string_equal(state_of(&rig, "x"), "active");
}

TEST(what_runs_is_marked_and_its_server_is_told)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"};
    struct heartbeat beat;
    struct leases got;

    rig_reset(&rig);
    heartbeat(&rig, SERVER, "*", &beat);
    enqueue_many(&rig, &plain, 20);
    claim(&rig, &(struct ask){.free = 20}, &got);
    rig_listen(&rig, "pinion:server:" SERVER);
    assert_int_equal(bulk(BULK_CANCEL, "active", (struct job_filter){0}), 20);
    assert_non_null(strstr(rig_heard(&rig), "cancel q "));
    assert_int_equal(bulk(BULK_CANCEL, "active", (struct job_filter){0}), 0);
    rig_step(&rig, LEASE_DEFAULT_MS);
    assert_int_equal(reap(&rig), 20);
    assert_string_equal(counts(&rig), "cancelled=20");
}

/* A pack is deleted as a whole only where nobody waits for one of its jobs. */
TEST(what_waited_for_one_of_a_pack_hears_that_it_was_deleted)
{
    struct pinion_job jobs[20], child = {.kind = "zip", .queue = "q", .id = "child"};
    char ids[20][QUEUE_NAME_MAX + 1];

    rig_reset(&rig);
    for (size_t i = 0; i < countof(jobs); i++)
        jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, countof(jobs), ids);
    child.after = ids[7];
    assert_string_equal(enqueue(&rig, &child, NULL), "new");
    assert_int_equal(bulk(BULK_DELETE, "ready", (struct job_filter){.kind = span_of("wc")}), 20);
    assert_string_equal(counts(&rig), "cancelled=1");
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:bonds"), 0);
}

/* ---- filters --------------------------------------------------------------------------------- */

/* A job that is dead now, with this error. */
static void die(const char *kind, const char *tags, const char *error)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .tags = tags};
    struct settle_item item = {.text = span_of(error), .delay_ms = -1};
    struct lease lease;

    enqueue(&rig, &job, NULL);
    lease = claim_one(&rig);
    item.id = span_of(lease.id);
    item.token = span_of(lease.token);
    fail_build(&rig.request, rig_key(&rig), &item, 1);
    freeReplyObject(rig_ask(&rig));
}

static void expect_found(uint64_t n, struct job_filter filter)
{
    assert_int_equal(listed("dead", filter), n);
}

TEST(a_filter_passes_what_it_says)
{
    rig_reset(&rig);
    die("mail", "eu,invoice", "timed out after 5s");
    rig_step(&rig, 1000);
    die("mail", "eu", "refused (100%)");
    rig_step(&rig, 1000);
    die("wc", NULL, "timed out after 7s");
    expect_found(3, (struct job_filter){0});
    expect_found(2, (struct job_filter){.kind = span_of("mail")});
    expect_found(0, (struct job_filter){.kind = span_of("mai")});
    expect_found(1, (struct job_filter){.tag = span_of("invoice")});
    expect_found(2, (struct job_filter){.tag = span_of("eu")});
    expect_found(0, (struct job_filter){.tag = span_of("e")});
    expect_found(2, (struct job_filter){.error = span_of("timed out")});
    expect_found(1, (struct job_filter){.error = span_of("(100%)")});
    expect_found(0, (struct job_filter){.error = span_of("Timed")});
    expect_found(1, (struct job_filter){.error = span_of("timed out"), .kind = span_of("wc")});
    expect_found(2, (struct job_filter){.older_ms = 1000});
    expect_found(1, (struct job_filter){.older_ms = 1001});
    expect_found(1, (struct job_filter){.older_ms = 2000});
    expect_found(0, (struct job_filter){.older_ms = 2001});
    expect_found(1, (struct job_filter){.newer_ms = 999});
    expect_found(2, (struct job_filter){.newer_ms = 1000});
    expect_found(1, (struct job_filter){.older_ms = 500, .newer_ms = 1500});
    assert_int_equal(bulk(BULK_RETRY, "dead", (struct job_filter){.older_ms = 2001}), 0);
    assert_int_equal(bulk(BULK_RETRY, "dead", (struct job_filter){.newer_ms = 1000}), 2);
    assert_int_equal(bulk(BULK_DELETE, "dead", (struct job_filter){.older_ms = 2000}), 1);
    assert_string_equal(counts(&rig), "ready=2");
}

TEST(the_reason_of_an_end_is_found_too)
{
    arrange("active");
    for (int i = 0; i < 10; i++) {
        rig_step(&rig, LEASE_DEFAULT_MS);
        reap(&rig);
        claim_count(&rig);
    }
    assert_string_equal(state_of(&rig, "x"), "dead");
    expect_found(1, (struct job_filter){.error = span_of("lost_worker")});
}

TEST(what_has_not_ended_is_as_old_as_it_was_made)
{
    struct pinion_job made = {.kind = "wc", .queue = "q"}, later = made;

    later.in_ms = 60000;
    rig_reset(&rig);
    enqueue(&rig, &given, NULL);
    enqueue(&rig, &later, NULL);
    enqueue_many(&rig, &made, 10);
    rig_step(&rig, 5000);
    assert_int_equal(listed("ready", (struct job_filter){.older_ms = 5001}), 0);
    assert_int_equal(listed("ready", (struct job_filter){.older_ms = 5000}), 11);
    assert_int_equal(listed("ready", (struct job_filter){.newer_ms = 4999}), 0);
    assert_int_equal(bulk(BULK_DELETE, "scheduled", (struct job_filter){.older_ms = 5001}), 0);
    assert_int_equal(bulk(BULK_DELETE, "scheduled", (struct job_filter){.older_ms = 5000}), 1);
    assert_int_equal(bulk(BULK_DELETE, "ready", (struct job_filter){.newer_ms = 4999}), 0);
}

/* ---- steps ----------------------------------------------------------------------------------- */

TEST(a_step_is_bounded_and_may_be_repeated)
{
    const int dead = 3 * BULK_RETRIES_MAX;
    struct bulk_step one;
    char before[sizeof cursor];
    uint64_t changed = 0;
    unsigned steps = 0;

    rig_reset(&rig);
    for (int i = 0; i < dead; i++) die("wc", NULL, i % 3 ? "no" : "yes");
    cursor[0] = '\0';
    struct job_filter no = {.error = span_of("no")};
    do {
        memcpy(before, cursor, sizeof cursor);
        bool more = step(BULK_RETRY, "dead", &no, &one);
        assert_true(one.changed <= BULK_RETRIES_MAX);
        changed += one.changed;
        steps++;
        if (!more) break;
        memcpy(cursor, before, sizeof cursor); /* its answer was lost */
        more = step(BULK_RETRY, "dead", &no, &one);
        changed += one.changed;
        if (!more) break;
    } while (true);
    assert_int_equal(changed, 2 * BULK_RETRIES_MAX);
    assert_true(steps >= 2);
    assert_int_equal(listed("ready", (struct job_filter){0}), 2 * BULK_RETRIES_MAX);
    assert_int_equal(listed("dead", (struct job_filter){0}), BULK_RETRIES_MAX);
}

/* Else jobs that die as fast as they are retried would keep it going for ever. */
TEST(what_comes_back_meanwhile_is_left_alone)
{
    struct bulk_step one;
    struct leases got;
    uint64_t changed = 0;
    bool more;

    rig_reset(&rig);
    for (int i = 0; i < 2 * BULK_RETRIES_MAX; i++) die("wc", NULL, "no");
    cursor[0] = '\0';
    do {
        more = step(BULK_RETRY, "dead", &(struct job_filter){0}, &one);
        changed += one.changed;
        rig_step(&rig, 1);
        claim(&rig, &(struct ask){.free = 512}, &got);
        for (size_t i = 0; i < got.count; i++) fail_in(&rig, &got.lease[i], -1);
    } while (more);
    assert_int_equal(changed, 2 * BULK_RETRIES_MAX);
    assert_int_equal(listed("dead", (struct job_filter){0}), 2 * BULK_RETRIES_MAX);
}

TEST(a_purged_lane_leaves_nothing_behind)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, zip = {.kind = "zip", .queue = "q"};

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 1000);
    enqueue_many(&rig, &zip, 3);
    enqueue(&rig, &given, NULL);
    cancel(&rig, "x");
    assert_int_equal(bulk(BULK_DELETE, "ready", (struct job_filter){.kind = span_of("wc")}), 1000);
    assert_string_equal(counts(&rig), "ready=3 cancelled=1");
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:ghosts"), 0);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:5:wc"), 0);
    assert_int_equal(rig_int(&rig, "ZCARD pinion:{q}:lanes"), 1);
    assert_int_equal(stats(&rig).deleted, 1000);
    assert_int_equal(claim_count(&rig), 3);
}

/* A parent and what waits for it, and for that: the end of one takes all with it. */
static void make_chain(void)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .id = "x", .in_ms = 1000};

    rig_reset(&rig);
    enqueue(&rig, &job, NULL);
    job.in_ms = 0;
    job.id = "a";
    job.after = "x";
    enqueue(&rig, &job, NULL);
    job.id = "b";
    job.after = "a";
    enqueue(&rig, &job, NULL);
}

TEST(what_an_end_takes_with_it_is_not_ended_again)
{
    make_chain();
    assert_int_equal(bulk(BULK_CANCEL, "waiting", (struct job_filter){0}), 1);
    assert_string_equal(counts(&rig), "scheduled=1 cancelled=2");
    assert_int_equal(rig_int(&rig, "HINCRBY pinion:{q}:meta cancelled 0"), 2);
    make_chain();
    assert_int_equal(bulk(BULK_DELETE, "waiting", (struct job_filter){0}), 1);
    assert_string_equal(counts(&rig), "scheduled=1 cancelled=1");
    assert_string_equal(state_of(&rig, "b"), "cancelled");
}

TEST(who_waits_for_a_job_in_a_pack_hears_of_its_end)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"}, child = {.kind = "wc", .queue = "q"};
    static struct pinion_job many[64];
    static char ids[64][QUEUE_NAME_MAX + 1];

    for (size_t i = 0; i < countof(many); i++) many[i] = plain;
    for (int verb = BULK_CANCEL; verb <= BULK_DELETE; verb++) {
        rig_reset(&rig);
        enqueue_batch(&rig, many, countof(many), ids);
        child.after = ids[7];
        child.id = "c";
        enqueue(&rig, &child, NULL);
        assert_string_equal(state_of(&rig, "c"), "waiting");
        assert_int_equal(bulk((enum bulk_verb)verb, "ready", (struct job_filter){0}), 64);
        assert_string_equal(state_of(&rig, "c"), "cancelled");
        assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:bonds"), 0);
    }
}

/* What is cancelled in its pack is like what was cancelled by itself. */
TEST(a_pack_is_cancelled_as_a_whole)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q"};

    rig_reset(&rig);
    enqueue_many(&rig, &plain, 512);
    assert_int_equal(bulk(BULK_CANCEL, "ready", (struct job_filter){0}), 512);
    assert_string_equal(counts(&rig), "cancelled=512");
    assert_int_equal(rig_int(&rig, "HINCRBY pinion:{q}:meta cancelled 0"), 512);
    assert_int_equal(rig_int(&rig, "HLEN pinion:{q}:ghosts"), 0);
    assert_int_equal(bulk(BULK_RETRY, "cancelled", (struct job_filter){0}), 512);
    assert_int_equal(claim_count(&rig), 512);
}

TEST(a_walk_over_ready_jobs_misses_none_that_waits_while_others_are_claimed)
{
    struct pinion_job plain = {.kind = "wc", .queue = "q", .tags = "keep"}, gone = plain;
    struct bulk_step one;
    struct leases got;
    uint64_t changed = 0, claimed = 0;
    bool more;

    gone.tags = "gone";
    rig_reset(&rig);
    for (int i = 0; i < 2000; i++) enqueue(&rig, i % 2 ? &plain : &gone, NULL);
    cursor[0] = '\0';
    do {
        more = step(BULK_CANCEL, "ready", &(struct job_filter){.tag = span_of("gone")}, &one);
        changed += one.changed;
        claim(&rig, &(struct ask){.free = 20}, &got);
        for (size_t i = 0; i < got.count; i++) claimed++;
    } while (more);
    freeReplyObject(rig_look(&rig));
    assert_int_equal(listed("ready", (struct job_filter){.tag = span_of("gone")}), 0);
    assert_true(claimed > 0 && changed > 0);
}

/* ---- at random: the listing is the dumb twin ------------------------------------------------- */

static void random_job(void)
{
    static const char *const tags[] = {NULL, "a", "b", "a,b"};
    struct pinion_job job = {.kind = below(2) ? "wc" : "zip", .queue = "q", .tags = tags[below(4)]};
    struct leases got;

    if (below(3) == 0) {
        enqueue_many(&rig, &job, 1 + below(100));
        return;
    }
    if (below(3) == 0) job.in_ms = 1 + below(100000);
    job.retain_ms = below(2) ? 1000000 : 0;
    enqueue(&rig, &job, NULL);
    if (below(2)) return;
    claim(&rig, &(struct ask){.free = 1 + (unsigned)below(20)}, &got);
    for (size_t i = 0; i < got.count; i++) {
        uint64_t what = below(4);
        if (what == 0) ack_rich(&rig, &got.lease[i], "r");
        if (what == 1) fail_in(&rig, &got.lease[i], -1);
        if (what == 2) fail_in(&rig, &got.lease[i], 1000);
        if (what == 3) release(&rig, &got.lease[i]);
    }
}

TEST(what_is_listed_is_what_is_changed)
{
    static const char *const states[] = {"scheduled", "ready", "retry",
                                         "done",      "dead",  "cancelled"};

    for (int round = 0; round < 60; round++) {
        rig_reset(&rig);
        for (uint64_t n = below(60); n > 0; n--) {
            random_job();
            rig_step(&rig, (int64_t)below(50));
        }
        for (int i = 0; i < 6; i++) {
            const char *where = states[below(countof(states))];
            enum bulk_verb verb = (enum bulk_verb)below(BULK_VERBS);
            struct job_filter f = {
                .kind = span_of(below(3) ? NULL : "wc"),
                .tag = span_of(below(3) ? NULL : "a"),
                .older_ms = below(3) ? 0 : 1 + below(2000),
            };
            if (!bulk_changes(verb, span_of(where))) continue;
            uint64_t expected = listed(where, f);
            assert_int_equal(bulk(verb, where, f), expected);
            assert_int_equal(listed(where, f), 0);
        }
    }
}

static int open_rig(void **state)
{
    (void)state;
    prng.state = property_seed("PINION_BULK_SEED");
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
        cmocka_unit_test(each_verb_does_in_each_state_what_it_does_with_one_job),
        cmocka_unit_test(what_runs_is_marked_and_its_server_is_told),
        cmocka_unit_test(what_waited_for_one_of_a_pack_hears_that_it_was_deleted),
        cmocka_unit_test(a_filter_passes_what_it_says),
        cmocka_unit_test(the_reason_of_an_end_is_found_too),
        cmocka_unit_test(what_has_not_ended_is_as_old_as_it_was_made),
        cmocka_unit_test(a_step_is_bounded_and_may_be_repeated),
        cmocka_unit_test(what_comes_back_meanwhile_is_left_alone),
        cmocka_unit_test(a_purged_lane_leaves_nothing_behind),
        cmocka_unit_test(what_an_end_takes_with_it_is_not_ended_again),
        cmocka_unit_test(who_waits_for_a_job_in_a_pack_hears_of_its_end),
        cmocka_unit_test(a_pack_is_cancelled_as_a_whole),
        cmocka_unit_test(a_walk_over_ready_jobs_misses_none_that_waits_while_others_are_claimed),
        cmocka_unit_test(what_is_listed_is_what_is_changed),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
