/* The walk's verbs of what stands beside the jobs: batches, what refuses new jobs, what carries the
 * dead; and edits. */
#include "tests/scripts/walk.h"

#include <stdio.h>
#include <string.h>
#include "queue/batch.h"
#include "queue/on_dead.h"
#include "queue/steer.h"

/* ---- batches --------------------------------------------------------------------------------- */

static const char *open_batch(const char *name, const struct pinion_job *job)
{
    struct error why;
    bool existing = false;

    batch_open_build(&rig.request, rig_key(&rig), span_of(name), job, rig_now_ms(&rig));
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = batch_open_read(r, span_of(name), &existing, &why);
    freeReplyObject(r);
    return err ? error_name(err) : existing ? "existing" : "opened";
}

/* The id of what the batch makes was chosen by the caller. */
static void learn_job(struct model_batch *b)
{
    struct batch_view view;
    struct error why;

    batch_show_build(&rig.request, rig_key(&rig), span_of(b->name));
    redisReply *r = rig_ask(&rig);
    assert_int_equal(batch_show_read(r, span_of(b->name), &view, &why), PINION_OK);
    snprintf(b->job, sizeof b->job, "%.*s", (int)view.job.len, view.job.data);
    freeReplyObject(r);
}

static void do_open(struct model_batch *b)
{
    static const struct pinion_job report = {.kind = "report"}, other = {.kind = "wc"};
    const struct pinion_job *job = one_in(4) ? &other : one_in(3) ? NULL : &report;
    bool same = b->job[0] && job == &report, new_job = job && !b->job[0];
    const char *expected = !b->there                ? "opened"
                           : !job || same           ? "existing"
                           : b->job[0] || b->closed ? "conflict"
                                                    : "existing";

    if (job == &other && !b->job[0]) return; /* all make the same kind here */
    const char *found = open_batch(b->name, job);
    if (strcmp(found, expected) != 0)
        fail_msg("open %s: '%s', expected '%s'", b->name, found, expected);
    if (!b->there) b->opened_ms = next_ms();
    b->there = true;
    if (new_job && strcmp(expected, "conflict") != 0) learn_job(b);
}

static void do_close(struct model_batch *b)
{
    struct batch_view view;
    struct error why;
    bool existing = false;

    batch_close_build(&rig.request, rig_key(&rig), span_of(b->name));
    redisReply *r = rig_ask(&rig);
    enum pinion_err err = batch_close_read(r, span_of(b->name), &view, &existing, &why);
    freeReplyObject(r);
    assert_int_equal(err, b->there ? PINION_OK : PINION_NOT_FOUND);
    assert_int_equal(existing, b->closed);
    if (b->there && !b->closed) model_batch_close(&model, b, next_ms());
}

void do_batch(void)
{
    size_t i = prng_below(&prng, MODEL_BATCHES);
    struct model_batch *b = &model.batch[i];

    if (b->completed_ms && one_in(3)) model_batch_name(&model, i, b->serial + 1);
    else if (one_in(3))
        do_close(b);
    else do_open(b);
}

/* ---- edits ----------------------------------------------------------------------------------- */

static struct job_edit any_edit(void)
{
    static const char payload[50] = "";
    struct job_edit edit = {0};

    if (one_in(3)) edit.priority = PINION_PRIORITY(4 + (unsigned)prng_below(&prng, 3));
    if (one_in(3)) edit.when = one_in(2) ? EDIT_WHEN_IN : EDIT_WHEN_AT;
    if (edit.when == EDIT_WHEN_IN) edit.in_ms = prng_below(&prng, 3) * prng_below(&prng, 3000);
    if (edit.when == EDIT_WHEN_AT)
        edit.run_at_ms = rig_now_ms(&rig) - 1000 + (int64_t)prng_below(&prng, 5000);
    edit.has_payload = one_in(3) || (!edit.priority && !edit.when);
    edit.payload = payload;
    edit.payload_len = edit.has_payload ? prng_below(&prng, sizeof payload) : 0;
    return edit;
}

/* The time to start by moves with the time. */
static void retime(struct model_job *j, const struct job_edit *edit)
{
    int64_t now_ms = next_ms(), due_ms = now_ms;
    bool delayed = j->where == W_SCHEDULED || j->where == W_RETRY;
    int64_t old_ms = delayed ? j->due_ms : now_ms;

    if (edit->when == EDIT_WHEN_AS_IT_WAS) due_ms = old_ms;
    if (edit->when == EDIT_WHEN_IN) due_ms = now_ms + (int64_t)edit->in_ms;
    if (edit->when == EDIT_WHEN_AT && edit->run_at_ms > now_ms) due_ms = edit->run_at_ms;
    if (j->expires_ms) j->expires_ms += due_ms - old_ms;
    if (due_ms <= now_ms) j->where = W_READY;
    else if (j->where != W_RETRY)
        j->where = W_SCHEDULED;
    j->due_ms = due_ms;
}

void do_edit(void)
{
    struct model_job *j = any_job();
    struct job_edit edit = any_edit();
    bool waits = j->where == W_SCHEDULED || j->where == W_WAITING || j->where == W_READY ||
                 j->where == W_RETRY;

    expect(j, "edit", edit_job(&rig, j->id, &edit), waits ? "edited" : state_or_memory(j));
    if (!waits) return;
    j->alone = true;
    if (edit.priority) j->content.priority = edit.priority;
    if (edit.has_payload) {
        j->content.payload_len = edit.payload_len;
        j->carrier = false; /* its payload is known now */
    }
    if (j->where != W_WAITING) {
        retime(j, &edit);
    } else if (edit.when) {
        j->content.in_ms = edit.when == EDIT_WHEN_IN ? edit.in_ms : 0;
        j->content.run_at_ms = edit.when == EDIT_WHEN_AT ? edit.run_at_ms : 0;
    }
}

/* ---- what holds for the queue ---------------------------------------------------------------- */

/* Seldom, for a queue that refuses new jobs soon has none. */
void do_guard(void)
{
    struct bounds now, wanted = BOUNDS_KEPT;

    model.draining = one_in(8);
    drain_build(&rig.request, rig_key(&rig), model.draining);
    freeReplyObject(rig_ask(&rig));
    wanted.max_jobs = model.max_jobs = one_in(4) ? 100 + prng_below(&prng, 250) : 0;
    wanted.max_bytes = model.max_bytes = one_in(8) ? 1 : 0;
    bounds_build(&rig.request, rig_key(&rig), wanted);
    redisReply *r = rig_ask(&rig);
    assert_int_equal(bounds_read(r, &now), PINION_OK);
    assert_true(now.max_jobs == model.max_jobs && now.max_bytes == model.max_bytes);
    freeReplyObject(r);
}

void do_on_dead(void)
{
    static const char *const patterns[MODEL_CARRIERS] = {NULL, "user.*", "wc"};
    struct error why;
    bool any = make_places(WALK_SPARE);

    on_dead_build(&rig.request, rig_key(&rig));
    for (size_t i = 0; i < MODEL_CARRIERS; i++) {
        model.on_dead[i] = any && one_in(2);
        on_dead_add(&rig.request, patterns[i], model.on_dead[i] ? model_carriers[i] : "");
    }
    redisReply *r = rig_ask(&rig);
    assert_int_equal(on_dead_read(r, &why), PINION_OK);
    freeReplyObject(r);
}
