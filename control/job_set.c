#include "control/job_set.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/enqueuer.h"
#include "control/new_job.h"
#include "control/submitter.h"
#include "queue/key.h"

/* Jobs that stand together and are of one queue. */
struct job_set_part {
    struct submission submission;
    struct job_set *whole;
};

void job_set_check(struct job_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct error wrong = {0};
        s->ret[i] = (struct pinion_enqueued){.err = new_job_check(&s->jobs[i], &wrong)};
        if (s->ret[i].err && !s->why.code) s->why = wrong;
    }
}

static void note(struct job_set *s, const struct enqueue_item *item)
{
    if (s->why.code || !item->err) return;
    if (item->err == PINION_UNAVAILABLE)
        error_set(&s->why, item->err, "Redis gave no answer: whether the jobs were made is not "
                                      "known");
    else if (item->refusal)
        error_set(&s->why, item->err, "queue %s: %s", job_queue(item->job), item->refusal);
    else
        enqueue_why(item, &s->why);
}

static void on_submitted(struct submission *submission)
{
    struct job_set *s = container_of(submission, struct job_set_part, submission)->whole;

    for (size_t i = 0; i < submission->count; i++) {
        const struct enqueue_item *item = &submission->items[i];
        enqueued_tell(&s->ret[s->at[item - s->items]], item, PINION_OK);
        note(s, item);
        s->unknown = s->unknown || item->err == PINION_UNAVAILABLE;
    }
    if (--s->unanswered == 0) s->done(s);
}

static size_t count_parts(const struct job_set *s, size_t *ret_items)
{
    const struct pinion_job *last = NULL;
    size_t items = 0, parts = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->ret[i].err) continue;
        parts += !last || strcmp(job_queue(last), job_queue(&s->jobs[i])) != 0;
        last = &s->jobs[i];
        items++;
    }
    *ret_items = items;
    return parts;
}

static void cut_parts(struct job_set *s)
{
    struct submission *last = NULL;
    size_t items = 0, parts = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (s->ret[i].err) continue;
        s->items[items] = (struct enqueue_item){.job = &s->jobs[i]};
        s->at[items] = i;
        if (!last || strcmp(job_queue(last->items[0].job), job_queue(&s->jobs[i])) != 0) {
            last = &s->parts[parts].submission;
            *last = (struct submission){.items = &s->items[items], .done = on_submitted};
            list_init(&last->node);
            s->parts[parts++].whole = s;
        }
        last->count++;
        items++;
    }
}

bool job_set_submit(struct job_set *s, struct submitter *submitter)
{
    size_t items, parts = count_parts(s, &items);

    if (!parts) return false;
    s->parts = xmalloc(parts * sizeof *s->parts);
    s->items = xmalloc(items * sizeof *s->items);
    s->at = xmalloc(items * sizeof *s->at);
    s->unanswered = parts;
    cut_parts(s);
    for (size_t i = 0; i < parts; i++) submitter_submit(submitter, &s->parts[i].submission);
    return true;
}

void job_set_deinit(struct job_set *s)
{
    free(s->parts);
    free(s->items);
    free(s->at);
    s->parts = NULL;
    s->items = NULL;
    s->at = NULL;
}
