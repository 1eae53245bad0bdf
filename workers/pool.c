/* How many threads: a look at what waits, each LOOK_MS while something does. If what began since
 * the last look would not empty the queue within DRAIN_MS, the threads are doubled, up to one for
 * each task that waits. New threads make each other, in a chain, so that a thousand of them cost
 * the loop one. Work that is quick is done by some threads, one task after the other.
 *
 * Who is woken: one thread by the loop, and the next by that thread if more waits, but never two at
 * a time. Else a batch of five hundred tasks that take a microsecond would wake as many threads.
 */
#include "workers/pool.h"

#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "scheduler/ticker.h"

#define THREADS_AT_ONCE 2   /* are made as soon as something waits */
#define LOOK_MS         2
#define DRAIN_MS        20
#define FRESH_MAX       64  /* tasks that wait for the end of the turn */
#define END_WAIT_MS     2000 /* for threads without work, to be gone */

struct pool {
    struct ev_loop *loop;
    struct ticker *ticker;
    ev_async wake;
    ev_prepare turn;
    struct alarm look;
    struct list fresh; /* the loop's: not yet handed over */
    unsigned fresh_count;
    bool refused;      /* the system gave us no thread, and that was told */

    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t work, gone;
    struct list waiting, returned;
    struct list words, telling; /* telling: of this turn of the loop */
    unsigned waits;   /* tasks that wait, */
    unsigned begun;   /* and that began since the last look */
    unsigned threads, idle, running; /* running: in a task's `run` */
    unsigned wanted;  /* threads that the next ones shall make */
    bool waking;      /* a thread was woken, or made, and did not come yet */
    bool closed;      /* the loop's side is gone, */
    bool left;        /* and waits no more: the last thread frees it */
};

static void pool_destroy(struct pool *p)
{
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->gone);
    free(p);
}

/* ---- a thread -------------------------------------------------------------------------------- */

static void *thread_main(void *arg);

/* With all signals blocked, which it inherits. */
static int make_thread(struct pool *p)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, before;
    int error = pthread_attr_init(&attr);

    if (error) return error;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, POOL_STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attr, thread_main, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return error;
}

/* With the lock held, which is let go meanwhile. The system may refuse: then the next look tries
 * again, and tasks wait for the threads that there are. */
static int add_thread(struct pool *p)
{
    int error = EAGAIN;

    if (p->threads >= POOL_THREADS_MAX) return error;
    p->threads++;
    p->waking = true;
    pthread_mutex_unlock(&p->lock);
    error = make_thread(p);
    pthread_mutex_lock(&p->lock);
    if (!error) return 0;
    p->threads--;
    p->waking = false;
    p->wanted = 0;
    return error;
}

/* The next thread for the rest, if nobody is on the way to it. */
static void pass_on(struct pool *p)
{
    if (p->waits == 0 || p->waking) return;
    if (p->idle > 0) {
        p->waking = true;
        pthread_cond_signal(&p->work);
    } else if (p->wanted > 0 || p->threads < THREADS_AT_ONCE) {
        if (p->wanted > 0) p->wanted--;
        (void)add_thread(p); /* a refusal is told by the loop, at its next look */
    }
}

static struct timespec in_ms(uint64_t ms)
{
    uint64_t at_us = clock_mono_us() + ms * 1000;

    return (struct timespec){(time_t)(at_us / 1000000), (long)(at_us % 1000000) * 1000};
}

/* Waits for something to do; false: there was nothing for long, and it may end. */
static bool sleep_for_work(struct pool *p)
{
    struct timespec until = in_ms(POOL_IDLE_MS);
    int error = 0;

    p->idle++;
    while (p->waits == 0 && !p->closed && error == 0) {
        error = pthread_cond_timedwait(&p->work, &p->lock, &until);
        p->waking = false; /* also if others have done it all meanwhile */
    }
    p->idle--;
    return p->waits > 0;
}

static void run_one(struct pool *p)
{
    struct pool_task *task = container_of(list_pop(&p->waiting), struct pool_task, node);

    p->waits--;
    p->begun++;
    p->running++;
    task->at = TASK_RUNS;
    pass_on(p);
    pthread_mutex_unlock(&p->lock);
    task->run(task);
    pthread_mutex_lock(&p->lock);
    p->running--;
    if (p->closed) {
        pthread_mutex_unlock(&p->lock);
        task->drop(task);
        pthread_mutex_lock(&p->lock);
        return;
    }
    task->at = TASK_RETURNED;
    if (list_empty(&p->returned)) ev_async_send(p->loop, &p->wake);
    list_push(&p->returned, &task->node);
}

static void *thread_main(void *arg)
{
    struct pool *p = arg;
    bool last;

    pthread_setname_np(pthread_self(), "pinion-thread");
    pthread_mutex_lock(&p->lock);
    p->waking = false;
    do
        while (p->waits > 0) run_one(p);
    while (!p->closed && sleep_for_work(p));
    p->threads--;
    last = p->left && p->threads == 0;
    if (p->closed) pthread_cond_signal(&p->gone);
    pthread_mutex_unlock(&p->lock);
    if (last) pool_destroy(p);
    return NULL;
}

/* ---- the loop's side ------------------------------------------------------------------------- */

static void tell_refusal(struct pool *p, int error)
{
    if (error && !p->refused)
        log_warn("no_more_threads", LOG_INT("threads", p->threads),
                 LOG_TEXT("error", strerror(error)));
    p->refused = error != 0;
}

/* Hands over what came in this turn. */
static void flush(struct pool *p)
{
    int error = 0;

    if (p->fresh_count == 0) return;
    list_for_each(node, &p->fresh) container_of(node, struct pool_task, node)->at = TASK_WAITS;
    pthread_mutex_lock(&p->lock);
    list_take(&p->waiting, &p->fresh);
    p->waits += p->fresh_count;
    p->fresh_count = 0;
    if (!p->waking && p->idle > 0) pass_on(p);
    else if (!p->waking && p->threads < THREADS_AT_ONCE) error = add_thread(p);
    pthread_mutex_unlock(&p->lock);
    if (error) tell_refusal(p, error);
    if (!alarm_pending(&p->look)) ticker_set_in(p->ticker, &p->look, LOOK_MS);
}

static void on_turn(struct ev_loop *loop, ev_prepare *turn, int events)
{
    (void)loop, (void)events;
    flush(container_of(turn, struct pool, turn));
}

/* How many more threads would be good; with the lock held. */
static unsigned lacking(const struct pool *p)
{
    unsigned more = p->threads ? p->threads : 1;

    if (p->idle > 0 || (uint64_t)p->begun * (DRAIN_MS / LOOK_MS) >= p->waits) return 0;
    if (more > p->waits) more = p->waits;
    if (more > POOL_THREADS_MAX - p->threads) more = POOL_THREADS_MAX - p->threads;
    return more;
}

static void on_look(struct alarm *alarm)
{
    struct pool *p = container_of(alarm, struct pool, look);
    int error = 0;

    pthread_mutex_lock(&p->lock);
    p->wanted = lacking(p);
    p->begun = 0;
    if (p->wanted > 0 && !p->waking) {
        p->wanted--;
        error = add_thread(p);
    }
    bool again = p->waits > 0;
    pthread_mutex_unlock(&p->lock);
    tell_refusal(p, error);
    if (again) ticker_set_in(p->ticker, &p->look, LOOK_MS);
}

static struct pool_task *next_word(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct list *node = list_pop(&p->telling);
    pthread_mutex_unlock(&p->lock);
    return node ? container_of(node, struct pool_task, word) : NULL;
}

/* Both are taken at once, so each has told all before it is done. */
static void on_wake(struct ev_loop *loop, ev_async *wake, int events)
{
    struct pool *p = container_of(wake, struct pool, wake);
    struct list returned;

    (void)loop, (void)events;
    list_init(&returned);
    pthread_mutex_lock(&p->lock);
    list_take(&returned, &p->returned);
    list_take(&p->telling, &p->words);
    pthread_mutex_unlock(&p->lock);
    for (struct pool_task *task; (task = next_word(p));) task->told(task);
    for (struct list *node; (node = list_pop(&returned));) {
        struct pool_task *task = container_of(node, struct pool_task, node);
        task->done(task);
    }
}

struct pool *pool_new(struct ev_loop *loop, struct ticker *ticker)
{
    struct pool *p = xcalloc(1, sizeof *p);
    pthread_condattr_t monotonic;

    p->loop = loop;
    p->ticker = ticker;
    list_init(&p->fresh);
    list_init(&p->waiting);
    list_init(&p->returned);
    list_init(&p->words);
    list_init(&p->telling);
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&p->work, &monotonic);
    pthread_cond_init(&p->gone, &monotonic);
    pthread_condattr_destroy(&monotonic);
    alarm_init(&p->look, on_look);
    ev_async_init(&p->wake, on_wake);
    ev_async_start(loop, &p->wake);
    ev_unref(loop);
    ev_prepare_init(&p->turn, on_turn);
    ev_prepare_start(loop, &p->turn);
    ev_unref(loop);
    return p;
}

static void drop_all(struct list *tasks)
{
    for (struct list *node; (node = list_pop(tasks));) {
        struct pool_task *task = container_of(node, struct pool_task, node);
        task->drop(task);
    }
}

/* With the lock held. */
static void wait_for_idle_threads(struct pool *p)
{
    struct timespec until = in_ms(END_WAIT_MS);
    int error = 0;

    while (p->threads > p->running && error == 0)
        error = pthread_cond_timedwait(&p->gone, &p->lock, &until);
}

void pool_free(struct pool *p)
{
    bool last;

    if (!p) return;
    ticker_cancel(p->ticker, &p->look);
    ev_ref(p->loop);
    ev_async_stop(p->loop, &p->wake);
    ev_ref(p->loop);
    ev_prepare_stop(p->loop, &p->turn);
    drop_all(&p->fresh);
    pthread_mutex_lock(&p->lock);
    p->closed = true;
    p->waits = 0;
    p->wanted = 0;
    while (list_pop(&p->words)) continue;
    drop_all(&p->waiting);
    drop_all(&p->returned);
    pthread_cond_broadcast(&p->work);
    wait_for_idle_threads(p);
    if (p->threads > 0) log_warn("threads_left", LOG_INT("threads", p->threads));
    p->left = true;
    last = p->threads == 0;
    pthread_mutex_unlock(&p->lock);
    if (last) pool_destroy(p);
}

/* ---- tasks ----------------------------------------------------------------------------------- */

void pool_put(struct pool *p, struct pool_task *task)
{
    task->at = TASK_FRESH;
    list_init(&task->node);
    list_init(&task->word);
    list_push(&p->fresh, &task->node);
    if (++p->fresh_count >= FRESH_MAX) flush(p);
}

bool pool_take_back(struct pool *p, struct pool_task *task)
{
    bool waits;

    pthread_mutex_lock(&p->lock);
    waits = task->at == TASK_WAITS;
    bool taken = waits || task->at == TASK_FRESH;
    if (taken) list_remove(&task->node);
    if (waits) p->waits--;
    pthread_mutex_unlock(&p->lock);
    if (taken && !waits) p->fresh_count--;
    return taken;
}

void pool_tell(struct pool *p, struct pool_task *task)
{
    pthread_mutex_lock(&p->lock);
    if (!p->closed && list_empty(&task->word)) {
        if (list_empty(&p->words)) ev_async_send(p->loop, &p->wake);
        list_push(&p->words, &task->word);
    }
    pthread_mutex_unlock(&p->lock);
}

unsigned pool_threads(struct pool *p)
{
    unsigned threads = 0;

    if (!p) return 0;
    pthread_mutex_lock(&p->lock);
    threads = p->threads;
    pthread_mutex_unlock(&p->lock);
    return threads;
}
