/* The walk's verbs of people: jobs are made, cancelled, deleted and made ready. */
#include "tests/scripts/walk.h"

#include <stdio.h>
#include <string.h>

#define BATCH_MAX 70

/* Up to three others, each once. */
static void add_parents(struct model_job *j)
{
    size_t wanted = 1 + prng_below(&prng, MODEL_PARENTS), len = 0;

    j->parents = 0;
    for (size_t n = 0; n < wanted; n++) {
        const struct model_job *parent = any_job();
        bool again = parent == j;
        for (size_t i = 0; i < j->parents; i++) again = again || &model.job[j->parent[i]] == parent;
        if (again) continue;
        len += (size_t)snprintf(j->after + len, sizeof j->after - len, "%s%s", len ? "," : "",
                                parent->id);
        j->parent[j->parents++] = (size_t)(parent - model.job);
    }
    if (!j->parents) return;
    j->made.after = j->after;
    j->made.after_any_outcome = one_in(2);
}

static void add_batch(struct model_job *j)
{
    j->batch = 1 + prng_below(&prng, MODEL_BATCHES);
    memcpy(j->batch_name, model.batch[j->batch - 1].name, sizeof j->batch_name);
    j->made.batch = j->batch_name;
}

static void new_content(struct model_job *j)
{
    size_t i = (size_t)(j - model.job);

    j->made = (struct pinion_job){.kind = model_kinds[i % MODEL_KINDS],
                                  .queue = "q",
                                  .id = j->id,
                                  .priority = PINION_PRIORITY((unsigned)i / 70 % 3 + 4)};
    j->made.group = model_groups[i % 7 % MODEL_GROUPS];
    if (one_in(3)) j->made.in_ms = 1 + prng_below(&prng, 5000);
    else if (one_in(6))
        j->made.run_at_ms = rig_now_ms(&rig) + 1 + (int64_t)prng_below(&prng, 5000);
    if (one_in(3)) j->made.retain_ms = 1 + prng_below(&prng, 20000);
    if (one_in(6)) j->made.expires_ms = 1 + prng_below(&prng, 3000);
    if (one_in(6)) j->made.lease_ms = 1000 + prng_below(&prng, 3000);
    if (one_in(2)) j->made.attempts_max = 3;
    if (one_in(4)) j->made.timeout_ms = 500 + prng_below(&prng, 8000);
    if (one_in(3))
        j->made.unique = model_uniques[prng_below(&prng, MODEL_KEYS)][prng_below(&prng, 3)];
    if (one_in(4)) add_parents(j);
    if (one_in(4)) add_batch(j);
    if (j->made.unique && !j->made.after && !j->made.batch) j->made.replace = one_in(2);
    j->content = j->made;
}

/* How each parent has ended; false: one was never there. */
static bool know_parents(struct model_job *j)
{
    for (size_t i = 0; i < j->parents; i++) {
        const struct model_job *parent = &model.job[j->parent[i]];
        bool gone = parent->where == W_NONE;
        if (gone && strcmp(state_or_memory(parent), "done") != 0) return false;
        j->parent_end[i] = gone ? W_DONE : model_ended(parent) ? parent->where : W_NONE;
    }
    return true;
}

/* It is made: it waits, or has its time, or its parents say at once that it is to run or to end. */
static void begin(struct model_job *j)
{
    enum where bad = W_NONE;
    size_t left = 0;

    model.enqueued++;
    j->born = ++model.born;
    model_key_take(&model, j, next_ms());
    if (j->batch) model_batch_join(&model, j, next_ms());
    if (!j->parents) {
        model_release(&model, j, false, next_ms());
        /* What makes a job reckons in whole ms, and so in those that have begun. */
        int64_t due_ms = rig_now_ms(&rig) + (int64_t)j->made.in_ms;
        if (j->made.run_at_ms) due_ms = j->made.run_at_ms;
        if (j->made.expires_ms) j->expires_ms = due_ms + (int64_t)j->made.expires_ms;
        return;
    }
    j->where = W_WAITING;
    for (size_t i = 0; i < j->parents; i++) {
        left += j->parent_end[i] == W_NONE;
        if (j->parent_end[i] != W_NONE && j->parent_end[i] != W_DONE) bad = j->parent_end[i];
    }
    if (bad && !j->made.after_any_outcome) model_end(&model, j, W_CANCELLED, next_ms());
    else if (left == 0)
        model_release(&model, j, false, next_ms());
}

/* The holder takes over all but who it is. */
static void take_over(struct model_job *holder, const struct pinion_job *job)
{
    model.taken_over++;
    holder->content = *job;
    holder->content.id = holder->made.id;
    holder->failures = holder->reaps = holder->heard = 0;
    holder->started = holder->token != 0;
    holder->alone = true;
    holder->expires_ms = 0;
    model_release(&model, holder, false, next_ms());
    int64_t due_ms = job->run_at_ms ? job->run_at_ms : rig_now_ms(&rig) + (int64_t)job->in_ms;
    if (job->expires_ms) holder->expires_ms = due_ms + (int64_t)job->expires_ms;
    model_key_take(&model, holder, next_ms());
}

/* An id that is taken: by the same content, or by another. */
static void enqueue_again(const struct model_job *j)
{
    struct pinion_job job = j->made;

    job.queue = "q";
    job.id = j->id;
    bool other = one_in(2);
    if (other) job.timeout_ms = 7;
    bool busy = model_refuses(&model, 1);
    expect(j, "enqueue", try_enqueue(&job, 1),
           busy                   ? "busy"
           : other || !j->made.id ? "conflict"
                                  : "existing");
}

void do_enqueue(void)
{
    struct model_job *j = any_job();

    if (!model_free(j)) {
        enqueue_again(j);
        return;
    }
    size_t i = (size_t)(j - model.job);
    if (i >= MODEL_GIVEN && i < MODEL_GIVEN + WALK_SPARE) return;
    new_content(j);
    bool busy = model_refuses(&model, 1), held = model_key_taken(&model, j, next_ms());
    struct model_job *holder = held && j->made.replace ? model_holder(&model, j) : NULL;
    bool orphan = !know_parents(j), closed = j->batch && model.batch[j->batch - 1].closed;
    bool made = !busy && !held && !orphan && !closed;
    expect(j, "enqueue", try_enqueue(&j->made, 1),
           busy     ? "busy"
           : holder ? "replaced"
           : held   ? "existing"
           : orphan ? "not_found"
           : closed ? "conflict"
                    : "new");
    if (!busy && holder) take_over(holder, &j->made);
    if (made) begin(j);
    else j->parents = j->batch = 0;
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

    (void)make_places(WALK_SPARE + wanted);
    for (size_t i = MODEL_GIVEN + WALK_SPARE; i < MODEL_JOBS && count < wanted; i++)
        if (model_free(&model.job[i])) chosen[count++] = &model.job[i];
    if (count == 0) return;
    for (size_t i = 0; i < count; i++) {
        uint64_t kind = one_in(2) ? kinds % MODEL_KINDS : kinds / MODEL_KINDS;
        jobs[i] = (struct pinion_job){.kind = model_kinds[kind],
                                      .queue = "q",
                                      .priority = priority,
                                      .attempts_max = 3,
                                      .group = grouped ? model_groups[1 + kind % 2] : NULL};
        if (mixed && one_in(20)) jobs[i].retain_ms = 1 + prng_below(&prng, 20000);
    }
    if (model_refuses(&model, count)) {
        assert_string_equal(try_enqueue(&jobs[0], count), "busy");
        return;
    }
    enqueue_batch(&rig, jobs, count, ids);
    for (size_t i = 0; i < count; i++) {
        *chosen[i] = (struct model_job){
            .where = W_READY, .made = jobs[i], .content = jobs[i], .born = ++model.born};
        memcpy(chosen[i]->id, ids[i], sizeof ids[i]);
    }
    model.enqueued += (int64_t)count;
}

void do_cancel(void)
{
    struct model_job *j = any_job();
    bool waits = j->where == W_SCHEDULED || j->where == W_WAITING || j->where == W_READY ||
                 j->where == W_RETRY;

    expect(j, "cancel", cancel(&rig, j->id),
           waits                  ? "cancelled"
           : j->where == W_ACTIVE ? "marked"
                                  : state_or_memory(j));
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
    if (j->where != W_NONE && j->where != W_ACTIVE) model_delete(&model, j, rig_now_ms(&rig));
}

void retry_by_hand(struct model_job *j)
{
    if (j->content.unique && !strstr(j->content.unique, "=3s"))
        model_key_take(&model, j, next_ms());
    model_batch_again(&model, j);
    j->where = W_READY;
    j->result = false;
    j->failures = j->reaps = j->heard = 0;
    j->started = true;
}

bool lacks_key(const struct model_job *j)
{
    return j->content.unique && !strstr(j->content.unique, "=3s") &&
           model_key_taken(&model, j, next_ms());
}

void do_requeue(void)
{
    struct model_job *j = any_job();
    bool retry = one_in(2), waits = j->where == W_WAITING;
    bool may = retry ? model_ended(j) : waits || j->where == W_SCHEDULED || j->where == W_RETRY;
    bool held = may && retry && lacks_key(j);

    expect(j, retry ? "retry" : "run", requeue(&rig, retry ? "retry" : "run", j->id),
           held  ? "held"
           : may ? "ready"
                 : state_or_memory(j));
    if (!may || held) return;
    if (retry) retry_by_hand(j);
    else if (waits)
        model_release(&model, j, true, next_ms());
    else j->where = W_READY;
}
