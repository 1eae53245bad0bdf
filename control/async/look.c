/* control/async/look.c — one job as it is, and the end of one. What is told lives as long as the
 * callback runs. */
#include "control/async/async.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/job_wait.h"
#include "control/shape.h"
#include "queue/key.h"
#include "queue/look.h"

#define TEXTS_MAX 8

/* Copies with a NUL behind them. */
struct texts {
    char *text[TEXTS_MAX];
    size_t count;
};

static const char *keep(struct texts *t, struct span s)
{
    if (!s.data) return NULL;
    return t->text[t->count++] = xmemdup(s.data, s.len);
}

static void drop(struct texts *t)
{
    while (t->count > 0) free(t->text[--t->count]);
}

static struct pinion_outcome outcome_of(const struct job_view *v, struct texts *t)
{
    return (struct pinion_outcome){
        .state = job_end_state(v),
        .result = keep(t, v->result),
        .result_len = v->result.len,
        .error = v->error,
        .reason = v->why,
    };
}

/* ---- show ------------------------------------------------------------------------------------ */

struct async_show {
    struct async_call call;
    struct call look;
    char *id;
    struct queue_key key;
    struct span queue, local; /* borrow from the id */
    const struct job_view *view; /* what was found; of the one that ends the call */
    pinion_shown_fn *fn;
    void *ctx;
};

static void tell_shown(const struct async_show *s)
{
    const struct job_view *v = s->view;
    struct texts texts = {.count = 0};
    struct pinion_outcome outcome = outcome_of(v, &texts);
    struct pinion_shown shown = {
        .id = s->id,
        .queue = keep(&texts, s->queue),
        .kind = keep(&texts, v->job.kind),
        .state = keep(&texts, v->state),
        .payload = keep(&texts, v->job.payload),
        .payload_len = v->job.payload.len,
        .attempt = shape_attempt(v),
        .attempts_max = v->job.attempts_max,
        .created_at_ms = v->job.created_ms,
        .run_at_ms = v->due_ms ? v->due_ms : v->job.run_at_ms,
        .started_at_ms = v->started_ms,
        .finished_at_ms = v->finished_ms,
        .progress_percent = v->progress.percent,
        .progress_note = keep(&texts, v->progress.note),
        .outcome = outcome,
    };

    s->fn(PINION_OK, &shown, "", s->ctx);
    drop(&texts);
}

static void end_show(struct async_call *call)
{
    struct async_show *s = container_of(call, struct async_show, call);

    if (s->fn && s->view) tell_shown(s);
    else if (s->fn) s->fn(call->why.code, NULL, call->why.text, s->ctx);
    request_deinit(&s->look.request);
    free(s->id);
    free(s);
}

static void on_shown(struct call *look, enum pinion_err err, const struct redisReply *reply)
{
    struct async_show *s = container_of(look, struct async_show, look);
    struct job_view view = {0};

    if (!err) err = show_read(reply, s->local, &view);
    if (err == PINION_NOT_FOUND)
        error_set(&s->call.why, err, "job %s: not found; it may have ended and not been kept "
                                     "(retain_ms)",
                  s->id);
    else if (err == PINION_UNAVAILABLE)
        error_set(&s->call.why, err, "Redis gave no answer");
    else if (err)
        async_failed(&s->call, err, NULL);
    else
        s->view = &view;
    async_end(&s->call);
    job_view_deinit(&view);
}

static void begin_show(struct async_call *call)
{
    struct async_show *s = container_of(call, struct async_show, call);

    s->key = queue_key(call->client->name_space, s->queue);
    show_build(&s->look.request, queue_key_span(&s->key), s->local);
    link_send(call->client->link, &s->look, on_shown);
}

void pinion_async_show(struct pinion_async *c, const char *id, pinion_shown_fn *fn, void *ctx)
{
    struct async_show *s = xmalloc(sizeof *s);

    *s = (struct async_show){
        .call = {.client = c, .begin = begin_show, .end = end_show, .uses = {[ASYNC_CALLS] = 1}},
        .look = {.request = REQUEST_INIT},
        .id = xstrdup(id),
        .fn = fn,
        .ctx = ctx,
    };
    s->call.why.code = id_split(span_of(s->id), NULL, &s->queue, &s->local, &s->call.why);
    async_start(&s->call);
}

/* ---- wait ------------------------------------------------------------------------------------ */

struct async_wait {
    struct async_call call;
    struct job_wait wait;
    char *id;
    const struct job_view *view; /* that it ended as */
    pinion_ended_fn *fn;
    void *ctx;
};

static void tell_ended(const struct async_wait *w)
{
    struct texts texts = {.count = 0};
    struct pinion_outcome outcome = outcome_of(w->view, &texts);

    w->fn(PINION_OK, &outcome, "", w->ctx);
    drop(&texts);
}

static void end_wait(struct async_call *call)
{
    struct async_wait *w = container_of(call, struct async_wait, call);

    if (w->fn && w->view) tell_ended(w);
    else if (w->fn) w->fn(call->why.code, NULL, call->why.text, w->ctx);
    free(w->id);
    free(w);
}

static void on_ended(struct job_wait *wait, enum pinion_err err, const struct job_view *view,
                     const struct error *why)
{
    struct async_wait *w = container_of(wait, struct async_wait, wait);

    w->view = view;
    async_failed(&w->call, err, why);
    async_end(&w->call);
}

static void begin_wait(struct async_call *call)
{
    struct async_wait *w = container_of(call, struct async_wait, call);

    w->wait.link = call->client->link;
    w->wait.results = call->client->results;
    w->wait.ticker = call->client->ticker;
    w->wait.name_space = call->client->name_space;
    if (job_wait_begin(&w->wait, &call->why)) async_end_soon(call);
}

void pinion_async_wait(struct pinion_async *c, const char *id, uint64_t timeout_ms,
                       pinion_ended_fn *fn, void *ctx)
{
    struct async_wait *w = xmalloc(sizeof *w);
    struct span queue, local;

    *w = (struct async_wait){
        .call = {.client = c, .begin = begin_wait, .end = end_wait, .uses = {[ASYNC_WAITS] = 1}},
        .id = xstrdup(id),
        .wait = {.timeout_ms = timeout_ms, .ended = on_ended},
        .fn = fn,
        .ctx = ctx,
    };
    w->wait.id = w->id;
    w->call.why.code = id_split(span_of(w->id), NULL, &queue, &local, &w->call.why);
    async_start(&w->call);
}
