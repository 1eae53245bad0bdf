/* control/pinion_await_jobs.c — jobs that coroutines make, and wait for. */
#include "control/pinion_shared.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/config.h"
#include "control/job_set.h"
#include "control/job_wait.h"
#include "control/service.h"
#include "queue/look.h"
#include "workers/coroutine.h"

/* ---- to make some ---------------------------------------------------------------------------- */

struct await_enqueue {
    struct await await;
    struct job_set set;
};

static void end_enqueue(struct await_enqueue *e)
{
    job_set_deinit(&e->set);
    await_end(&e->await, e->set.unknown ? PINION_UNAVAILABLE : PINION_OK, &e->set.why);
}

static void on_made(struct job_set *set)
{
    end_enqueue(container_of(set, struct await_enqueue, set));
}

static void begin_enqueue(struct await *w)
{
    struct await_enqueue *e = container_of(w, struct await_enqueue, await);

    job_set_check(&e->set);
    if (!job_set_submit(&e->set, service_submitter(await_service(w)))) end_enqueue(e);
}

enum pinion_err pinion_await_enqueue(struct pinion_attempt *a, const struct pinion_job *jobs,
                                     size_t count, struct pinion_enqueued *ret)
{
    struct await_enqueue e = {
        .await = {.begin = begin_enqueue},
        .set = {.jobs = jobs, .count = count, .ret = ret, .done = on_made},
    };

    return coroutine_await((struct attempt *)a, &e.await);
}

/* ---- the end of one -------------------------------------------------------------------------- */

struct await_job {
    struct await await;
    struct job_wait wait;
    struct pinion_outcome *ret_outcome;
};

static const char *keep_text(struct await_job *j, const char *text)
{
    char *copy = xstrdup(text);

    if (copy) await_keep(&j->await, copy);
    return copy;
}

static void tell_end(struct await_job *j, const struct job_view *v)
{
    struct pinion_outcome outcome = {
        .state = job_end_state(v),
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

static void on_ended(struct job_wait *wait, enum pinion_err err, const struct job_view *view,
                     const struct error *why)
{
    struct await_job *j = container_of(wait, struct await_job, wait);

    if (!err) tell_end(j, view);
    await_end(&j->await, err, why);
}

static void begin_job(struct await *w)
{
    struct await_job *j = container_of(w, struct await_job, await);
    struct service *s = await_service(w);
    struct error why;
    enum pinion_err err;

    j->wait.link = service_link(s);
    j->wait.results = service_results(s);
    j->wait.ticker = service_ticker(s);
    j->wait.name_space = service_config(s)->name_space;
    err = job_wait_begin(&j->wait, &why);
    if (err) await_end(w, err, &why);
}

static void stop_job(struct await *w)
{
    job_wait_stop(&container_of(w, struct await_job, await)->wait);
}

enum pinion_err pinion_await_job(struct pinion_attempt *a, const char *id, uint64_t timeout_ms,
                                 struct pinion_outcome *ret_outcome)
{
    struct await_job j = {
        .await = {.begin = begin_job, .stop = stop_job},
        .wait = {.id = id, .timeout_ms = timeout_ms, .ended = on_ended},
        .ret_outcome = ret_outcome,
    };

    return coroutine_await((struct attempt *)a, &j.await);
}
