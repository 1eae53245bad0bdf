#include "tests/scripts/model.h"

#include <stdio.h>
#include <string.h>
#include "tests/support/check.h"

const char *const model_kinds[MODEL_KINDS] = {"wc", "zip", "user.mail", "user.push", "a/b"};

static const char *const names[WHERES] = {"none", "scheduled", "ready", "active",
                                          "retry", "done", "dead", "cancelled"};

void model_init(struct model *m)
{
    *m = (struct model){0};
    for (size_t i = 0; i < MODEL_JOBS; i++)
        snprintf(m->job[i].id, sizeof m->job[i].id, "%zu", i);
}

struct model_job *model_find(struct model *m, const char *id)
{
    size_t i = strtoul(id, NULL, 10);

    if (i >= MODEL_JOBS || strcmp(m->job[i].id, id) != 0) fail_msg("an unknown id %s", id);
    return &m->job[i];
}

const char *model_state(const struct model_job *j)
{
    return names[j->where];
}

void model_forget(struct model_job *j, int64_t now_ms, bool remember_id)
{
    struct model_job fresh = {.given_until_ms = remember_id ? now_ms + DAY_MS : 0,
                              .content = j->content};

    memcpy(fresh.id, j->id, sizeof fresh.id);
    *j = fresh;
}

void model_end(struct model *m, struct model_job *j, enum where where, int64_t now_ms)
{
    m->done += where == W_DONE;
    m->dead += where == W_DEAD;
    m->cancelled += where == W_CANCELLED;
    j->marked = j->renewed = false;
    j->where = where;
    j->due_ms = now_ms + (where == W_DONE ? (int64_t)j->content.retain_ms : 0);
    if (where == W_DONE && j->content.retain_ms == 0) model_forget(j, now_ms, true);
}

/* ---- against the keys ------------------------------------------------------------------------ */

static bool has_mark(const struct model_job *j)
{
    return j->marked;
}

static bool has_token(const struct model_job *j)
{
    return j->renewed;
}

static bool has_result(const struct model_job *j)
{
    return j->result;
}

static bool has_record(const struct model_job *j)
{
    return j->where != W_NONE;
}

static bool has_given(const struct model_job *j)
{
    return j->given_until_ms != 0;
}

/* The members of a set, hash or zset are just the jobs for which `has` is true. */
static void check_members(struct model *m, struct rig *rig, const char *command, const char *key,
                          bool (*has)(const struct model_job *))
{
    redisReply *r = rig_command(rig, command, key);
    size_t expected = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) expected += has(&m->job[i]);
    for (size_t i = 0; i < r->elements; i++)
        if (!has(model_find(m, r->element[i]->str)))
            fail_msg("%s: job %s, which the model has as %s", key, r->element[i]->str,
                     model_state(model_find(m, r->element[i]->str)));
    if (r->elements != expected) fail_msg("%s: %zu, expected %zu", key, r->elements, expected);
    freeReplyObject(r);
}

static void check_places(struct model *m, struct rig *rig)
{
    for (enum where w = 0; w < WHERES; w++) {
        if (w == W_NONE || w == W_READY) continue;
        redisReply *r = rig_command(rig, "ZRANGE pinion:{q}:%s 0 -1", names[w]);
        size_t expected = 0;
        for (size_t i = 0; i < MODEL_JOBS; i++) expected += m->job[i].where == w;
        for (size_t i = 0; i < r->elements; i++) {
            const struct model_job *j = model_find(m, r->element[i]->str);
            if (j->where != w)
                fail_msg("job %s is %s, expected %s", j->id, names[w], names[j->where]);
        }
        assert_int_equal(r->elements, expected);
        freeReplyObject(r);
    }
}

/* One lane: each entry is a ghost, or the one live entry of a ready job of that lane. */
static void check_lane(struct model *m, struct rig *rig, const char *lane, unsigned *alive,
                       size_t *ghosts)
{
    redisReply *r = rig_command(rig, "LRANGE pinion:{q}:lane:%s 0 -1", lane);

    if (r->elements == 0) fail_msg("lane %s is in the ring and empty", lane);
    for (size_t i = 0; i < r->elements; i++) {
        char *entry = r->element[i]->str;
        if (rig_int(rig, "HEXISTS pinion:{q}:ghosts %s", entry)) {
            *ghosts += 1;
            continue;
        }
        char *tilde = strchr(entry, '~');
        if (tilde) *tilde = '\0';
        struct model_job *j = model_find(m, entry);
        if (j->where != W_READY) fail_msg("entry %s of a job that is %s", entry, model_state(j));
        assert_string_equal(lane + 2, j->content.kind);
        assert_int_equal((unsigned)(lane[0] - '0') + 1, j->content.priority);
        alive[j - m->job]++;
    }
    freeReplyObject(r);
}

static void check_lanes(struct model *m, struct rig *rig)
{
    unsigned alive[MODEL_JOBS] = {0};
    size_t ghosts = 0;
    redisReply *lanes = rig_command(rig, "ZRANGE pinion:{q}:lanes 0 -1");
    redisReply *lists = rig_command(rig, "KEYS pinion:{q}:lane:*");

    assert_int_equal(lanes->elements, lists->elements);
    for (size_t i = 0; i < lanes->elements; i++)
        check_lane(m, rig, lanes->element[i]->str, alive, &ghosts);
    for (size_t i = 0; i < MODEL_JOBS; i++)
        if (alive[i] != (m->job[i].where == W_READY))
            fail_msg("job %zu is %s and has %u live entries", i, model_state(&m->job[i]), alive[i]);
    assert_int_equal(rig_int(rig, "HLEN pinion:{q}:ghosts"), ghosts);
    freeReplyObject(lanes);
    freeReplyObject(lists);
}

static void check_counts(struct model *m, struct rig *rig)
{
    static const size_t column[WHERES] = {[W_SCHEDULED] = 0, [W_READY] = 2, [W_ACTIVE] = 3,
                                          [W_RETRY] = 4, [W_DONE] = 5, [W_DEAD] = 6,
                                          [W_CANCELLED] = 7};
    int64_t expected[STATES] = {0};
    struct queue_view view = stats(rig);

    for (size_t i = 0; i < MODEL_JOBS; i++)
        if (m->job[i].where != W_NONE) expected[column[m->job[i].where]]++;
    for (size_t i = 0; i < STATES; i++)
        if (view.counts[i] != expected[i])
            fail_msg("%lld are %s, expected %lld", (long long)view.counts[i], job_states[i],
                     (long long)expected[i]);
    assert_int_equal(view.enqueued, m->enqueued);
    assert_int_equal(view.done, m->done);
    assert_int_equal(view.failed, m->failed);
    assert_int_equal(view.dead, m->dead);
    assert_int_equal(view.cancelled, m->cancelled);
    assert_int_equal(view.reaped, m->reaped);
    assert_int_equal(view.paused, m->paused);
}

/* A record of class '0' has nothing rare; one that is gone has neither. */
static void check_rare(struct model *m, struct rig *rig)
{
    redisReply *r = rig_command(rig, "HKEYS pinion:{q}:rare");

    for (size_t i = 0; i < r->elements; i++) {
        redisReply *record = rig_command(rig, "HGET pinion:{q}:jobs %s", r->element[i]->str);
        assert_true(has_record(model_find(m, r->element[i]->str)));
        assert_int_equal(record->str[0], '1');
        freeReplyObject(record);
    }
    freeReplyObject(r);
}

void model_check(struct model *m, struct rig *rig)
{
    check_counts(m, rig);
    check_places(m, rig);
    check_lanes(m, rig);
    check_rare(m, rig);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:jobs", has_record);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:tokens", has_token);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:marks", has_mark);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:results", has_result);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:given", has_given);
    check_members(m, rig, "ZRANGE %s 0 -1", "pinion:{q}:given_until", has_given);
}
