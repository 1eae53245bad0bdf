/* The walk's changes of all jobs of a state that pass a filter.
 *
 * In which order they are looked at, the model does not know; what comes of it may depend on that:
 * which of two that have one unique key, or whether a child was released before. So Redis is asked
 * which jobs were changed, and the model checks that these are just those which could be.
 */
#include "tests/scripts/walk.h"

#include <stdio.h>
#include <string.h>
#include "base/macros.h"
#include "queue/bulk.h"

static uint64_t bulk(enum bulk_verb verb, const char *state, const struct job_filter *filter)
{
    char cursor[256] = "";
    struct bulk_step one;
    uint64_t changed = 0;

    do {
        bulk_build(&rig.request, rig_key(&rig), verb, span_of(state), filter, span_of(cursor));
        redisReply *r = rig_ask(&rig);
        assert_int_equal(bulk_read(r, &one), PINION_OK);
        assert_true(one.next.len < sizeof cursor);
        snprintf(cursor, sizeof cursor, "%.*s", (int)one.next.len, one.next.data);
        freeReplyObject(r);
        changed += one.changed;
    } while (cursor[0]);
    return changed;
}

/* Is it one of those that the walk of Redis may find? */
static bool is_meant(const struct model_job *j, enum bulk_verb verb, enum where where,
                     const char *kind)
{
    int64_t now_ms = verb == BULK_RETRY ? next_ms() : rig_now_ms(&rig);
    bool dated = where == W_DEAD || where == W_CANCELLED;

    if (j->where != where || (kind && strcmp(j->content.kind, kind) != 0)) return false;
    return !dated || j->due_ms <= now_ms;
}

static bool was_changed(const struct model_job *j, enum bulk_verb verb)
{
    const char *state = state_of(&rig, j->id);

    switch (verb) {
    case BULK_RETRY: return strcmp(state, "ready") == 0;
    case BULK_CANCEL: return strcmp(state, "cancelled") == 0;
    default: return strcmp(state, "none") == 0 || strcmp(state, "remembered") == 0;
    }
}

static void change(struct model_job *j, enum bulk_verb verb)
{
    if (verb == BULK_RETRY && lacks_key(j)) fail_msg("retried %s, whose key is held", j->id);
    if (verb == BULK_RETRY) retry_by_hand(j);
    if (verb == BULK_CANCEL) model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
    if (verb == BULK_DELETE) model_delete(&model, j, rig_now_ms(&rig));
}

/* The next one that was changed, children first: a parent's end would change them, too. */
static struct model_job *next_changed(enum bulk_verb verb, enum where where, const char *kind,
                                      bool left[MODEL_JOBS])
{
    for (;;) {
        struct model_job *j = NULL;
        for (size_t i = 0; i < MODEL_JOBS; i++) {
            struct model_job *other = &model.job[i];
            if (left[i] || !is_meant(other, verb, where, kind)) continue;
            if (!j || other->born > j->born) j = other;
        }
        if (!j || was_changed(j, verb)) return j;
        left[j - model.job] = true;
    }
}

static uint64_t mark_all(const char *kind)
{
    uint64_t marked = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (!is_meant(j, BULK_CANCEL, W_ACTIVE, kind) || j->marked) continue;
        j->marked = true;
        marked++;
    }
    return marked;
}

void do_bulk(void)
{
    static const enum where states[] = {W_SCHEDULED, W_WAITING, W_READY, W_ACTIVE,
                                        W_RETRY,     W_DONE,    W_DEAD,  W_CANCELLED};
    const enum where where = states[prng_below(&prng, countof(states))];
    const struct model_job any = {.where = where};
    const char *kind = one_in(8) ? NULL : model_kinds[prng_below(&prng, MODEL_KINDS)];
    struct job_filter filter = {.kind = span_of(kind)};
    enum bulk_verb verb = (enum bulk_verb)prng_below(&prng, BULK_VERBS);
    bool meant[MODEL_JOBS], left[MODEL_JOBS] = {false};
    uint64_t changed = 0, youngest = model.born;
    struct model_job *j;

    if (!bulk_changes(verb, span_of(model_state(&any)))) return;
    for (size_t i = 0; i < MODEL_JOBS; i++) meant[i] = is_meant(&model.job[i], verb, where, kind);
    uint64_t found = bulk(verb, model_state(&any), &filter);
    if (where == W_ACTIVE) {
        assert_int_equal(found, mark_all(kind));
        return;
    }
    while ((j = next_changed(verb, where, kind, left))) {
        change(j, verb);
        changed++;
    }
    for (size_t i = 0; i < MODEL_JOBS; i++) {
        j = &model.job[i];
        if (!meant[i] || j->born > youngest || !is_meant(j, verb, where, kind)) continue;
        if (verb != BULK_RETRY || !lacks_key(j))
            fail_msg("%s left %s, which is %s", bulk_names[verb], j->id, model_state(j));
    }
    /* A parent's end may have come before that of a child. */
    if (where == W_WAITING ? found > changed : found != changed)
        fail_msg("%s of %s: %llu, expected %llu", bulk_names[verb], model_state(&any),
                 (unsigned long long)found, (unsigned long long)changed);
}
