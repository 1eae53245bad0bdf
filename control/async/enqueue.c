/* control/async/enqueue.c — jobs are copied, for the caller's are gone when the call has returned:
 * into one piece of memory, the structs first, then what they point to. */
#include "control/async/async.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/job_set.h"

struct async_enqueue {
    struct async_call call;
    struct job_set set;
    void *copies; /* owned */
    pinion_enqueued_fn *fn;
    void *ctx;
};

/* The fields that are texts. */
static const size_t texts[] = {
    offsetof(struct pinion_job, kind),        offsetof(struct pinion_job, queue),
    offsetof(struct pinion_job, id),          offsetof(struct pinion_job, backoff),
    offsetof(struct pinion_job, group),       offsetof(struct pinion_job, tags),
    offsetof(struct pinion_job, traceparent), offsetof(struct pinion_job, unique),
    offsetof(struct pinion_job, after),       offsetof(struct pinion_job, batch),
};

static const char *text_at(const struct pinion_job *j, size_t i)
{
    const char *text;

    memcpy(&text, (const char *)j + texts[i], sizeof text);
    return text;
}

static void set_text(struct pinion_job *j, size_t i, const char *text)
{
    memcpy((char *)j + texts[i], &text, sizeof text);
}

/* What the job before points to, too, is copied once. */
static bool same_text(const struct pinion_job *j, const struct pinion_job *before, size_t i)
{
    return before && text_at(before, i) == text_at(j, i);
}

static bool same_payload(const struct pinion_job *j, const struct pinion_job *before)
{
    return before && before->payload == j->payload && before->payload_len == j->payload_len;
}

static size_t bytes_of(const struct pinion_job *j, const struct pinion_job *before)
{
    size_t bytes = same_payload(j, before) ? 0 : j->payload_len;

    for (size_t i = 0; i < countof(texts); i++)
        if (text_at(j, i) && !same_text(j, before, i)) bytes += strlen(text_at(j, i)) + 1;
    return bytes;
}

/* The job before whose copy may be shared: one that was copied. */
static const struct pinion_job *before_of(const struct job_set *s, size_t i)
{
    return i > 0 && !s->ret[i - 1].err ? &s->jobs[i - 1] : NULL;
}

static char *copy_job(struct pinion_job *to, const struct pinion_job *from,
                      const struct pinion_job *before, char *room)
{
    const struct pinion_job *to_before = before ? to - 1 : NULL;

    *to = *from;
    for (size_t i = 0; i < countof(texts); i++) {
        const char *text = text_at(from, i);
        if (!text) continue;
        if (same_text(from, before, i)) {
            set_text(to, i, text_at(to_before, i));
            continue;
        }
        size_t len = strlen(text) + 1;
        set_text(to, i, memcpy(room, text, len));
        room += len;
    }
    if (same_payload(from, before)) {
        to->payload = to_before->payload;
    } else if (from->payload_len) {
        to->payload = memcpy(room, from->payload, from->payload_len);
        room += from->payload_len;
    }
    return room;
}

static void on_made(struct job_set *set)
{
    struct async_enqueue *e = container_of(set, struct async_enqueue, set);

    if (set->unknown) e->call.why.code = PINION_UNAVAILABLE;
    async_end(&e->call);
}

static void begin(struct async_call *call)
{
    struct async_enqueue *e = container_of(call, struct async_enqueue, call);

    if (!job_set_submit(&e->set, call->client->submitter)) async_end_soon(call);
}

static void end(struct async_call *call)
{
    struct async_enqueue *e = container_of(call, struct async_enqueue, call);
    struct job_set *s = &e->set;
    bool tells = s->ret && (!call->why.code || call->why.code == PINION_UNAVAILABLE);
    const char *why = call->why.text[0] ? call->why.text : s->why.text;

    for (size_t i = 0; tells && call->why.text[0] && i < s->count; i++)
        if (!s->ret[i].err) s->ret[i].err = call->why.code; /* it was never sent */
    if (e->fn) e->fn(call->why.code, tells ? s->ret : NULL, s->count, why, e->ctx);
    job_set_deinit(s);
    free(s->ret);
    free(e->copies);
    free(e);
}

/* Those that are right, beside each other, and behind them what they point to. */
static void copy_jobs(struct job_set *s, void **ret_copies, size_t bytes)
{
    struct pinion_job *jobs = xmalloc(s->count * sizeof *jobs + bytes);
    char *room = (char *)(jobs + s->count);

    for (size_t i = 0; i < s->count; i++)
        if (!s->ret[i].err) room = copy_job(&jobs[i], &s->jobs[i], before_of(s, i), room);
    *ret_copies = jobs;
}

/* What is too much is refused before anything of it is copied. */
static void take(struct async_enqueue *e)
{
    struct job_set *s = &e->set;

    if (!async_admit(&e->call)) return;
    s->ret = xmalloc((s->count + 1) * sizeof *s->ret);
    job_set_check(s);
    for (size_t i = 0; i < s->count; i++)
        if (!s->ret[i].err) e->call.uses[ASYNC_BYTES] += bytes_of(&s->jobs[i], before_of(s, i));
    if (async_admit(&e->call)) {
        copy_jobs(s, &e->copies, e->call.uses[ASYNC_BYTES]);
        s->jobs = e->copies;
        return;
    }
    free(s->ret);
    s->ret = NULL;
}

void pinion_async_enqueue(struct pinion_async *c, const struct pinion_job *jobs, size_t count,
                          pinion_enqueued_fn *fn, void *ctx)
{
    struct async_enqueue *e = xmalloc(sizeof *e);

    *e = (struct async_enqueue){
        .call = {.client = c, .begin = begin, .end = end, .uses = {[ASYNC_JOBS] = count}},
        .set = {.jobs = jobs, .count = count, .done = on_made},
        .fn = fn,
        .ctx = ctx,
    };
    take(e);
    async_start(&e->call);
}
