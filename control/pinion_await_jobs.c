/* control/pinion_await_jobs.c — jobs that coroutines make, and wait for.
 *
 *      a job:  LOOK ──it has ended──► end        event ──► LOOK        over ──► LAST LOOK ──► end
 */
#include "control/pinion_shared.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/enqueuer.h"
#include "control/new_job.h"
#include "control/results.h"
#include "control/service.h"
#include "control/submitter.h"
#include "queue/key.h"
#include "queue/link.h"
#include "queue/look.h"
#include "scheduler/ticker.h"
#include "workers/coroutine.h"

/* ---- to make some ---------------------------------------------------------------------------- */

struct await_enqueue;

/* Jobs that stand together and are of one queue. */
struct share {
    struct submission submission;
    struct await_enqueue *whole;
};

struct await_enqueue {
    struct await await;
    const struct pinion_job *jobs;
    size_t count, unanswered; /* unanswered: shares on their way */
    struct pinion_enqueued *ret;
    struct enqueue_item *items; /* those that are right, share by share, */
    size_t *at;                 /* and which job each is */
    struct share *shares;       /* as many as there are items, at most */
    struct error why;           /* of the first job with an error */
    bool unknown;
};

static void end_enqueue(struct await_enqueue *e)
{
    free(e->items);
    free(e->at);
    free(e->shares);
    await_end(&e->await, e->unknown ? PINION_UNAVAILABLE : PINION_OK, &e->why);
}

static void note(struct await_enqueue *e, const struct enqueue_item *item)
{
    if (e->why.code || !item->err) return;
    if (item->err == PINION_UNAVAILABLE)
        error_set(&e->why, item->err, "Redis gave no answer: whether the jobs were made is not "
                                      "known");
    else if (item->refusal)
        error_set(&e->why, item->err, "queue %s: %s", job_queue(item->job), item->refusal);
    else
        enqueue_why(item, &e->why);
}

static void on_submitted(struct submission *submission)
{
    struct await_enqueue *e = container_of(submission, struct share, submission)->whole;

    for (size_t i = 0; i < submission->count; i++) {
        const struct enqueue_item *item = &submission->items[i];
        enqueued_tell(&e->ret[e->at[item - e->items]], item, PINION_OK);
        note(e, item);
        e->unknown = e->unknown || item->err == PINION_UNAVAILABLE;
    }
    if (--e->unanswered == 0) end_enqueue(e);
}

/* Those that are wrong never reach Redis, and fail no other. */
static size_t take_right_ones(struct await_enqueue *e)
{
    size_t count = 0;

    for (size_t i = 0; i < e->count; i++) {
        struct error wrong = {0};
        e->ret[i] = (struct pinion_enqueued){.err = new_job_check(&e->jobs[i], &wrong)};
        if (e->ret[i].err && !e->why.code) e->why = wrong;
        if (e->ret[i].err) continue;
        e->items[count] = (struct enqueue_item){.job = &e->jobs[i]};
        e->at[count++] = i;
    }
    return count;
}

static size_t cut_shares(struct await_enqueue *e, size_t items)
{
    size_t count = 0;

    for (size_t i = 0; i < items; i++) {
        struct submission *last = count ? &e->shares[count - 1].submission : NULL;
        if (!last || strcmp(job_queue(last->items[0].job), job_queue(e->items[i].job)) != 0) {
            last = &e->shares[count].submission;
            *last = (struct submission){.items = &e->items[i], .done = on_submitted};
            list_init(&last->node);
            e->shares[count++].whole = e;
        }
        last->count++;
    }
    return count;
}

static void begin_enqueue(struct await *w)
{
    struct await_enqueue *e = container_of(w, struct await_enqueue, await);
    size_t items;

    e->items = xcalloc(e->count + 1, sizeof *e->items);
    e->at = xcalloc(e->count + 1, sizeof *e->at);
    e->shares = xcalloc(e->count + 1, sizeof *e->shares);
    items = take_right_ones(e);
    e->unanswered = cut_shares(e, items);
    if (!e->unanswered) {
        end_enqueue(e);
        return;
    }
    for (size_t i = 0, count = e->unanswered; i < count; i++)
        submitter_submit(service_submitter(await_service(w)), &e->shares[i].submission);
}

enum pinion_err pinion_await_enqueue(struct pinion_attempt *a, const struct pinion_job *jobs,
                                     size_t count, struct pinion_enqueued *ret)
{
    struct await_enqueue e = {
        .await = {.begin = begin_enqueue},
        .jobs = jobs,
        .count = count,
        .ret = ret,
    };

    return coroutine_await((struct attempt *)a, &e.await);
}

/* ---- the end of one -------------------------------------------------------------------------- */

struct await_job {
    struct await await;
    struct call call;
    struct result_wait wait;
    struct alarm over;
    const char *id;
    uint64_t timeout_ms;
    struct pinion_outcome *ret_outcome;
    struct queue_key key;
    struct span local;
    bool looking; /* the call is on its way */
    bool again;   /* something was told meanwhile: look once more */
    bool last;    /* its time is over: end, whatever is found */
    bool stopped;
};

static struct results *results_of(const struct await_job *j)
{
    return service_results(await_service(&j->await));
}

static void end_job(struct await_job *j, enum pinion_err err, const struct error *why)
{
    results_leave(results_of(j), &j->wait);
    ticker_cancel(service_ticker(await_service(&j->await)), &j->over);
    request_deinit(&j->call.request);
    await_end(&j->await, err, why);
}

static const char *keep_text(struct await_job *j, const char *text)
{
    char *copy = xstrdup(text);

    if (copy) await_keep(&j->await, copy);
    return copy;
}

/* NULL: it has not ended. */
static const char *end_state(const struct job_view *v)
{
    static const char *const ends[] = {"done", "dead", "cancelled"};

    for (size_t i = 0; i < countof(ends); i++)
        if (span_is(v->state, ends[i])) return ends[i];
    return NULL;
}

static void tell_end(struct await_job *j, const struct job_view *v)
{
    struct pinion_outcome outcome = {
        .state = end_state(v),
        .error = keep_text(j, v->error),
        .reason = keep_text(j, v->why),
    };

    if (v->result.data) {
        char *result = xmemdup(v->result.data, v->result.len);
        await_keep(&j->await, result);
        outcome.result = result;
        outcome.result_len = v->result.len;
    }
    *j->ret_outcome = outcome;
}

static void look(struct await_job *);

/* It has not ended, or nobody knows: waits on, or ends. */
static void go_on(struct await_job *j, enum pinion_err err, const char *state)
{
    char text[DURATION_TEXT_MAX];
    struct error why;

    if (j->again) {
        look(j);
        return;
    }
    if (!j->last) return;
    if (err)
        error_set(&why, err, "Redis gave no answer: whether job %s has ended is not known", j->id);
    else
        error_set(&why, PINION_BUSY, "job %s is still %s after %s", j->id, state,
                  duration_format(j->timeout_ms, text));
    end_job(j, why.code, &why);
}

static void on_look(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct await_job *j = container_of(call, struct await_job, call);
    struct job_view view = {0};
    struct error why;
    char state[16];

    j->looking = false;
    if (!err) err = show_read(reply, j->local, &view);
    if (!err && end_state(&view) && !j->stopped) tell_end(j, &view);
    bool ended = !err && end_state(&view);
    snprintf(state, sizeof state, "%.*s", (int)view.state.len, view.state.len ? view.state.data
                                                                              : "");
    job_view_deinit(&view);
    if (j->stopped)
        end_job(j, PINION_STALE, NULL);
    else if (ended)
        end_job(j, PINION_OK, NULL);
    else if (!err || err == PINION_UNAVAILABLE) /* then all look when it is back */
        go_on(j, err, state);
    else if (err == PINION_NOT_FOUND)
        end_job(j, error_set(&why, err, "job %s: not found; it may have ended and not been kept "
                                        "(retain_ms)",
                             j->id), &why);
    else
        end_job(j, err, NULL);
}

static void look(struct await_job *j)
{
    j->again = j->looking;
    if (j->looking) return;
    j->looking = true;
    show_build(&j->call.request, queue_key_span(&j->key), j->local);
    link_send(service_link(await_service(&j->await)), &j->call, on_look);
}

static void on_told(struct result_wait *wait, bool stop)
{
    struct await_job *j = container_of(wait, struct await_job, wait);

    if (stop) results_leave(results_of(j), wait);
    j->last = j->last || stop;
    look(j);
}

static void on_over(struct alarm *alarm)
{
    struct await_job *j = container_of(alarm, struct await_job, over);

    j->last = true;
    look(j);
}

static void begin_job(struct await *w)
{
    struct await_job *j = container_of(w, struct await_job, await);
    struct service *s = await_service(w);
    struct span queue;
    struct error why;

    alarm_init(&j->over, on_over);
    list_init(&j->wait.node);
    j->call.request = REQUEST_INIT;
    j->wait.look = on_told;
    if (id_split(span_of(j->id), NULL, &queue, &j->local, &why)) {
        end_job(j, PINION_INVALID, &why);
        return;
    }
    j->wait.local = j->local;
    j->key = queue_key(service_config(s)->name_space, queue);
    if (results_wait(results_of(j), queue, &j->wait)) {
        error_set(&why, PINION_BUSY, "%d wait for jobs already", RESULT_WAITS_MAX);
        end_job(j, PINION_BUSY, &why);
        return;
    }
    if (j->timeout_ms)
        ticker_set_in(service_ticker(s), &j->over,
                      j->timeout_ms < DURATION_MS_MAX ? j->timeout_ms : DURATION_MS_MAX);
    look(j);
}

static void stop_job(struct await *w)
{
    struct await_job *j = container_of(w, struct await_job, await);

    j->stopped = true;
    if (!j->looking) end_job(j, PINION_STALE, NULL);
}

enum pinion_err pinion_await_job(struct pinion_attempt *a, const char *id, uint64_t timeout_ms,
                                 struct pinion_outcome *ret_outcome)
{
    struct await_job j = {
        .await = {.begin = begin_job, .stop = stop_job},
        .id = id,
        .timeout_ms = timeout_ms,
        .ret_outcome = ret_outcome,
    };

    return coroutine_await((struct attempt *)a, &j.await);
}
