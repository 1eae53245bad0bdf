/* What those are told who follow a queue as a whole, beside those who wait for jobs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "queue/feed.h"
#include "queue/steer.h"
#include "tests/scripts/schedule_verbs.h"
#include "tests/support/check.h"

#define NAMED 32 /* FEED_NAMED of note.lua */

static char ids[BATCH_ITEMS_MAX][QUEUE_NAME_MAX + 1];

static void follow(bool kinds)
{
    follow_build(&rig.request, rig_key(&rig), 60, kinds);
    freeReplyObject(rig_ask(&rig));
    rig_heard(&rig);
}

static void wait_for_jobs(void)
{
    watch_build(&rig.request, rig_key(&rig), 60);
    freeReplyObject(rig_ask(&rig));
}

static void start(void)
{
    rig_reset(&rig);
    rig_heard(&rig);
}

static void make_many(size_t size)
{
    struct pinion_job jobs[BATCH_ITEMS_MAX];

    for (size_t i = 0; i < size; i++) jobs[i] = (struct pinion_job){.kind = "wc", .queue = "q"};
    enqueue_batch(&rig, jobs, size, ids);
}

/* One message: STATE COUNT, then `named` of the ids from `from` on, with their kind or without. */
static void expect_told(const char *state, size_t count, size_t from, size_t named, bool kinds)
{
    char text[8192];
    int len = snprintf(text, sizeof text, "pinion:{q}:feed %s %zu ", state, count);

    for (size_t i = from; i < from + named; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%s%s", i > from ? " " : "",
                        ids[i], kinds ? "=wc" : "");
    snprintf(text + len, sizeof text - (size_t)len, "\n");
    assert_string_equal(rig_heard(&rig), text);
}

TEST(who_follows_is_told_of_each_change)
{
    struct pinion_job one = {.kind = "wc", .queue = "q", .id = "x", .retain_ms = 60000};
    struct lease lease;

    for (int kinds = 0; kinds <= 1; kinds++) {
        const char *x = kinds ? "x=wc" : "x";
        char text[512];

        start();
        enqueue(&rig, &one, NULL);
        assert_string_equal(rig_heard(&rig), ""); /* nobody follows yet */
        follow(kinds);
        lease = claim_one(&rig);
        assert_string_equal(tell_progress(&rig, &lease, 50, NULL), "ok");
        assert_string_equal(fail_in(&rig, &lease, 0), "retry");
        requeue(&rig, "run", "x");
        lease = claim_one(&rig);
        ack_rich(&rig, &lease, "");
        assert_string_equal(delete_job(&rig, "x"), "deleted");
        snprintf(text, sizeof text,
                 "pinion:{q}:feed active 1 %s\npinion:{q}:feed progress 1 %s\n"
                 "pinion:{q}:feed retry 1 %s\npinion:{q}:feed ready 1 %s\n"
                 "pinion:{q}:feed active 1 %s\npinion:{q}:feed done 1 %s\n"
                 "pinion:{q}:feed deleted 1 %s\n",
                 x, x, x, x, x, x, x);
        assert_string_equal(rig_heard(&rig), text);
    }
}

TEST(a_kind_is_known_though_nothing_is_kept)
{
    struct pinion_job kept = {.kind = "a.b/c:d", .queue = "q", .id = "x"};
    struct pinion_job plain = {.kind = "wc", .queue = "q"};
    struct lease lease;
    char id[QUEUE_NAME_MAX + 1], text[512];

    start();
    follow(true);
    enqueue(&rig, &kept, NULL);
    lease = claim_one(&rig);
    ack_rich(&rig, &lease, "");
    assert_string_equal(rig_heard(&rig),
                        "pinion:{q}:feed ready 1 x=a.b/c:d\npinion:{q}:feed active 1 x=a.b/c:d\n"
                        "pinion:{q}:feed done 1 x=a.b/c:d\n");
    enqueue(&rig, &plain, id);
    lease = claim_one(&rig);
    assert_string_equal(ack(&rig, &lease), "ok");
    snprintf(text, sizeof text,
             "pinion:{q}:feed ready 1 %s=wc\npinion:{q}:feed active 1 %s=wc\n"
             "pinion:{q}:feed done 1 %s=wc\n",
             id, id, id);
    assert_string_equal(rig_heard(&rig), text);
}

TEST(of_many_some_are_named_and_all_are_counted)
{
    struct leases got;

    for (int kinds = 0; kinds <= 1; kinds++) {
        start();
        follow(kinds);
        make_many(NAMED);
        expect_told("ready", NAMED, 0, NAMED, kinds);
        claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
        expect_told("active", NAMED, 0, NAMED, kinds);
        assert_int_equal(ack_many(&rig, got.lease, NAMED, NULL), 0);
        expect_told("done", NAMED, 0, NAMED, kinds);

        make_many(200); /* three packs and a part of one */
        expect_told("ready", 200, 0, NAMED, kinds);
        claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
        expect_told("active", 200, 0, NAMED, kinds);
        assert_int_equal(ack_many(&rig, got.lease, 10, NULL), 0);
        expect_told("done", 10, 0, 10, kinds);
        assert_int_equal(ack_many(&rig, got.lease + 10, 54, NULL), 0);
        expect_told("done", 54, 10, NAMED, kinds);
        assert_int_equal(ack_many(&rig, got.lease + 64, 64, NULL), 0);
        expect_told("done", 64, 64, NAMED, kinds);
        assert_int_equal(ack_many(&rig, got.lease + 64, 64, NULL), 0); /* repeated: nothing new */
        assert_string_equal(rig_heard(&rig), "");
        freeReplyObject(rig_look(&rig));
    }
}

/* Of the life of so many jobs, each step in one call. */
static int64_t commands_of(size_t jobs, bool followed)
{
    struct leases got;

    start();
    if (followed) follow(false);
    freeReplyObject(rig_command(&rig, "CONFIG RESETSTAT"));
    make_many(jobs);
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    assert_int_equal(ack_many(&rig, got.lease, jobs, NULL), 0);
    redisReply *r = rig_command(&rig, "INFO stats");
    const char *field = strstr(r->str, "total_commands_processed:");
    assert_non_null(field);
    int64_t commands = atoll(strchr(field, ':') + 1);
    freeReplyObject(r);
    return commands;
}

/* Twice as many packs: nothing more than when nobody follows. */
TEST(a_call_is_told_as_one_and_costs_the_same_whatever_it_moves)
{
    struct leases got;
    int64_t few = commands_of(256, true) - commands_of(256, false);

    assert_true(few > 0);
    assert_int_equal(commands_of(512, true) - commands_of(512, false), few);
    start();
    follow(true);
    make_many(512);
    expect_told("ready", 512, 0, NAMED, true);
    claim(&rig, &(struct ask){.free = BATCH_ITEMS_MAX}, &got);
    expect_told("active", 512, 0, NAMED, true);
    assert_int_equal(ack_many(&rig, got.lease + 60, 452, NULL), 0); /* 4 of a pack, then all */
    expect_told("done", 452, 60, NAMED, true);
    assert_int_equal(ack_many(&rig, got.lease, 60, NULL), 0);
    expect_told("done", 60, 0, NAMED, true);
}

TEST(who_waits_and_who_follows_are_told_apart)
{
    start();
    wait_for_jobs();
    make_many(2);
    assert_null(strstr(rig_heard(&rig), "feed"));
    follow(false);
    make_many(2);
    const char *heard = rig_heard(&rig);
    assert_non_null(strstr(heard, "pinion:{q}:events ready 0"));
    assert_non_null(strstr(heard, "pinion:{q}:feed ready 2 0"));
    start();
    follow(false);
    make_many(2);
    assert_null(strstr(rig_heard(&rig), "events"));
    freeReplyObject(rig_command(&rig, "SET pinion:{q}:watched 1")); /* of an older program */
    make_many(2);
    assert_null(strstr(rig_heard(&rig), "feed"));
    follow(false);
    make_many(2);
    assert_non_null(strstr(rig_heard(&rig), "pinion:{q}:events ready 0"));
}

/* Redis drops the key by its own clock; a mode that is over goes when another one is asked for. */
TEST(each_watches_for_a_time_of_its_own)
{
    start();
    follow_build(&rig.request, rig_key(&rig), 10, true);
    freeReplyObject(rig_ask(&rig));
    wait_for_jobs();
    assert_in_range(rig_int(&rig, "PTTL pinion:{q}:watched"), 50000, 60000);
    rig_step(&rig, 9999);
    wait_for_jobs();
    rig_heard(&rig);
    make_many(1);
    assert_non_null(strstr(rig_heard(&rig), "feed"));
    rig_step(&rig, 2);
    wait_for_jobs();
    make_many(1);
    const char *heard = rig_heard(&rig);
    assert_null(strstr(heard, "feed"));
    assert_non_null(strstr(heard, "events"));
    rig_step(&rig, -INT64_C(86400000)); /* the clock steps back: nobody watches for a day */
    wait_for_jobs();
    assert_in_range(rig_int(&rig, "PTTL pinion:{q}:watched"), 1, 3600000);
}

TEST(changes_of_the_queue_name_no_job)
{
    struct feed_note n;
    struct span local, kind;

    start();
    follow(true);
    pause_queue(&rig, true);
    pause_queue(&rig, true);
    pause_queue(&rig, false);
    assert_string_equal(rig_heard(&rig), "pinion:{q}:feed pause 0 \npinion:{q}:feed resume 0 \n");
    assert_int_equal(feed_note_read(span_of("pause 0 "), &n), PINION_OK);
    assert_true(span_is(n.word, "pause"));
    assert_false(feed_next(&n, &local, &kind));
}

TEST(a_fire_is_told_to_who_follows)
{
    char id[ID_LEN + 1], text[256];
    struct feed_fire f;

    begin();
    rig_heard(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, id), "fired");
    assert_string_equal(rig_heard(&rig), "");
    follow(false);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, NULL), "skipped");
    snprintf(text, sizeof text, "pinion:{q}:feed fire " NAME " %lld skipped -\n",
             (long long)rig_now_ms(&rig));
    assert_string_equal(rig_heard(&rig), text);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_ALLOW, id), "fired");
    snprintf(text, sizeof text,
             "pinion:{q}:feed fire " NAME " %lld fired %s\npinion:{q}:feed ready 1 %s\n",
             (long long)rig_now_ms(&rig), id, id);
    assert_string_equal(rig_heard(&rig), text);
    assert_int_equal(feed_fire_read(span_of("fire " NAME " 1790000000000 fired x"), &f), PINION_OK);
    assert_true(span_is(f.schedule, NAME) && span_is(f.job, "x"));
    assert_true(f.at_ms == RIG_START_MS && span_is(f.outcome, "fired"));
    assert_int_equal(feed_fire_read(span_of("fire " NAME " 1 skipped -"), &f), PINION_OK);
    assert_null(f.job.data);
}

TEST(what_is_no_feed_is_not_read)
{
    static const char *const notes[] = {"", "done", "done x", "done -1 x", " 1 x", "do\nne 1 x"};
    static const char *const fires[] = {"",       "fire",     "fire x",       "fire x y",
                                        "fire x 1", "fire x -1 a b", "fired x 1 a b"};
    struct span local, kind;
    struct feed_note n;
    struct feed_fire f;

    for (size_t i = 0; i < countof(notes); i++)
        if (!feed_note_read(span_of(notes[i]), &n)) fail_msg("'%s' was read", notes[i]);
    for (size_t i = 0; i < countof(fires); i++)
        if (!feed_fire_read(span_of(fires[i]), &f)) fail_msg("'%s' was read", fires[i]);
    assert_int_equal(feed_note_read(span_of("done 4 a  b=c \x1b[31m= d=\xff"), &n), PINION_OK);
    assert_int_equal(n.count, 4);
    assert_true(feed_next(&n, &local, &kind) && span_is(local, "a") && !kind.data);
    assert_true(feed_next(&n, &local, &kind) && span_is(local, "b") && span_is(kind, "c"));
    assert_true(feed_next(&n, &local, &kind) && span_is(local, "d") && !kind.data);
    assert_false(feed_next(&n, &local, &kind));
}

TEST(channels_name_their_queue)
{
    char *channel = channel_of_feed("pinion", "mail");

    assert_true(span_is(queue_of_feed("pinion", span_of(channel)), "mail"));
    free(channel);
    assert_null(queue_of_feed("pinion", span_of("pinion:{mail}:events")).data);
    assert_null(queue_of_feed("pinion", span_of("other:{mail}:feed")).data);
    assert_null(queue_of_feed("pinion", span_of("pinion:{}:feed")).data);
    assert_null(queue_of_feed("pinion", span_of("pinion:server:a")).data);
    assert_null(queue_of_feed("pinion", span_of("")).data);
}

static int open_rig(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_listen(&rig, "pinion:{q}:events");
    rig_listen(&rig, "pinion:{q}:feed");
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
        cmocka_unit_test(who_follows_is_told_of_each_change),
        cmocka_unit_test(a_kind_is_known_though_nothing_is_kept),
        cmocka_unit_test(of_many_some_are_named_and_all_are_counted),
        cmocka_unit_test(a_call_is_told_as_one_and_costs_the_same_whatever_it_moves),
        cmocka_unit_test(who_waits_and_who_follows_are_told_apart),
        cmocka_unit_test(each_watches_for_a_time_of_its_own),
        cmocka_unit_test(changes_of_the_queue_name_no_job),
        cmocka_unit_test(a_fire_is_told_to_who_follows),
        cmocka_unit_test(what_is_no_feed_is_not_read),
        cmocka_unit_test(channels_name_their_queue),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
