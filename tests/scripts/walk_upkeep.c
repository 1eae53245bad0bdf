/* The walk's verbs of upkeep, and of a queue as a whole; and time. */
#include "tests/scripts/walk.h"

#include "queue/limit.h"

void do_promote(void)
{
    int64_t due = 0, next = UPKEEP_NEVER;
    struct promoted p;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_SCHEDULED && j->where != W_RETRY) continue;
        if (j->due_ms <= rig_now_ms(&rig)) {
            j->where = W_READY;
            due++;
        } else if (j->due_ms < next) {
            next = j->due_ms;
        }
    }
    assert_int_equal(promote(&rig, &p), due);
    assert_true(model.rated ? p.next_due_ms <= next : p.next_due_ms == next);
    assert_false(p.more);
}

void do_sweep(void)
{
    int64_t now_ms = rig_now_ms(&rig), over = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        bool kept = j->where == W_DEAD || j->where == W_CANCELLED;
        if ((kept && j->due_ms + 30 * DAY_MS <= now_ms) ||
            (j->where == W_DONE && j->due_ms <= now_ms)) {
            model_forget(j, now_ms, true);
            over++;
        }
        if (j->given_until_ms && j->given_until_ms <= now_ms) j->given_until_ms = 0;
    }
    model_batch_sweep(&model, now_ms);
    assert_int_equal(sweep(&rig), over);
}

void do_pause(void)
{
    bool pause = one_in(4), drained = !pause && model.draining; /* a resume ends that, too */

    assert_true(pause_queue(&rig, pause) == (pause != model.paused || drained));
    model.paused = pause;
    if (drained) model.draining = false;
}

/* All of them anew, a few or none, over what runs at that time. */
void do_limit(void)
{
    static const enum limit_scope scopes[] = {LIMIT_QUEUE, LIMIT_KIND, LIMIT_GROUP,
                                              LIMIT_EACH_GROUP};
    struct limit limits[MODEL_SCOPES];
    bool rated = one_in(4), any = !one_in(3);

    model.rated = false;
    for (size_t i = 0; i < MODEL_SCOPES; i++) {
        model.limit[i] = any && one_in(2) ? 1 + (unsigned)prng_below(&prng, 40) : 0;
        limits[i] = (struct limit){.scope = scopes[i], .concurrency = model.limit[i]};
        if (i == SCOPE_KIND) limits[i].name = span_of(MODEL_LIMITED_KIND);
        if (i == SCOPE_GROUP) limits[i].name = span_of(MODEL_LIMITED_GROUP);
        if (!rated || !model.limit[i] || one_in(2)) continue;
        limits[i].count = 1 + (unsigned)prng_below(&prng, 50);
        limits[i].per_ms = 1 + prng_below(&prng, 2000);
        model.rated = true;
    }
    limit_build(&rig.request, rig_key(&rig), one_in(2), limits, MODEL_SCOPES);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(limit_read(r, &(struct error){0}), PINION_OK);
    freeReplyObject(r);
}

void do_step(void)
{
    rig_step_us(&rig, (int64_t)prng_below(&prng, 500000));
    if (one_in(50)) rig_step(&rig, (int64_t)prng_below(&prng, 60000));
    if (one_in(300)) rig_step(&rig, (int64_t)prng_below(&prng, 40 * (uint64_t)DAY_MS));
}
