/* Schedules as Redis keeps them: who may fire, and what becomes of the job that still runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "queue/redis_error.h"
#include "tests/scripts/schedule_verbs.h"
#include "tests/support/check.h"

/* ---- every overlap in every state of the last job -------------------------------------------- */

enum last {
    LAST_NONE,
    LAST_READY,
    LAST_ACTIVE,
    LAST_RETRY,
    LAST_DONE,
    LAST_KEPT,
    LAST_DEAD,
    LAST_CANCELLED
};

static const char *const last_words[] = {"none",       "ready", "active", "retry",
                                         "remembered", "done",  "dead",   "cancelled"};

/* Makes the last job, and brings it there. */
static void bring(enum last last, char id[ID_LEN + 1])
{
    struct lease lease;

    if (last == LAST_KEPT) {
        job.retain_ms = 3600000;
        assert_string_equal(set_as(NAME, TIMING, revision, false), "set");
    }
    if (last == LAST_NONE) return;
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, id), "fired");
    if (last != LAST_READY) lease = claim_one(&rig);
    if (last == LAST_RETRY) assert_string_equal(fail_in(&rig, &lease, 86400000), "retry");
    if (last == LAST_DEAD) assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    if (last == LAST_DONE || last == LAST_KEPT)
        assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    if (last == LAST_CANCELLED) {
        assert_string_equal(release(&rig, &lease), "ok");
        assert_string_equal(cancel(&rig, id), "cancelled");
    }
    assert_string_equal(state_of(&rig, id), last_words[last]);
}

static const struct row {
    enum overlap overlap;
    enum last last;
    const char *answer, *after, *why, *history; /* after: of the last job; NULL: as before */
} rows[] = {
    {OVERLAP_SKIP,    LAST_NONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_SKIP,    LAST_READY,     "skipped",  NULL,        "",           "skipped" },
    {OVERLAP_SKIP,    LAST_ACTIVE,    "skipped",  NULL,        "",           "skipped" },
    {OVERLAP_SKIP,    LAST_RETRY,     "fired",    "cancelled", "superseded", "fired"   },
    {OVERLAP_SKIP,    LAST_DONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_SKIP,    LAST_KEPT,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_SKIP,    LAST_DEAD,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_SKIP,    LAST_CANCELLED, "fired",    NULL,        "cancelled",  "fired"   },
    {OVERLAP_ALLOW,   LAST_NONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_ALLOW,   LAST_READY,     "fired",    NULL,        "",           "fired"   },
    {OVERLAP_ALLOW,   LAST_ACTIVE,    "fired",    NULL,        "",           "fired"   },
    {OVERLAP_ALLOW,   LAST_RETRY,     "fired",    NULL,        "",           "fired"   },
    {OVERLAP_ALLOW,   LAST_DONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_ALLOW,   LAST_DEAD,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_QUEUE,   LAST_NONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_QUEUE,   LAST_READY,     "buffered", NULL,        "",           "buffered"},
    {OVERLAP_QUEUE,   LAST_ACTIVE,    "buffered", NULL,        "",           "buffered"},
    {OVERLAP_QUEUE,   LAST_RETRY,     "fired",    "cancelled", "superseded", "fired"   },
    {OVERLAP_QUEUE,   LAST_DONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_QUEUE,   LAST_DEAD,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_REPLACE, LAST_NONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_REPLACE, LAST_READY,     "fired",    "cancelled", "superseded", "replaced"},
    {OVERLAP_REPLACE, LAST_ACTIVE,    "buffered", NULL,        "superseded", "buffered"},
    {OVERLAP_REPLACE, LAST_RETRY,     "fired",    "cancelled", "superseded", "fired"   },
    {OVERLAP_REPLACE, LAST_DONE,      "fired",    NULL,        "",           "fired"   },
    {OVERLAP_REPLACE, LAST_CANCELLED, "fired",    NULL,        "cancelled",  "fired"   },
};

TEST(a_fire_does_as_overlap_says)
{
    for (size_t i = 0; i < countof(rows); i++) {
        const struct row *row = &rows[i];
        char old[ID_LEN + 1] = "none", id[ID_LEN + 1], outcome[64];
        begin();
        bring(row->last, old);
        const char *answer = fire(FIRE_TICK, row->overlap, id);
        const char *after = row->after ? row->after : last_words[row->last];
        if (strcmp(answer, row->answer) != 0 || strcmp(state_of(&rig, old), after) != 0)
            fail_msg("%s, last job %s: %s and it is %s", overlap_names[row->overlap],
                     last_words[row->last], answer, state_of(&rig, old));
        if (row->last != LAST_NONE) assert_string_equal(reason_of(old), row->why);
        bool made = strcmp(answer, "fired") == 0;
        assert_string_equal(state_of(&rig, id), made ? "ready" : "none");
        assert_int_equal(view_of(NAME).watermark_ms, rig_now_ms(&rig));
        assert_int_equal(view_of(NAME).buffered, strcmp(answer, "buffered") == 0);
        snprintf(outcome, sizeof outcome, "\"outcome\":\"%s\"", row->history);
        expect_history(0, outcome);
    }
}

TEST(other_modes_look_at_no_job)
{
    static const struct {
        enum fire_mode mode;
        const char *answer, *history;
        bool makes, moves;
    } modes[] = {
        {FIRE_MISS,     "missed", "missed",     false, true },
        {FIRE_RUN,      "fired",  "run",        true,  false},
        {FIRE_BACKFILL, "fired",  "backfilled", true,  false},
    };

    for (size_t m = 0; m < countof(modes); m++)
        for (enum overlap o = OVERLAP_SKIP; o <= OVERLAP_REPLACE; o++)
            for (enum last last = LAST_NONE; last <= LAST_CANCELLED; last++) {
                char old[ID_LEN + 1] = "none", id[ID_LEN + 1], outcome[64];
                begin();
                bring(last, old);
                int64_t before = watermark, fires = view_of(NAME).fires;
                assert_string_equal(fire(modes[m].mode, o, id), modes[m].answer);
                assert_string_equal(state_of(&rig, old), last_words[last]);
                assert_string_equal(state_of(&rig, id), modes[m].makes ? "ready" : "none");
                struct schedule_view view = view_of(NAME);
                assert_int_equal(view.watermark_ms, modes[m].moves ? rig_now_ms(&rig) : before);
                assert_int_equal(view.fires, fires);
                assert_false(view.buffered);
                bool is_last = view.last_job.data && span_is(view.last_job, id);
                assert_int_equal(is_last, modes[m].mode == FIRE_RUN);
                snprintf(outcome, sizeof outcome, "\"outcome\":\"%s\"", modes[m].history);
                expect_history(0, outcome);
            }
}

/* ---- who may fire ---------------------------------------------------------------------------- */

TEST(the_first_server_fires_and_the_others_are_told)
{
    begin();
    rig_step(&rig, STEP);
    struct fire_item mine = item_of(FIRE_TICK, OVERLAP_ALLOW, rig_now_ms(&rig)), theirs = mine;
    assert_string_equal(send_fire(&mine), "fired");
    assert_string_equal(send_fire(&theirs), "behind");
    assert_int_equal(theirs.watermark_ms, mine.at_ms);
    struct fire_item again = item_of(FIRE_TICK, OVERLAP_ALLOW, mine.at_ms);
    assert_string_equal(send_fire(&again), "behind");
    struct fire_item early = item_of(FIRE_TICK, OVERLAP_ALLOW, rig_now_ms(&rig) + 1);
    assert_string_equal(send_fire(&early), "early");
    rig_step(&rig, 1);
    early.watermark_ms = watermark;
    assert_string_equal(send_fire(&early), "fired");
    assert_string_equal(counts(&rig), "ready=2");
}

TEST(an_edit_is_not_overtaken_by_a_rule_that_is_known_no_more)
{
    begin();
    int64_t old = revision;
    assert_string_equal(set_as(NAME, "{\"every_ms\":1}", old, false), "set");
    assert_int_not_equal(revision, old);
    int64_t current = revision;
    revision = old;
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, NULL), "edited");
    assert_string_equal(fire(FIRE_MISS, OVERLAP_SKIP, NULL), "edited");
    assert_string_equal(fire(FIRE_HEAL, OVERLAP_SKIP, NULL), "edited");
    assert_string_equal(fire(FIRE_RUN, OVERLAP_SKIP, NULL), "fired");
    revision = current;
    assert_true(remove_schedule(NAME));
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_NEW, false), "set");
    assert_true(revision > current); /* a removed one's revision is not used again */
}

TEST(a_schedule_is_removed_by_its_revision)
{
    begin();
    assert_string_equal(set_as(NAME, "{\"every_ms\":1}", revision, false), "set");
    int64_t edits = revision;

    assert_int_equal(remove_revision(NAME, revision - 1), SCHEDULE_CONFLICT);
    assert_int_equal(remove_revision(NAME, revision + 1), SCHEDULE_CONFLICT);
    assert_int_equal(remove_revision(NAME, SCHEDULE_NEW), SCHEDULE_CONFLICT);
    assert_int_equal(remove_revision(NAME, SCHEDULE_NO_REVISION), SCHEDULE_CONFLICT);
    assert_int_equal(view_of(NAME).revision, revision);
    assert_int_equal(remove_revision(NAME, revision), SCHEDULE_REMOVED);
    assert_int_equal(remove_revision(NAME, revision), SCHEDULE_NONE);
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_NEW, false), "set");
    assert_int_equal(revision, edits + 2); /* what was refused was no edit */
    assert_int_equal(remove_revision(NAME, SCHEDULE_ANY_REVISION), SCHEDULE_REMOVED);
}

/* The answer was lost, so the same bytes are sent once more. */
static void send_again(struct fire_item *item)
{
    int64_t now_us;
    redisReply *r = rig_ask(&rig);

    assert_int_equal(fire_read(r, item, 1, &now_us), PINION_OK);
    freeReplyObject(r);
}

TEST(a_call_whose_answer_was_lost_is_repeated_without_harm)
{
    for (enum fire_mode mode = FIRE_TICK; mode <= FIRE_BACKFILL; mode++) {
        if (mode == FIRE_MISS) continue;
        begin();
        rig_step(&rig, STEP);
        struct fire_item item = item_of(mode, OVERLAP_ALLOW, rig_now_ms(&rig));
        assert_string_equal(send_fire(&item), "fired");
        send_again(&item);
        assert_int_equal(item.fired, mode == FIRE_TICK ? FIRED_BEHIND : FIRED_JOB);
        assert_string_equal(counts(&rig), "ready=1");
        struct lease lease = claim_one(&rig);
        assert_string_equal(lease.id, item.local);
        assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
        rig_step(&rig, 59000);
        item.watermark_ms = watermark - STEP;
        fire_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
        send_again(&item); /* the id is still the same */
        assert_string_equal(item.local, lease.id);
        assert_string_equal(counts(&rig), "");
    }
}

TEST(items_of_one_call_see_what_those_before_did)
{
    for (int chained = 0; chained < 2; chained++) {
        struct fire_item items[4];
        begin();
        rig_step(&rig, 4 * STEP);
        for (int i = 0; i < 4; i++) {
            items[i] = item_of(FIRE_TICK, i < 2 ? OVERLAP_ALLOW : OVERLAP_REPLACE,
                               watermark + (i + 1) * STEP);
            if (chained) items[i].watermark_ms += i * STEP;
        }
        send_fires(items, 4);
        for (int i = 0; i < 4; i++) assert_int_equal(items[i].fired, FIRED_JOB);
        assert_string_equal(state_of(&rig, items[0].local), "ready");
        assert_string_equal(state_of(&rig, items[1].local), "cancelled");
        assert_string_equal(state_of(&rig, items[2].local), "cancelled");
        assert_string_equal(state_of(&rig, items[3].local), "ready");
        assert_int_equal(view_of(NAME).watermark_ms, items[3].at_ms);
        assert_int_equal(view_of(NAME).fires, 4);
        assert_int_equal(claim_count(&rig), 2);
    }
}

/* A run by hand came between: what waited for the job before it is not made beside the newest. */
TEST(what_replaces_a_ready_job_replaces_what_waits)
{
    char by_hand[ID_LEN + 1], id[ID_LEN + 1];

    begin();
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "fired");
    struct lease lease = claim_one(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "buffered");
    assert_string_equal(fire(FIRE_RUN, OVERLAP_QUEUE, by_hand), "fired");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_REPLACE, id), "fired");
    assert_string_equal(state_of(&rig, by_hand), "cancelled");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    assert_string_equal(claim_one(&rig).id, id);
    assert_string_equal(counts(&rig), "active=1 cancelled=1");
}

/* Its last job was deleted behind the script's back: the fire that waited comes first. */
TEST(what_waits_for_a_job_that_is_gone_comes_first)
{
    char first[ID_LEN + 1], second[ID_LEN + 1];

    begin();
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, first), "fired");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, second), "buffered");
    freeReplyObject(rig_command(&rig, "HDEL pinion:{q}:jobs %s", first));
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "buffered");
    assert_string_equal(state_of(&rig, second), "ready");
    assert_true(span_is(view_of(NAME).last_job, second));
}

TEST(a_full_redis_refuses_what_adds)
{
    struct schedule_view view;

    begin();
    rig_step(&rig, STEP);
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 1"));
    struct fire_item item = item_of(FIRE_TICK, OVERLAP_SKIP, rig_now_ms(&rig));
    struct schedule_set set = {
        .name = span_of("x"), .timing = span_of("{}"), .job = &job, .next_ms = SCHEDULE_NEVER};
    for (int i = 0; i < 3; i++) {
        if (i == 0) fire_build(&rig.request, rig_key(&rig), &item, 1, rig_now_ms(&rig));
        if (i == 1) schedule_set_build(&rig.request, rig_key(&rig), &set);
        if (i == 2) schedule_claim_build(&rig.request, "pinion", span_of("x"), span_of("q"));
        redisReply *r = rig_send(&rig);
        assert_int_equal(r->type, REDIS_REPLY_ERROR);
        assert_int_equal(redis_error_code((struct span){r->str, (size_t)r->len}), PINION_BUSY);
        freeReplyObject(r);
    }
    schedule_list_build(&rig.request, rig_key(&rig), (struct span){0}, 10, true);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_list_count(r), 1);
    freeReplyObject(r);
    freeReplyObject(show(NAME, &view, PINION_OK));
    assert_true(remove_schedule(NAME));
    freeReplyObject(rig_command(&rig, "CONFIG SET maxmemory 0"));
    assert_string_equal(counts(&rig), "");
}

/* ---- setting and reading --------------------------------------------------------------------- */

TEST(a_schedule_is_set_by_its_revision)
{
    begin();
    int64_t first = revision;
    rig_listen(&rig, "pinion:{q}:due");
    rig_heard(&rig);
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_NEW, false), "same");
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_ANY_REVISION, true), "same");
    assert_string_equal(set_as(NAME, TIMING, first + 7, false), "same");
    assert_int_equal(revision, first);
    assert_string_equal(set_as(NAME, "{}", SCHEDULE_NEW, false), "conflict");
    assert_string_equal(set_as(NAME, "{}", first + 7, false), "conflict");
    assert_int_equal(revision, first);
    assert_string_equal(set_as("other", "{}", 3, false), "none");
    assert_string_equal(rig_heard(&rig), "");
    rig_step(&rig, STEP);
    job.payload_len = 3;
    assert_string_equal(set_as(NAME, TIMING, first, false), "set");
    assert_string_equal(rig_heard(&rig), "pinion:{q}:due schedules 2\n");
    assert_int_equal(view_of(NAME).watermark_ms, RIG_START_MS);
    assert_string_equal(set_as(NAME, "{}", SCHEDULE_ANY_REVISION, true), "set");
    assert_int_equal(view_of(NAME).watermark_ms, rig_now_ms(&rig));
    assert_true(remove_schedule(NAME));
    assert_string_equal(rig_heard(&rig), "pinion:{q}:due schedules 3\n"
                                         "pinion:{q}:due schedules 4\n");
}

TEST(pages_go_by_name_and_records_fill_them)
{
    static char big[400 * 1024];
    char name[16];

    rig_reset(&rig);
    job =
        (struct pinion_job){.kind = "wc", .queue = "q", .payload = big, .payload_len = sizeof big};
    memset(big, 'b', sizeof big);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "s%d", i);
        assert_string_equal(set_as(name, TIMING, SCHEDULE_NEW, false), "set");
    }
    for (int records = 0; records < 2; records++) {
        struct schedule_view view;
        size_t seen = 0, pages = 0;
        bool more = true;
        for (name[0] = '\0'; more; pages++) {
            schedule_list_build(&rig.request, rig_key(&rig), span_of(name), 4, records);
            redisReply *r = rig_ask(&rig);
            assert_int_equal(schedule_list_now_us(r), rig.now_us);
            assert_int_equal(schedule_list_edits(r), 7);
            for (size_t i = 0; i < schedule_list_count(r); i++, seen++) {
                assert_int_equal(schedule_list_item(r, i, &view), PINION_OK);
                snprintf(name, sizeof name, "s%zu", seen);
                assert_true(span_is(view.name, name) && span_is(view.timing, TIMING));
                assert_int_equal(view.record.data != NULL, records);
                assert_int_equal(view.next_ms, SCHEDULE_NEVER);
                assert_null(view.last_job.data);
            }
            more = schedule_list_more(r);
            freeReplyObject(r);
        }
        assert_int_equal(seen, 7);
        assert_int_equal(pages, records ? 4 : 2);
    }
}

TEST(a_name_belongs_to_one_queue)
{
    const char *const queues[] = {"q", "r"};
    struct span name, queue;

    rig_reset(&rig);
    for (int i = 0; i < 2; i++) {
        schedule_claim_build(&rig.request, "pinion", span_of(NAME), span_of(queues[i]));
        redisReply *r = rig_ask(&rig);
        assert_true(span_is(schedule_claim_read(r), "q"));
        freeReplyObject(r);
    }
    schedule_names_build(&rig.request, "pinion");
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_names_count(r), 1);
    schedule_names_item(r, 0, &name, &queue);
    assert_true(span_is(name, NAME) && span_is(queue, "q"));
    freeReplyObject(r);
    schedule_free_build(&rig.request, "pinion", span_of(NAME));
    freeReplyObject(rig_ask(&rig));
    schedule_find_build(&rig.request, "pinion", span_of(NAME));
    r = rig_ask(&rig);
    assert_null(schedule_find_read(r).data);
    freeReplyObject(r);
}

TEST(a_job_tells_its_schedule_its_time_and_its_end)
{
    struct job_view view;
    char id[ID_LEN + 1];

    begin();
    job.expires_ms = 5000;
    job.attempts_max = 3;
    assert_string_equal(set_as(NAME, TIMING, revision, false), "set");
    rig_step(&rig, 2 * STEP);
    struct fire_item item = item_of(FIRE_TICK, OVERLAP_ALLOW, rig_now_ms(&rig) - STEP);
    assert_string_equal(send_fire(&item), "fired");
    memcpy(id, item.local, sizeof id);
    for (int own = 0; own < 2; own++) {
        show_build(&rig.request, rig_key(&rig), span_of(id));
        redisReply *r = rig_ask(&rig);
        assert_int_equal(show_read(r, span_of(id), &view), PINION_OK);
        assert_true(span_is(view.job.schedule, NAME) && span_is(view.job.payload, "text"));
        assert_int_equal(view.job.run_at_ms, item.at_ms);
        assert_int_equal(view.job.expires_ms, item.at_ms + (own ? 9000 : 5000));
        assert_int_equal(view.job.attempts_max, 3);
        job_view_deinit(&view);
        freeReplyObject(r);
        if (own) break;
        item = item_of(FIRE_TICK, OVERLAP_ALLOW, rig_now_ms(&rig));
        item.expires_ms = 9000;
        assert_string_equal(send_fire(&item), "fired");
        memcpy(id, item.local, sizeof id);
    }
    assert_int_equal(view_of(NAME).last_fire_ms, item.at_ms);
    assert_int_equal(view_of(NAME).next_ms, item.next_ms);
    assert_true(span_is(view_of(NAME).last_job, id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fire_does_as_overlap_says),
        cmocka_unit_test(other_modes_look_at_no_job),
        cmocka_unit_test(the_first_server_fires_and_the_others_are_told),
        cmocka_unit_test(an_edit_is_not_overtaken_by_a_rule_that_is_known_no_more),
        cmocka_unit_test(a_schedule_is_removed_by_its_revision),
        cmocka_unit_test(a_call_whose_answer_was_lost_is_repeated_without_harm),
        cmocka_unit_test(items_of_one_call_see_what_those_before_did),
        cmocka_unit_test(what_replaces_a_ready_job_replaces_what_waits),
        cmocka_unit_test(what_waits_for_a_job_that_is_gone_comes_first),
        cmocka_unit_test(a_full_redis_refuses_what_adds),
        cmocka_unit_test(a_schedule_is_set_by_its_revision),
        cmocka_unit_test(pages_go_by_name_and_records_fill_them),
        cmocka_unit_test(a_name_belongs_to_one_queue),
        cmocka_unit_test(a_job_tells_its_schedule_its_time_and_its_end),
    };

    return cmocka_run_group_tests(tests, rig_setup, rig_teardown);
}
