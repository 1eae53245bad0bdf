#include "control/job_wait.h"

#include <stdio.h>
#include "base/time_text.h"
#include "queue/look.h"

const char *job_end_state(const struct job_view *v)
{
    static const char *const ends[] = {"done", "dead", "cancelled"};

    for (size_t i = 0; i < countof(ends); i++)
        if (span_is(v->state, ends[i])) return ends[i];
    return NULL;
}

static void end(struct job_wait *w, enum pinion_err err, const struct job_view *view,
                const struct error *why)
{
    results_leave(w->results, &w->told);
    ticker_cancel(w->ticker, &w->over);
    request_deinit(&w->call.request);
    w->ended(w, err, view, why);
}

static void look(struct job_wait *);

/* It has not ended, or nobody knows: waits on, or ends. */
static void go_on(struct job_wait *w, enum pinion_err err, const char *state)
{
    char text[DURATION_TEXT_MAX];
    struct error why;

    if (w->again) {
        look(w);
        return;
    }
    if (!w->last) return;
    if (err)
        error_set(&why, err, "Redis gave no answer: whether job %s has ended is not known", w->id);
    else
        error_set(&why, PINION_BUSY, "job %s is still %s after %s", w->id, state,
                  duration_format(w->timeout_ms, text));
    end(w, why.code, NULL, &why);
}

static void on_look(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct job_wait *w = container_of(call, struct job_wait, call);
    struct job_view view = {0};
    struct error why;
    char state[16];

    w->looking = false;
    if (!err) err = show_read(reply, w->local, &view);
    snprintf(state, sizeof state, "%.*s", (int)view.state.len, view.state.len ? view.state.data
                                                                              : "");
    if (w->stopped)
        end(w, PINION_STALE, NULL, NULL);
    else if (!err && job_end_state(&view))
        end(w, PINION_OK, &view, NULL);
    else if (!err || err == PINION_UNAVAILABLE) /* then all look when it is back */
        go_on(w, err, state);
    else if (err == PINION_NOT_FOUND)
        end(w, error_set(&why, err, "job %s: not found; it may have ended and not been kept "
                                    "(retain_ms)",
                         w->id), NULL, &why);
    else
        end(w, err, NULL, NULL);
    job_view_deinit(&view);
}

static void look(struct job_wait *w)
{
    w->again = w->looking;
    if (w->looking) return;
    w->looking = true;
    show_build(&w->call.request, queue_key_span(&w->key), w->local);
    link_send(w->link, &w->call, on_look);
}

static void on_told(struct result_wait *told, bool stop)
{
    struct job_wait *w = container_of(told, struct job_wait, told);

    if (stop) results_leave(w->results, told);
    w->last = w->last || stop;
    look(w);
}

static void on_over(struct alarm *alarm)
{
    struct job_wait *w = container_of(alarm, struct job_wait, over);

    w->last = true;
    look(w);
}

enum pinion_err job_wait_begin(struct job_wait *w, struct error *why)
{
    struct span queue;
    enum pinion_err err = id_split(span_of(w->id), NULL, &queue, &w->local, why);

    if (err) return err;
    alarm_init(&w->over, on_over);
    w->call.request = REQUEST_INIT;
    list_init(&w->told.node);
    w->told.look = on_told;
    w->told.local = w->local;
    w->key = queue_key(w->name_space, queue);
    if (results_wait(w->results, queue, &w->told))
        return error_set(why, PINION_BUSY, "%d wait for jobs already", RESULT_WAITS_MAX);
    if (w->timeout_ms)
        ticker_set_in(w->ticker, &w->over,
                      w->timeout_ms < DURATION_MS_MAX ? w->timeout_ms : DURATION_MS_MAX);
    look(w);
    return PINION_OK;
}

void job_wait_stop(struct job_wait *w)
{
    w->stopped = true;
    if (!w->looking) end(w, PINION_STALE, NULL, NULL);
}
