#include "tests/scripts/schedule_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/support/check.h"

int64_t revision, watermark;
struct pinion_job job;

const char *set_as(const char *name, const char *timing, int64_t replaced, bool from_now)
{
    static const char *const words[] = {"set", "same", "conflict", "none"};
    struct schedule_set set = {.name = span_of(name),
                               .timing = span_of(timing),
                               .job = &job,
                               .revision = replaced,
                               .from_now = from_now,
                               .next_ms = SCHEDULE_NEVER};
    enum schedule_changed changed;

    schedule_set_build(&rig.request, rig_key(&rig), &set);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_set_read(r, &changed, &revision), PINION_OK);
    freeReplyObject(r);
    return words[changed];
}

redisReply *show(const char *name, struct schedule_view *ret, enum pinion_err expected)
{
    schedule_show_build(&rig.request, rig_key(&rig), span_of(name));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_show_read(r, ret), expected);
    return r;
}

enum schedule_changed remove_revision(const char *name, int64_t only)
{
    enum schedule_changed changed;
    int64_t was;

    schedule_remove_build(&rig.request, rig_key(&rig), span_of(name), only);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(schedule_remove_read(r, &changed, &was), PINION_OK);
    freeReplyObject(r);
    return changed;
}

bool remove_schedule(const char *name)
{
    return remove_revision(name, SCHEDULE_ANY_REVISION) == SCHEDULE_REMOVED;
}

void begin(void)
{
    rig_reset(&rig);
    job = (struct pinion_job){.kind = "wc", .queue = "q", .payload = "text", .payload_len = 4};
    assert_string_equal(set_as(NAME, TIMING, SCHEDULE_NEW, false), "set");
    watermark = rig_now_ms(&rig);
}

const char *const fired_words[] = {
    [FIRED_JOB] = "fired",     [FIRED_SKIPPED] = "skipped", [FIRED_BUFFERED] = "buffered",
    [FIRED_MISSED] = "missed", [FIRED_ENDED] = "ended",     [FIRED_BEHIND] = "behind",
    [FIRED_EDITED] = "edited", [FIRED_REMOVED] = "removed", [FIRED_EARLY] = "early",
    [FIRED_HEALED] = "healed",
};

void send_fires(struct fire_item *items, size_t count)
{
    int64_t now_us;

    fire_build(&rig.request, rig_key(&rig), items, count, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(fire_read(r, items, count, &now_us), PINION_OK);
    assert_int_equal(now_us, rig.now_us);
    freeReplyObject(r);
}

struct fire_item item_of(enum fire_mode mode, enum overlap overlap, int64_t at_ms)
{
    return (struct fire_item){.name = span_of(NAME),
                              .mode = mode,
                              .overlap = overlap,
                              .revision = revision,
                              .watermark_ms = watermark,
                              .at_ms = at_ms,
                              .next_ms = at_ms + STEP};
}

const char *send_fire(struct fire_item *item)
{
    send_fires(item, 1);
    watermark = item->watermark_ms;
    return fired_words[item->fired];
}

const char *fire(enum fire_mode mode, enum overlap overlap, char ret_id[ID_LEN + 1])
{
    rig_step(&rig, STEP);
    struct fire_item item = item_of(mode, overlap, rig_now_ms(&rig));
    const char *word = send_fire(&item);

    if (ret_id) memcpy(ret_id, item.local, ID_LEN + 1);
    return word;
}

void expect_history(size_t i, const char *parts)
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

struct schedule_view view_of(const char *name)
{
    static redisReply *kept;
    struct schedule_view view;

    if (kept) freeReplyObject(kept);
    kept = NULL;
    kept = show(name, &view, PINION_OK);
    return view;
}

size_t history_length(void)
{
    return (size_t)rig_int(&rig, "LLEN pinion:{q}:history:%s", NAME);
}

size_t history_shown(void)
{
    struct schedule_view view;
    redisReply *r = show(NAME, &view, PINION_OK);
    size_t count = schedule_history_count(r);

    freeReplyObject(r);
    return count;
}

const char *reason_of(const char *id)
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
