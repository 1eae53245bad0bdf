/* Schedules as Redis keeps them: who may fire, what becomes of the job that still runs, what waits
 * for its end, and what a clock that stepped back does. */
#include "queue/schedule.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "queue/redis_error.h"
#include "queue/reply.h"
#include "tests/scripts/verbs.h"
#include "tests/support/check.h"

#define NAME   "nightly"
#define TIMING "{\"cron\":\"* * * * *\"}"
#define STEP   INT64_C(60000)

static struct rig rig;
/* What a server knows of the schedule. */
static int64_t revision, watermark;
static struct pinion_job job;

/* ---- verbs ----------------------------------------------------------------------------------- */

static const char *set_as(const char *name, const char *timing, int64_t replaced, bool from_now)
{
    static const char *const words[] = {"set", "same", "conflict", "none"};
    struct schedule_set set = {.name = span_of(name), .timing = span_of(timing), .job = &job,
                               .revision = replaced, .from_now = from_now,
                               .next_ms = SCHEDULE_NEVER};
    enum schedule_changed changed;

    schedule_set_build(&rig.request, rig_key(&rig), &set);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_set_read(r, &changed, &revision), PINION_OK);
    freeReplyObject(r);
    return words[changed];
}

static redisReply *show(const char *name, struct schedule_view *ret, enum pinion_err expected)
{
    schedule_show_build(&rig.request, rig_key(&rig), span_of(name));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_show_read(r, ret), expected);
    return r;
}

static bool remove_schedule(const char *name)
{
    schedule_remove_build(&rig.request, rig_key(&rig), span_of(name));
    redisReply *r = rig_ask(&rig);
    bool was = schedule_remove_read(r);

    freeReplyObject(r);
    return was;
}

/* A new schedule in an empty Redis. */
static void begin(void)
{
    rig_reset(&rig);
    job = (struct pinion_job){.kind = "wc", .queue = "q", .payload = "text", .payload_len = 4};
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_NEW, false), "set");
    watermark = rig_now_ms(&rig);
}

static const char *const fired_words[] = {
    [FIRED_JOB] = "fired",     [FIRED_SKIPPED] = "skipped", [FIRED_BUFFERED] = "buffered",
    [FIRED_MISSED] = "missed", [FIRED_ENDED] = "ended",     [FIRED_BEHIND] = "behind",
    [FIRED_EDITED] = "edited", [FIRED_REMOVED] = "removed", [FIRED_EARLY] = "early",
    [FIRED_HEALED] = "healed",
};

static void send_fires(struct fire_item *items, size_t count)
{
    int64_t now_us;

    fire_build(&rig.request, rig_key(&rig), items, count, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(fire_read(r, items, count, &now_us), PINION_OK);
    assert_int_equal(now_us, rig.now_us);
    freeReplyObject(r);
}

static struct fire_item item_of(enum fire_mode mode, enum overlap overlap, int64_t at_ms)
{
    return (struct fire_item){.name = span_of(NAME), .mode = mode, .overlap = overlap,
                              .revision = revision, .watermark_ms = watermark, .at_ms = at_ms,
                              .next_ms = at_ms + STEP};
}

static const char *send_fire(struct fire_item *item)
{
    send_fires(item, 1);
    watermark = item->watermark_ms;
    return fired_words[item->fired];
}

/* After a minute, the time that it is then. `ret_id` (NULL is fine) gets the id of the job. */
static const char *fire(enum fire_mode mode, enum overlap overlap, char ret_id[ID_LEN + 1])
{
    rig_step(&rig, STEP);
    struct fire_item item = item_of(mode, overlap, rig_now_ms(&rig));
    const char *word = send_fire(&item);

    if (ret_id) memcpy(ret_id, item.local, ID_LEN + 1);
    return word;
}

/* The first `n` bytes of entry i of the history. */
static void expect_history(size_t i, const char *parts)
{
    struct schedule_view view;
    redisReply *r = show(NAME, &view, PINION_OK);
    char *entry, *copy = strdup(parts), *rest = copy;

    if (i >= schedule_history_count(r)) fail_msg("no entry %zu in the history", i);
    struct span text = schedule_history_item(r, i);
    entry = strndup(text.data, text.len);
    for (char *part; (part = strsep(&rest, " "));)
        if (!strstr(entry, part)) fail_msg("'%s' has no '%s'", entry, part);
    free(entry);
    free(copy);
    freeReplyObject(r);
}

static struct schedule_view view_of(const char *name)
{
    static redisReply *kept;
    struct schedule_view view;

    if (kept) freeReplyObject(kept);
    kept = NULL;
    kept = show(name, &view, PINION_OK);
    return view;
}

static size_t history_length(void)
{
    return (size_t)rig_int(&rig, "LLEN pinion:{q}:history:%s", NAME);
}

static const char *reason_of(const char *id)
{
    static char word[WORDS_MAX];
    struct job_view view;

    show_build(&rig.request, rig_key(&rig), span_of(id));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(show_read(r, span_of(id), &view), PINION_OK);
    snprintf(word, sizeof word, "%s%.*s", view.why ? view.why : "", (int)view.mark.len,
             view.mark.len ? view.mark.data : "");
    job_view_deinit(&view);
    freeReplyObject(r);
    return word;
}

/* ---- every overlap in every state of the last job -------------------------------------------- */

enum last { LAST_NONE, LAST_READY, LAST_ACTIVE, LAST_RETRY, LAST_DONE, LAST_KEPT, LAST_DEAD,
            LAST_CANCELLED };

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

TEST(the_history_keeps_the_newest_and_their_ends)
{
    char first[ID_LEN + 1], id[ID_LEN + 1];

    begin();
    assert_string_equal(fire(FIRE_TICK, OVERLAP_ALLOW, first), "fired");
    struct lease lease = claim_one(&rig);
    for (int i = 1; i < 20; i++) fire(FIRE_TICK, OVERLAP_SKIP, NULL);
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    expect_history(19, "\"missed\":0,\"end\":\"done\"}");
    expect_history(0, "\"outcome\":\"skipped\",\"job\":null,\"missed\":0}");
    assert_string_equal(fire(FIRE_TICK, OVERLAP_SKIP, id), "fired");
    lease = claim_one(&rig);
    assert_string_equal(fail_in(&rig, &lease, -1), "dead");
    expect_history(0, "\"end\":\"dead\"}");
    assert_string_equal(requeue(&rig, "retry", id), "ready");
    assert_string_equal(cancel(&rig, id), "cancelled");
    expect_history(0, "\"missed\":0,\"end\":\"cancelled\"}");
    for (int i = 0; i < SCHEDULE_HISTORY_MAX; i++) fire(FIRE_MISS, OVERLAP_SKIP, NULL);
    assert_int_equal(history_length(), SCHEDULE_HISTORY_MAX);
    expect_history(SCHEDULE_HISTORY_MAX - 1, "\"outcome\":\"missed\"");
}

TEST(removing_drops_all_but_the_jobs)
{
    char first[ID_LEN + 1], second[ID_LEN + 1];
    struct schedule_view view;

    begin();
    int64_t edits = rig_int(&rig, "HSTRLEN pinion:{q}:meta schedules");
    assert_int_equal(edits, 1);
    fire(FIRE_TICK, OVERLAP_QUEUE, first);
    struct lease lease = claim_one(&rig);
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, second), "buffered");
    assert_true(remove_schedule(NAME));
    assert_false(remove_schedule(NAME));
    freeReplyObject(show(NAME, &view, PINION_NOT_FOUND));
    assert_string_equal(fire(FIRE_TICK, OVERLAP_QUEUE, NULL), "removed");
    assert_string_equal(fire(FIRE_RUN, OVERLAP_QUEUE, NULL), "removed");
    assert_string_equal(state_of(&rig, first), "active");
    assert_string_equal(ack_rich(&rig, &lease, ""), "ok");
    assert_string_equal(counts(&rig), "");
    assert_int_equal(history_length(), 0);
    redisReply *r = rig_command(&rig, "KEYS *sched*");
    assert_int_equal(r->elements, 0);
    freeReplyObject(r);
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
        cmocka_unit_test(a_fire_does_as_overlap_says),
        cmocka_unit_test(other_modes_look_at_no_job),
        cmocka_unit_test(the_history_keeps_the_newest_and_their_ends),
        cmocka_unit_test(removing_drops_all_but_the_jobs),
    };

    return cmocka_run_group_tests(tests, open_rig, close_rig);
}
