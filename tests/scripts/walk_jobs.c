/* The walk's verbs of people: jobs are made, cancelled, deleted and made ready. */
#include "tests/scripts/walk.h"

#include <string.h>

#define BATCH_MAX 70

static void new_content(struct model_job *j)
{
    size_t i = (size_t)(j - model.job);

    j->content = (struct pinion_job){.kind = model_kinds[i % MODEL_KINDS],
                                     .queue = "q",
                                     .id = j->id,
                                     .priority = PINION_PRIORITY((unsigned)i / 70 % 3 + 4)};
    j->content.group = model_groups[i % 7 % MODEL_GROUPS];
    if (one_in(3)) j->content.in_ms = 1 + prng_below(&prng, 5000);
    if (one_in(3)) j->content.retain_ms = 1 + prng_below(&prng, 20000);
    if (one_in(6)) j->content.expires_ms = 1 + prng_below(&prng, 3000);
    if (one_in(6)) j->content.lease_ms = 1000 + prng_below(&prng, 3000);
    if (one_in(2)) j->content.attempts_max = 3;
    if (one_in(3))
        j->content.unique = model_uniques[prng_below(&prng, MODEL_KEYS)][prng_below(&prng, 3)];
}

void do_enqueue(void)
{
    struct model_job *j = any_job();
    bool taken = !model_free(j);

    if (!taken) new_content(j);
    struct pinion_job job = j->content;
    if (taken && one_in(2)) job.timeout_ms = 7;
    job.id = j->id;
    bool held = !taken && model_key_taken(&model, j, next_ms());
    expect(j, "enqueue", enqueue(&rig, &job, NULL),
           held                               ? "existing"
           : !taken                           ? "new"
           : job.timeout_ms || !j->content.id ? "conflict"
                                              : "existing");
    if (taken || held) return;
    model_key_take(&model, j, next_ms());
    model.enqueued++;
    j->where = job.in_ms ? W_SCHEDULED : W_READY;
    j->due_ms = next_ms() + (int64_t)job.in_ms;
    j->expires_ms = job.expires_ms ? rig_now_ms(&rig) + (int64_t)(job.in_ms + job.expires_ms) : 0;
}

/* As a person would who tidies up. */
void delete_ended(void)
{
    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS; i++) {
        struct model_job *j = &model.job[i];
        if (j->where != W_DONE && j->where != W_DEAD && j->where != W_CANCELLED) continue;
        expect(j, "delete", delete_job(&rig, j->id), "deleted");
        model_key_free(&model, j, false);
        model_forget(j, rig_now_ms(&rig), true);
    }
}

/* Some jobs of one or two kinds in one call; a few of them are kept when they are done. */
void do_enqueue_batch(void)
{
    struct model_job *chosen[BATCH_MAX];
    struct pinion_job jobs[BATCH_MAX];
    static char ids[BATCH_MAX][QUEUE_NAME_MAX + 1];
    size_t wanted = 4 + prng_below(&prng, BATCH_MAX - 3), count = 0;
    uint64_t kinds = prng_below(&prng, MODEL_KINDS * MODEL_KINDS);
    unsigned priority = PINION_PRIORITY(4 + (unsigned)prng_below(&prng, 3));
    bool mixed = one_in(4), grouped = one_in(3);

    for (size_t i = MODEL_GIVEN; i < MODEL_JOBS && count < wanted; i++)
        if (model_free(&model.job[i])) chosen[count++] = &model.job[i];
    if (count < wanted) delete_ended();
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        uint64_t kind = one_in(2) ? kinds % MODEL_KINDS : kinds / MODEL_KINDS;
        jobs[i] = (struct pinion_job){
            .kind = model_kinds[kind], .queue = "q", .priority = priority, .attempts_max = 3,
            .group = grouped ? model_groups[1 + kind % 2] : NULL};
        if (mixed && one_in(20)) jobs[i].retain_ms = 1 + prng_below(&prng, 20000);
    }
    enqueue_batch(&rig, jobs, count, ids);
    for (size_t i = 0; i < count; i++) {
        *chosen[i] = (struct model_job){.where = W_READY, .content = jobs[i]};
        memcpy(chosen[i]->id, ids[i], sizeof ids[i]);
    }
    model.enqueued += (int64_t)count;
}

void do_cancel(void)
{
    struct model_job *j = any_job();
    bool waits = j->where == W_SCHEDULED || j->where == W_READY || j->where == W_RETRY;
    bool remembered = j->where == W_NONE && strcmp(state_of(&rig, j->id), "remembered") == 0;

    expect(j, "cancel", cancel(&rig, j->id),
           waits ? "cancelled" : j->where == W_ACTIVE ? "marked"
           : remembered ? "done" : j->where == W_NONE ? "not_found" : model_state(j));
    if (j->where == W_ACTIVE) j->marked = true;
    if (waits) model_end(&model, j, W_CANCELLED, rig_now_ms(&rig));
}

void do_delete(void)
{
    struct model_job *j = any_job();

    expect(j, "delete", delete_job(&rig, j->id),
           j->where == W_NONE     ? "not_found"
           : j->where == W_ACTIVE ? "active"
                                  : "deleted");
    if (j->where == W_NONE || j->where == W_ACTIVE) return;
    model_key_free(&model, j, false);
    model_forget(j, rig_now_ms(&rig), true);
}

void do_requeue(void)
{
    struct model_job *j = any_job();
    bool retry = one_in(2),
         ended = j->where == W_DONE || j->where == W_DEAD || j->where == W_CANCELLED;
    bool may = retry ? ended : j->where == W_SCHEDULED || j->where == W_RETRY;
    bool remembered = j->where == W_NONE && strcmp(state_of(&rig, j->id), "remembered") == 0;

    bool needs_key = may && retry && j->content.unique && !strstr(j->content.unique, "=3s");
    bool held = needs_key && model_key_taken(&model, j, next_ms());
    expect(j, retry ? "retry" : "run", requeue(&rig, retry ? "retry" : "run", j->id),
           held                 ? "held"
           : may                ? "ready"
           : remembered         ? "done"
           : j->where == W_NONE ? "not_found"
                                : model_state(j));
    if (!may || held) return;
    if (needs_key) model_key_take(&model, j, next_ms());
    j->where = W_READY;
    j->result = false;
    if (!retry) return;
    j->failures = j->reaps = j->heard = 0;
    j->started = true;
}
