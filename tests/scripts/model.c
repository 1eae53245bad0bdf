#include "tests/scripts/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/id.h"
#include "tests/support/check.h"

const char *const model_kinds[MODEL_KINDS] = {"wc", "zip", "user.mail", "user.push", "a/b"};

const char *const model_groups[MODEL_GROUPS] = {NULL, "acme", "b@c"};

const char *const model_carriers[MODEL_CARRIERS] = {"notify", "notify.user", "notify.wc"};

static const char *const names[WHERES + 1] = {
    "none",  "scheduled", "waiting", "ready",     "active",
    "retry", "done",      "dead",    "cancelled", "deleted",
};

#define SPANS(key) {key "=start", key, key "=3s"}
const char *const model_uniques[MODEL_KEYS][3] = {SPANS("k0"), SPANS("k1"), SPANS("k2"),
                                                  SPANS("k3"), SPANS("k4"), SPANS("k5")};
#define SPAN_MS 3000

void model_init(struct model *m)
{
    *m = (struct model){0};
    for (size_t i = 0; i < MODEL_GIVEN; i++)
        snprintf(m->job[i].id, sizeof m->job[i].id, "%zu", i);
    for (size_t i = 0; i < MODEL_BATCHES; i++) model_batch_name(m, i, 0);
}

struct model_job *model_find(struct model *m, const char *id)
{
    bool given = strlen(id) < ID_LEN && id[0] >= '0' && id[0] <= '9';
    size_t i = given ? strtoul(id, NULL, 10) : MODEL_GIVEN;

    while (i >= MODEL_GIVEN && i < MODEL_JOBS && strcmp(m->job[i].id, id) != 0) i++;
    if (i >= MODEL_JOBS || strcmp(m->job[i].id, id) != 0) fail_msg("an unknown id %s", id);
    return &m->job[i];
}

bool model_free(const struct model_job *j)
{
    return j->where == W_NONE && j->given_until_ms == 0;
}

static bool text_is(const char *a, const char *b)
{
    return a ? b && strcmp(a, b) == 0 : !b;
}

/* Is it in the scope, as the other one is? */
static bool in_scope(const struct model_job *j, int scope, const struct model_job *other)
{
    bool named = text_is(j->content.group, MODEL_LIMITED_GROUP);

    switch (scope) {
    case SCOPE_KIND: return strcmp(j->content.kind, MODEL_LIMITED_KIND) == 0;
    case SCOPE_GROUP: return named;
    case SCOPE_GROUPS: return j->content.group && text_is(j->content.group, other->content.group);
    }
    return true;
}

/* A group with a limit of its own is not one of the others. */
static bool scope_binds(const struct model *m, int scope, const struct model_job *j)
{
    bool own = text_is(j->content.group, MODEL_LIMITED_GROUP) && m->limit[SCOPE_GROUP];

    return m->limit[scope] && in_scope(j, scope, j) && !(scope == SCOPE_GROUPS && own);
}

unsigned model_room(const struct model *m, const struct model_job *j)
{
    unsigned room = MODEL_JOBS;

    for (int scope = 0; scope < MODEL_SCOPES; scope++) {
        unsigned running = 0;
        if (!scope_binds(m, scope, j)) continue;
        for (size_t i = 0; i < MODEL_JOBS; i++)
            running += m->job[i].where == W_ACTIVE && in_scope(&m->job[i], scope, j);
        unsigned left = running < m->limit[scope] ? m->limit[scope] - running : 0;
        if (left < room) room = left;
    }
    return room;
}

const char *model_state(const struct model_job *j)
{
    return names[j->where];
}

bool model_ended(const struct model_job *j)
{
    return j->where == W_DONE || j->where == W_DEAD || j->where == W_CANCELLED;
}

void model_forget(struct model_job *j, int64_t now_ms, bool remember_id)
{
    bool given = remember_id && j->made.id;
    struct model_job fresh = {.given_until_ms = given ? now_ms + DAY_MS : 0,
                              .made = j->made, .content = j->content};

    memcpy(fresh.id, j->id, sizeof fresh.id);
    memcpy(fresh.after, j->after, sizeof fresh.after);
    memcpy(fresh.batch_name, j->batch_name, sizeof fresh.batch_name);
    *j = fresh;
}

bool model_refuses(const struct model *m, size_t adding)
{
    size_t open = 0, there = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        there += m->job[i].where != W_NONE;
        open += m->job[i].where != W_NONE && !model_ended(&m->job[i]);
    }
    /* One byte is less than any job has. */
    return m->draining || (m->max_jobs && open + adding > m->max_jobs) || (m->max_bytes && there);
}

struct model_job *model_make(struct model *m, const char *id, const char *kind)
{
    size_t i = MODEL_GIVEN;

    while (i < MODEL_JOBS && !model_free(&m->job[i])) i++;
    if (i == MODEL_JOBS) fail_msg("no place is free for %s", id);
    struct model_job *j = &m->job[i];
    *j = (struct model_job){.where = W_READY, .carrier = true, .born = ++m->born};
    snprintf(j->id, sizeof j->id, "%s", id);
    j->made = j->content = (struct pinion_job){.kind = kind, .priority = PINION_PRIORITY(5)};
    m->enqueued++;
    return j;
}

/* ---- unique keys ----------------------------------------------------------------------------- */

static bool lasts(const struct model_job *j)
{
    return strstr(j->content.unique, "=3s") != NULL;
}

static size_t key_of(const struct model_job *j)
{
    return (size_t)(j->content.unique[1] - '0');
}

bool model_key_taken(const struct model *m, const struct model_job *j, int64_t now_ms)
{
    const struct model_key *key = j->content.unique ? &m->key[key_of(j)] : NULL;

    return key && key->holder[0] && (!key->until_ms || key->until_ms > now_ms);
}

void model_key_take(struct model *m, const struct model_job *j, int64_t now_ms)
{
    if (!j->content.unique) return;
    struct model_key *key = &m->key[key_of(j)];
    *key = (struct model_key){.start = strstr(j->content.unique, "=start") != NULL,
                              .until_ms = lasts(j) ? now_ms + SPAN_MS : 0};
    memcpy(key->holder, j->id, sizeof key->holder);
}

void model_key_free(struct model *m, const struct model_job *j, bool started)
{
    struct model_key *key = j->content.unique ? &m->key[key_of(j)] : NULL;

    if (!key || strcmp(key->holder, j->id) != 0 || key->until_ms) return;
    if (!started || key->start) *key = (struct model_key){0};
}

struct model_job *model_holder(struct model *m, const struct model_job *j)
{
    struct model_job *holder = model_find(m, m->key[key_of(j)].holder);

    if (holder->where != W_SCHEDULED && holder->where != W_READY && holder->where != W_RETRY)
        return NULL;
    bool its = holder->content.unique && key_of(holder) == key_of(j);
    return its ? holder : NULL; /* else another job has its id by now */
}

static void check_keys(const struct model *m, struct rig *rig)
{
    char wanted[QUEUE_NAME_MAX + 32];

    for (size_t i = 0; i < MODEL_KEYS; i++) {
        const struct model_key *key = &m->key[i];
        redisReply *r = rig_command(rig, "HGET pinion:{q}:uniques k%d", (int)i);
        bool over = key->until_ms && key->until_ms <= rig_now_ms(rig); /* it may be swept by now */
        if (key->until_ms)
            snprintf(wanted, sizeof wanted, "%s %lld", key->holder, (long long)key->until_ms);
        else snprintf(wanted, sizeof wanted, "%s %s", key->holder, key->start ? "start" : "done");
        if (!over && strcmp(r->str ? r->str : "", key->holder[0] ? wanted : "") != 0)
            fail_msg("key k%zu: '%s', expected '%s'", i, r->str ? r->str : "",
                     key->holder[0] ? wanted : "");
        freeReplyObject(r);
    }
}

/* ---- the end --------------------------------------------------------------------------------- */

void model_release(struct model *m, struct model_job *j, bool by_hand, int64_t now_ms)
{
    int64_t due_ms = by_hand ? now_ms : j->content.run_at_ms ? j->content.run_at_ms
                                                             : now_ms + (int64_t)j->content.in_ms;

    m->released += j->where == W_WAITING;
    j->where = due_ms > now_ms ? W_SCHEDULED : W_READY;
    j->due_ms = due_ms;
    if (due_ms < now_ms) due_ms = now_ms;
    if (j->content.expires_ms) j->expires_ms = due_ms + (int64_t)j->content.expires_ms;
}

/* A job that waits hears of the end of its parent. */
static void parent_ended(struct model *m, struct model_job *j, size_t parent, enum where how,
                         int64_t now_ms)
{
    size_t left = 0;
    bool found = false;

    for (size_t i = 0; i < j->parents; i++) {
        bool its = j->parent[i] == parent && j->parent_end[i] == W_NONE;
        if (its) j->parent_end[i] = how;
        found = found || its;
        left += j->parent_end[i] == W_NONE;
    }
    if (!found) return;
    if (how != W_DONE && !j->made.after_any_outcome) model_end(m, j, W_CANCELLED, now_ms);
    else if (left == 0) model_release(m, j, false, now_ms);
}

void model_over(struct model *m, struct model_job *j, enum where how, int64_t now_ms)
{
    model_batch_left(m, j, how, now_ms);
    for (size_t i = 0; i < MODEL_JOBS; i++)
        if (m->job[i].where == W_WAITING)
            parent_ended(m, &m->job[i], (size_t)(j - m->job), how, now_ms);
}

void model_delete(struct model *m, struct model_job *j, int64_t now_ms)
{
    model_key_free(m, j, false);
    j->where = W_CANCELLED; /* it waits for nobody while it is told */
    model_over(m, j, W_DELETED, now_ms);
    model_forget(j, now_ms, true);
}

/* The job that carries a dead one, if a kind is named for that. */
static void carry(struct model *m, const struct model_job *j)
{
    char id[MODEL_ID_SIZE];
    bool user = strncmp(j->content.kind, "user.", 5) == 0, wc = strcmp(j->content.kind, "wc") == 0;
    size_t kind = wc && m->on_dead[2] ? 2 : user && m->on_dead[1] ? 1 : 0;

    if (j->carries_dead || !m->on_dead[kind]) return;
    m->carried++;
    snprintf(id, sizeof id, "dead.%lld", (long long)m->dead);
    model_make(m, id, model_carriers[kind])->carries_dead = true;
}

void model_end(struct model *m, struct model_job *j, enum where where, int64_t now_ms)
{
    m->done += where == W_DONE;
    m->dead += where == W_DEAD;
    m->cancelled += where == W_CANCELLED;
    j->marked = j->renewed = false;
    j->where = where;
    j->due_ms = now_ms + (where == W_DONE ? (int64_t)j->content.retain_ms : 0);
    if (where == W_RETRY) return;
    model_key_free(m, j, false);
    model_over(m, j, where, now_ms);
    if (where == W_DEAD) carry(m, j);
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

static bool has_worker(const struct model_job *j)
{
    return j->where == W_ACTIVE && j->worker;
}

static bool has_result(const struct model_job *j)
{
    return j->result;
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

/* A row of look.lua, which has each job once and all of them: id, state, score, token, failures,
 * kind. It checks itself that lanes, ghosts, packs and what is rare do not contradict each other.
 */
enum { ROW_ID, ROW_STATE, ROW_SCORE, ROW_TOKEN, ROW_FAILURES, ROW_KIND, ROW_FIELDS };

static void check_row(struct model *m, redisReply *const *row)
{
    const struct model_job *j = model_find(m, row[ROW_ID]->str);

    if (strcmp(row[ROW_STATE]->str, model_state(j)) != 0)
        fail_msg("job %s is %s, expected %s", j->id, row[ROW_STATE]->str, model_state(j));
    assert_int_equal(strtoul(row[ROW_FAILURES]->str, NULL, 10), j->failures);
    assert_string_equal(row[ROW_KIND]->str, j->content.kind);
    if (j->where != W_ACTIVE) return;
    assert_int_equal(strtoll(row[ROW_TOKEN]->str, NULL, 10), j->token);
    assert_int_equal(strtoll(row[ROW_SCORE]->str, NULL, 10), j->lease_end_us);
}

static void check_rows(struct model *m, struct rig *rig)
{
    redisReply *look = rig_look(rig), *rows = look->element[1];
    size_t expected = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) expected += m->job[i].where != W_NONE;
    assert_int_equal(rows->elements, expected * ROW_FIELDS);
    for (size_t i = 0; i < rows->elements; i += ROW_FIELDS) check_row(m, rows->element + i);
    freeReplyObject(look);
}

/* The jobs of an entry, one or a pack, are of this lane's kind and priority. */
static void check_entry(struct model *m, const char *lane, const char *entry)
{
    size_t len = strcspn(entry, "~*");
    bool pack = entry[len] == '*';

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        const struct model_job *j = &m->job[i];
        if (j->where != W_READY || strncmp(j->id, entry, len) != 0) continue;
        if (pack ? j->made.id || j->alone : j->id[len] != '\0') continue; /* made: given again */
        char own[KIND_MAX + LABEL_MAX];
        snprintf(own, sizeof own, "%s%s%s", j->content.kind, j->content.group ? "#" : "",
                 j->content.group ? j->content.group : "");
        assert_string_equal(lane + 2, own);
        assert_int_equal((unsigned)(lane[0] - '0') + 1, j->content.priority);
    }
}

static void check_lanes(struct model *m, struct rig *rig)
{
    redisReply *lanes = rig_command(rig, "ZUNION 2 pinion:{q}:lanes pinion:{q}:parked");

    for (size_t i = 0; i < lanes->elements; i++) {
        const char *lane = lanes->element[i]->str;
        redisReply *r = rig_command(rig, "LRANGE pinion:{q}:lane:%s 0 -1", lane);
        for (size_t k = 0; k < r->elements; k++) {
            const char *entry = r->element[k]->str;
            if (!rig_int(rig, "HEXISTS pinion:{q}:ghosts %s", entry)) check_entry(m, lane, entry);
        }
        freeReplyObject(r);
    }
    freeReplyObject(lanes);
}

static void check_counts(struct model *m, struct rig *rig)
{
    static const size_t column[WHERES] = {[W_SCHEDULED] = 0, [W_WAITING] = 1, [W_READY] = 2,
                                          [W_ACTIVE] = 3,    [W_RETRY] = 4,   [W_DONE] = 5,
                                          [W_DEAD] = 6,      [W_CANCELLED] = 7};
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
    assert_int_equal(view.draining, m->draining);
}

/* What a job that waits has heard of its parents. */
static void check_parents(struct model *m, struct rig *rig)
{
    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &m->job[i];
        struct job_view view;
        if (j->where != W_WAITING) continue;
        show_build(&rig->request, rig_key(rig), span_of(j->id));
        redisReply *r = rig_ask(rig);
        assert_int_equal(show_read(r, span_of(j->id), &view), PINION_OK);
        assert_int_equal(job_view_parents(&view), j->parents);
        for (size_t k = 0; k < j->parents; k++) {
            const char *found = job_view_parent(&view, k).outcome, *end = names[j->parent_end[k]];
            if (strcmp(found ? found : "none", end) != 0)
                fail_msg("%s: its parent %zu: %s, expected %s", j->id, k, found, end);
        }
        job_view_deinit(&view);
        freeReplyObject(r);
    }
}

void model_check(struct model *m, struct rig *rig)
{
    check_counts(m, rig);
    check_rows(m, rig);
    check_lanes(m, rig);
    check_keys(m, rig);
    check_parents(m, rig);
    model_check_batches(m, rig);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:tokens", has_token);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:marks", has_mark);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:pulled", has_worker);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:results", has_result);
    check_members(m, rig, "HKEYS %s", "pinion:{q}:given", has_given);
    check_members(m, rig, "ZRANGE %s 0 -1", "pinion:{q}:given_until", has_given);
}
