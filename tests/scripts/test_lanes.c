/* Who is claimed, and in which order: lanes, priorities, patterns, fair turns and bounds. */
#include <stdio.h>
#include <string.h>
#include "tests/scripts/one_rig.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

/* A job of a kind; its given id is its name in the test. */
static void add(const char *id, const char *kind, unsigned priority)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .id = id,
                             .priority = PINION_PRIORITY(priority)};

    assert_string_equal(enqueue(&rig, &job, NULL), "new");
}

static void add_many(const char *kind, unsigned priority, size_t count)
{
    struct pinion_job job = {.kind = kind, .queue = "q", .priority = PINION_PRIORITY(priority)};

    enqueue_many(&rig, &job, count);
}

/* The ids of what a claim got, with blanks between them; lives until the next call. */
static const char *claimed(const char *patterns, unsigned free_slots)
{
    static char text[1024];
    struct leases got;
    size_t len = 0;

    claim(&rig, &(struct ask){.patterns = patterns, .free = free_slots}, &got);
    text[0] = '\0';
    for (size_t i = 0; i < got.count; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "",
                                got.lease[i].id);
    return text;
}

/* ---- order ----------------------------------------------------------------------------------- */

TEST(a_lane_keeps_its_order)
{
    struct leases got;

    rig_reset(&rig);
    for (int i = 0; i < 9; i++) add((char[]){(char)('a' + i), 0}, "wc", 5);
    claim(&rig, &(struct ask){.free = 4}, &got);
    for (size_t i = 0; i < 4; i++) assert_string_equal(release(&rig, &got.lease[3 - i]), "ok");
    rig_step(&rig, 1);
    assert_string_equal(claimed("*=9", 2), "a b");
    assert_string_equal(claimed("*=9", 2), "c d");
    assert_string_equal(claimed("*=9", 1), "e");
    rig_step(&rig, LEASE_DEFAULT_MS);
    assert_int_equal(reap(&rig), 5);
    assert_string_equal(claimed("*=9", 9), "a b c d e f g h i");
}

TEST(a_released_batch_is_in_front_in_its_order)
{
    struct settle_item items[5];
    struct leases got;

    rig_reset(&rig);
    for (int i = 0; i < 9; i++) add((char[]){(char)('z' - i), 0}, "wc", 5);
    claim(&rig, &(struct ask){.free = 5}, &got);
    for (size_t i = 0; i < 5; i++)
        items[i] = (struct settle_item){.id = span_of(got.lease[i].id),
                                        .token = span_of(got.lease[i].token)};
    release_build(&rig.request, rig_key(&rig), items, 5);
    freeReplyObject(rig_ask(&rig));
    assert_string_equal(claimed("*=9", 9), "z y x w v u t s r");
}

/* Made ids sort as they were made: many lapsed leases come back in order, over several calls. */
TEST(what_is_reaped_or_taken_back_keeps_its_order)
{
    enum { JOBS = 1200 };
    static char ids[JOBS][QUEUE_NAME_MAX + 1];
    struct leases got;
    struct heartbeat beat;

    rig_reset(&rig);
    heartbeat(&rig, SERVER, NULL, &beat);
    add_many("wc", 5, JOBS + 10);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < JOBS; n += got.count) {
            claim(&rig, &(struct ask){.free = JOBS - n < 100 ? (unsigned)(JOBS - n) : 100}, &got);
            rig_step(&rig, 1);
            for (size_t i = 0; i < got.count; i++) {
                if (round == 0) snprintf(ids[n + i], sizeof ids[0], "%s", got.lease[i].id);
                assert_string_equal(got.lease[i].id, ids[n + i]);
            }
        }
        if (round == 1) {
            assert_int_equal(take_back(&rig, SERVER), JOBS);
        } else {
            rig_step(&rig, LEASE_DEFAULT_MS);
            assert_int_equal(reap(&rig) + reap(&rig) + reap(&rig), JOBS);
        }
    }
}

TEST(delayed_jobs_come_in_the_order_of_their_times)
{
    struct pinion_job job = {.kind = "wc", .queue = "q"};
    static const char *const ids[] = {"c", "a", "d", "b"};
    static const uint64_t delays[] = {300, 100, 400, 200};

    rig_reset(&rig);
    for (size_t i = 0; i < countof(ids); i++) {
        job.id = ids[i];
        job.in_ms = delays[i];
        job.lease_ms = i % 2 ? 5000 : 0; /* plain ones and others mixed */
        enqueue(&rig, &job, NULL);
    }
    add("now", "wc", 5);
    struct promoted p;
    rig_step(&rig, 299);
    assert_int_equal(promote(&rig, &p), 2);
    assert_false(p.more);
    assert_int_equal(p.next_due_ms, RIG_START_MS + 300);
    assert_int_equal(p.now_us, rig.now_us);
    rig_step(&rig, 200);
    assert_int_equal(promote(&rig, &p), 2);
    assert_true(p.next_due_ms == UPKEEP_NEVER);
    assert_string_equal(claimed("*=9", 9), "now a b c d");
}

TEST(a_delay_is_never_cut_short)
{
    struct pinion_job job = {.kind = "wc", .queue = "q", .in_ms = 10};

    rig_reset(&rig);
    rig_step_us(&rig, 1); /* in the middle of a millisecond */
    enqueue(&rig, &job, NULL);
    rig_step_us(&rig, 9999);
    assert_int_equal(promote(&rig, NULL), 0);
    rig_step_us(&rig, 1000);
    assert_int_equal(promote(&rig, NULL), 1);
}

/* More than one call of promote, and more bytes than one call looks at. */
TEST(promote_is_bounded_and_says_so)
{
    static char payload[512 * 1024];
    struct pinion_job job = {.kind = "wc", .queue = "q", .in_ms = 10};
    struct promoted p;

    rig_reset(&rig);
    enqueue_many(&rig, &job, 1000);
    rig_step(&rig, 10);
    assert_int_equal(promote(&rig, &p), 512);
    assert_true(p.more);
    assert_int_equal(promote(&rig, &p), 488);
    assert_false(p.more);
    assert_string_equal(counts(&rig), "ready=1000");
    rig_reset(&rig);
    job.payload = payload;
    job.payload_len = sizeof payload;
    enqueue_many(&rig, &job, 100);
    rig_step(&rig, 10);
    assert_int_equal(promote(&rig, &p), 64);
    assert_true(p.more);
    assert_int_equal(promote(&rig, &p), 36);
    assert_false(p.more);
}

/* ---- priorities and patterns ----------------------------------------------------------------- */

TEST(the_most_urgent_come_first)
{
    rig_reset(&rig);
    add("low", "wc", 9);
    add("mid", "wc", 5);
    add("high", "wc", 0);
    add("high2", "zip", 0);
    assert_string_equal(claimed("*=9", 3), "high high2 mid");
    assert_string_equal(claimed("*=9", 3), "low");
}

TEST(a_kind_belongs_to_its_most_telling_pattern)
{
    rig_reset(&rig);
    add("1", "user.mail", 5);
    add("2", "user.mail.big", 5);
    add("3", "user", 5);
    add("4", "users.x", 5);
    add("5", "a/b:c.d", 5);
    assert_string_equal(claimed("user.mail=0 user.*=9", 9), "2");
    assert_string_equal(claimed("user.mail=0 user.*=0", 9), "");
    assert_string_equal(claimed("user.mail.*=9 nothing=3", 9), "");
    assert_string_equal(claimed("user=9", 9), "3");
    assert_string_equal(claimed("a/b:c.*=9", 9), "5");
    assert_string_equal(claimed("user.*=0 *=9", 9), "4");
    assert_string_equal(claimed("user.mail=1", 9), "1");
    assert_string_equal(counts(&rig), "active=5");
}

TEST(slots_bound_what_is_taken)
{
    struct leases got;

    rig_reset(&rig);
    add_many("a", 5, 100);
    add_many("b", 5, 100);
    claim(&rig, &(struct ask){.patterns = "a=3 *=50", .free = 40}, &got);
    assert_int_equal(got.count, 40); /* 3 of a, and what a cannot take goes to b */
    assert_true(got.more);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:5:a"), 61 + 1); /* one pack is whole */
    claim(&rig, &(struct ask){.patterns = "a=3 *=5", .free = 40}, &got);
    assert_int_equal(got.count, 8);
    assert_false(got.more); /* the handlers are full, not the server */
    claim(&rig, &(struct ask){.patterns = "a=3 *=5", .full = true}, &got);
    assert_int_equal(got.count, 0);
    assert_true(got.more);
    claim(&rig, &(struct ask){.patterns = "c=3", .free = 40}, &got);
    assert_int_equal(got.count, 0);
    assert_false(got.more);
}

TEST(kinds_that_nobody_here_runs_never_block)
{
    struct heartbeat beat;

    rig_reset(&rig);
    for (unsigned i = 0; i < 300; i++) {
        char id[16], kind[16];
        snprintf(id, sizeof id, "n%u", i);
        snprintf(kind, sizeof kind, "%c%03u", i % 2 ? 'a' : 'z', i);
        add(id, kind, i % 10);
    }
    assert_string_equal(claimed("mail=5 user.*=5", 9), "");
    heartbeat(&rig, SERVER, "mail", &beat);
    assert_false(beat.claimable);
    add("x", "mail", 7);
    add("y", "user.mail", 8);
    heartbeat(&rig, SERVER, "mail", &beat);
    assert_true(beat.claimable);
    assert_string_equal(claimed("mail=5 user.*=5", 9), "x y");
    assert_string_equal(counts(&rig), "ready=300 active=2");
}

/* A full handler's hundred lanes neither hide others of a wider pattern, nor are run by it. */
TEST(lanes_of_a_full_handler_hide_no_other)
{
    rig_reset(&rig);
    for (unsigned i = 0; i < 200; i++) {
        char id[16], kind[32];
        snprintf(id, sizeof id, "n%u", i);
        snprintf(kind, sizeof kind, "user.%03u", i);
        add(id, kind, 5);
    }
    add("x", "zebra", 5);
    add("y", "abc", 5);
    add("w", "user", 5);
    assert_string_equal(claimed("user.*=0 *=9", 9), "y w x");
    assert_string_equal(claimed("user.100=1 user.*=0 *=9", 9), "n100");
}

/* ---- fair turns ------------------------------------------------------------------------------ */

TEST(lanes_of_one_priority_take_turns)
{
    rig_reset(&rig);
    for (int p = 3; p <= 5; p += 2) {
        add_many("a", (unsigned)p, 50);
        add_many("b", (unsigned)p, 50);
        add_many("c", (unsigned)p, 50);
    }
    add_many("nobody", 5, 50);
    for (int i = 0; i < 30; i++) claimed("a=1 b=1 c=1", 1);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:a"), 40);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:b"), 40);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:c"), 40);
    claimed("a=9 b=9 c=9", 18);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:a"), 34);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:b"), 34);
    assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:3:c"), 34);
}

/* Each of many lanes is served, also when there are more than a claim looks at. */
TEST(no_lane_starves_among_many)
{
    enum { LANES = 150 };
    struct leases got;

    rig_reset(&rig);
    for (int i = 0; i < LANES; i++) {
        char kind[16];
        snprintf(kind, sizeof kind, "k%03d", i);
        add_many(kind, 5, 20);
    }
    for (int i = 0; i < 2 * LANES; i++) claim(&rig, &(struct ask){.free = 1}, &got);
    for (int i = 0; i < LANES; i++)
        assert_int_equal(rig_int(&rig, "LLEN pinion:{q}:lane:5:k%03d", i), 18);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

TEST(a_claim_is_bounded_in_bytes)
{
    static char payload[300 * 1024];
    struct pinion_job big = {.kind = "wc", .queue = "q", .payload = payload,
                             .payload_len = sizeof payload};
    struct leases got;

    rig_reset(&rig);
    add_many("wc", 5, 1);
    for (int i = 0; i < 9; i++) {
        enqueue(&rig, &big, NULL);
        if (i == 4) add_many("wc", 5, 100);
    }
    static const size_t expected[] = {4, 103, 3}; /* 3 big ones make less than 1 MiB */
    for (size_t i = 0; i < countof(expected); i++) {
        claim(&rig, &(struct ask){.free = 512}, &got);
        assert_int_equal(got.count, expected[i]);
        assert_true(got.more == (i < 2));
    }
    assert_string_equal(counts(&rig), "active=110");
}

TEST(one_job_of_the_largest_size_is_claimed)
{
    static char payload[PAYLOAD_BYTES_MAX];
    struct pinion_job big = {.kind = "wc", .queue = "q", .payload = payload,
                             .payload_len = sizeof payload};
    struct leases got;

    rig_reset(&rig);
    enqueue_many(&rig, &big, 3);
    for (int i = 0; i < 3; i++) {
        claim(&rig, &(struct ask){.free = 512}, &got);
        assert_int_equal(got.count, 1);
        assert_int_equal(got.lease[0].payload_len, PAYLOAD_BYTES_MAX);
    }
}

TEST(a_claim_takes_what_there_is_up_to_its_slots)
{
    struct leases got;

    rig_reset(&rig);
    add_many("wc", 5, 1000);
    claim(&rig, &(struct ask){.free = 512}, &got);
    assert_int_equal(got.count, 512);
    assert_true(got.more);
    claim(&rig, &(struct ask){.free = 512}, &got);
    assert_int_equal(got.count, 488);
    assert_false(got.more);
    assert_int_equal(rig_int(&rig, "EXISTS pinion:{q}:lanes"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_keeps_its_order),
        cmocka_unit_test(a_released_batch_is_in_front_in_its_order),
        cmocka_unit_test(what_is_reaped_or_taken_back_keeps_its_order),
        cmocka_unit_test(delayed_jobs_come_in_the_order_of_their_times),
        cmocka_unit_test(a_delay_is_never_cut_short),
        cmocka_unit_test(promote_is_bounded_and_says_so),
        cmocka_unit_test(the_most_urgent_come_first),
        cmocka_unit_test(a_kind_belongs_to_its_most_telling_pattern),
        cmocka_unit_test(slots_bound_what_is_taken),
        cmocka_unit_test(kinds_that_nobody_here_runs_never_block),
        cmocka_unit_test(lanes_of_a_full_handler_hide_no_other),
        cmocka_unit_test(lanes_of_one_priority_take_turns),
        cmocka_unit_test(no_lane_starves_among_many),
        cmocka_unit_test(a_claim_is_bounded_in_bytes),
        cmocka_unit_test(one_job_of_the_largest_size_is_claimed),
        cmocka_unit_test(a_claim_takes_what_there_is_up_to_its_slots),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
