/* The model of batches: they are counted by looking at all jobs. */
#include "tests/scripts/model.h"

#include <stdio.h>
#include <string.h>
#include "base/macros.h"
#include "queue/batch.h"
#include "tests/support/check.h"

#define KEPT_MS (7 * DAY_MS) /* complete ones */

void model_batch_name(struct model *m, size_t i, unsigned serial)
{
    struct model_batch *b = &m->batch[i];

    *b = (struct model_batch){.serial = serial};
    snprintf(b->name, sizeof b->name, "b%zu.%u", i, serial);
}

static struct model_batch *batch_of(struct model *m, const struct model_job *j)
{
    struct model_batch *b = j->batch ? &m->batch[j->batch - 1] : NULL;

    return b && b->serial == j->batch_serial ? b : NULL;
}

static int64_t pending_of(const struct model *m, const struct model_batch *b)
{
    int64_t pending = 0;

    for (size_t i = 0; i < MODEL_JOBS; i++)
        pending += m->job[i].pending && m->job[i].batch == (size_t)(b - m->batch) + 1;
    return pending;
}

static void complete(struct model *m, struct model_batch *b, int64_t now_ms)
{
    if (!b->closed || b->completed_ms || pending_of(m, b) > 0) return;
    b->completed_ms = now_ms;
    m->completed += b->job[0] != '\0';
    if (b->job[0]) model_make(m, b->job, "report");
}

void model_batch_join(struct model *m, struct model_job *j, int64_t now_ms)
{
    struct model_batch *b = &m->batch[j->batch - 1];

    if (!b->there) b->opened_ms = now_ms;
    b->there = j->pending = true;
    b->total++;
    j->batch_serial = b->serial;
}

void model_batch_left(struct model *m, struct model_job *j, enum where how, int64_t now_ms)
{
    struct model_batch *b = batch_of(m, j);

    if (!j->pending) return;
    j->pending = false;
    b->ends[how]++;
    complete(m, b, now_ms);
}

void model_batch_again(struct model *m, struct model_job *j)
{
    struct model_batch *b = batch_of(m, j);

    if (!b || !b->there || b->completed_ms) return;
    b->ends[j->where]--;
    j->pending = true;
}

void model_batch_close(struct model *m, struct model_batch *b, int64_t now_ms)
{
    b->closed = true;
    complete(m, b, now_ms);
}

/* Its place is for one of the next name, for members that it had are none of that. */
void model_batch_sweep(struct model *m, int64_t now_ms)
{
    for (size_t i = 0; i < MODEL_BATCHES; i++)
        if (m->batch[i].completed_ms && m->batch[i].completed_ms + KEPT_MS <= now_ms)
            model_batch_name(m, i, m->batch[i].serial + 1);
}

void model_check_batches(struct model *m, struct rig *rig)
{
    for (size_t i = 0; i < MODEL_BATCHES; i++) {
        const struct model_batch *b = &m->batch[i];
        struct batch_view view = {0};
        struct error why;
        batch_show_build(&rig->request, rig_key(rig), span_of(b->name));
        redisReply *r = rig_ask(rig);
        bool there = !batch_show_read(r, span_of(b->name), &view, &why);
        const int64_t found[] = {there,
                                 (int64_t)view.total,
                                 (int64_t)view.done,
                                 (int64_t)view.dead,
                                 (int64_t)view.cancelled,
                                 (int64_t)view.deleted,
                                 (int64_t)view.pending,
                                 view.closed_ms > 0,
                                 view.completed_ms,
                                 view.opened_ms};
        const int64_t expected[] = {b->there,
                                    b->total,
                                    b->ends[W_DONE],
                                    b->ends[W_DEAD],
                                    b->ends[W_CANCELLED],
                                    b->ends[W_DELETED],
                                    pending_of(m, b),
                                    b->closed,
                                    b->completed_ms,
                                    b->opened_ms};
        for (size_t k = 0; k < countof(found); k++)
            if (found[k] != expected[k])
                fail_msg("batch %s, number %zu: %lld, expected %lld", b->name, k,
                         (long long)found[k], (long long)expected[k]);
        freeReplyObject(r);
    }
}
