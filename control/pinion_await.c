/* control/pinion_await.c — times, descriptors and threads that coroutines wait for: each a struct
 * on the coroutine's own stack, begun and ended on that of the loop. */
#include "control/pinion_shared.h"

#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "control/service.h"
#include "scheduler/ticker.h"
#include "workers/attempt.h"
#include "workers/coroutine.h"
#include "workers/pool.h"
#include "workers/thread.h"

struct service *await_service(const struct await *w)
{
    return ((const struct adapter *)await_ctx(w))->service;
}

static struct ticker *ticker_of(const struct await *w)
{
    return service_ticker(await_service(w));
}

void pinion_await_drop(struct pinion_attempt *a)
{
    coroutine_drop((struct attempt *)a);
}

const char *pinion_await_why(const struct pinion_attempt *a)
{
    return coroutine_why((const struct attempt *)a);
}

/* ---- a time ---------------------------------------------------------------------------------- */

struct await_ms {
    struct await await;
    struct alarm alarm;
    uint64_t ms;
};

static void on_time(struct alarm *alarm)
{
    await_end(&container_of(alarm, struct await_ms, alarm)->await, PINION_OK, NULL);
}

static void begin_ms(struct await *w)
{
    struct await_ms *m = container_of(w, struct await_ms, await);

    alarm_init(&m->alarm, on_time);
    ticker_set_in(ticker_of(w), &m->alarm, m->ms < DURATION_MS_MAX ? m->ms : DURATION_MS_MAX);
}

static void stop_ms(struct await *w)
{
    ticker_cancel(ticker_of(w), &container_of(w, struct await_ms, await)->alarm);
    await_end(w, PINION_STALE, NULL);
}

enum pinion_err pinion_await_ms(struct pinion_attempt *a, uint64_t ms)
{
    struct await_ms m = {.await = {begin_ms, stop_ms, NULL, PINION_OK, false}, .ms = ms};

    return coroutine_await((struct attempt *)a, &m.await);
}

/* ---- a descriptor ---------------------------------------------------------------------------- */

struct await_fd {
    struct await await;
    struct ev_io io;
    struct alarm over;
    int fd, events;
    uint64_t timeout_ms;
};

static void end_fd(struct await_fd *f, enum pinion_err err, const struct error *why)
{
    ticker_cancel(ticker_of(&f->await), &f->over);
    ev_io_stop(service_loop(await_service(&f->await)), &f->io);
    await_end(&f->await, err, why);
}

static void on_fd(struct ev_loop *loop, ev_io *io, int events)
{
    struct await_fd *f = container_of(io, struct await_fd, io);
    struct error why;

    (void)loop;
    if (events & EV_ERROR)
        end_fd(f, error_set(&why, PINION_INVALID, "descriptor %d was closed meanwhile", f->fd),
               &why);
    else
        end_fd(f, PINION_OK, NULL);
}

static void on_fd_over(struct alarm *alarm)
{
    struct await_fd *f = container_of(alarm, struct await_fd, over);
    char text[DURATION_TEXT_MAX];
    struct error why;

    error_set(&why, PINION_BUSY, "nothing came of descriptor %d for %s", f->fd,
              duration_format(f->timeout_ms, text));
    end_fd(f, PINION_BUSY, &why);
}

static void begin_fd(struct await *w)
{
    struct await_fd *f = container_of(w, struct await_fd, await);
    const int known = PINION_READABLE | PINION_WRITABLE;
    struct error why;

    alarm_init(&f->over, on_fd_over);
    if (fcntl(f->fd, F_GETFD) < 0 || !f->events || (f->events & ~known)) {
        error_set(&why, PINION_INVALID,
                  "expected an open descriptor and PINION_READABLE or PINION_WRITABLE, not %d and "
                  "%d",
                  f->fd, f->events);
        await_end(w, PINION_INVALID, &why);
        return;
    }
    ev_io_init(&f->io, on_fd, f->fd,
               (f->events & PINION_READABLE ? EV_READ : 0) |
                   (f->events & PINION_WRITABLE ? EV_WRITE : 0));
    ev_io_start(service_loop(await_service(w)), &f->io);
    if (f->timeout_ms)
        ticker_set_in(ticker_of(w), &f->over,
                      f->timeout_ms < DURATION_MS_MAX ? f->timeout_ms : DURATION_MS_MAX);
}

static void stop_fd(struct await *w)
{
    end_fd(container_of(w, struct await_fd, await), PINION_STALE, NULL);
}

enum pinion_err pinion_await_fd(struct pinion_attempt *a, int fd, int events, uint64_t timeout_ms)
{
    struct await_fd f = {
        .await = {begin_fd, stop_fd, NULL, PINION_OK, false},
        .fd = fd,
        .events = events,
        .timeout_ms = timeout_ms,
    };

    return coroutine_await((struct attempt *)a, &f.await);
}

/* ---- work on a thread ------------------------------------------------------------------------ */

struct await_thread {
    struct await await;
    struct pool_task task;
    pinion_work_fn *work, *stop;
    void *ctx;
    bool stopped;
};

static struct pool *pool_of(const struct await *w)
{
    return threads_pool(service_threads(await_service(w)));
}

static void run_work(struct pool_task *task)
{
    struct await_thread *t = container_of(task, struct await_thread, task);

    t->work(t->ctx);
}

static void on_returned(struct pool_task *task)
{
    struct await_thread *t = container_of(task, struct await_thread, task);

    await_end(&t->await, t->stopped ? PINION_STALE : PINION_OK, NULL);
}

/* The service is gone, and so is the coroutine: its stack stays, with the task on it. */
static void drop_work(struct pool_task *task)
{
    (void)task;
}

static void begin_thread(struct await *w)
{
    struct await_thread *t = container_of(w, struct await_thread, await);
    struct error why;

    if (!t->work) {
        await_end(w, error_set(&why, PINION_INVALID, "expected work for a thread"), &why);
        return;
    }
    t->task = (struct pool_task){.run = run_work, .done = on_returned, .drop = drop_work};
    pool_put(pool_of(w), &t->task);
}

static void stop_thread(struct await *w)
{
    struct await_thread *t = container_of(w, struct await_thread, await);

    if (t->stopped) return;
    t->stopped = true;
    if (pool_take_back(pool_of(w), &t->task)) await_end(w, PINION_STALE, NULL);
    else if (t->stop) t->stop(t->ctx);
}

enum pinion_err pinion_await_thread(struct pinion_attempt *a, pinion_work_fn *work,
                                    pinion_work_fn *stop, void *ctx)
{
    struct await_thread t = {
        .await = {begin_thread, stop_thread, NULL, PINION_OK, false},
        .work = work,
        .stop = stop,
        .ctx = ctx,
    };

    return coroutine_await((struct attempt *)a, &t.await);
}
