/* One attempt, the loop's side and the thread's:
 *
 *      loop    put ─────────────────────────────► done: attempt_finish
 *      thread      └► run ─finish─ return ─┘
 *
 *      loop    put ── stop ── grace is over: attempt_finish ····· done: the slot is free again
 *      thread      └► run ──────────────────────────────── return ─┘
 *
 * A stuck thread may look at its attempt for as long as it likes, so that outlives its end.
 */
#include "workers/thread.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "queue/limits.h"
#include "scheduler/ticker.h"
#include "workers/consumer.h"
#include "workers/pool.h"
#include "workers/registry.h"

struct threads {
    struct ticker *ticker;
    struct pool *pool;
    unsigned stuck;
    struct list works; /* that the pool has */
};

struct thread {
    struct handler handler; /* first: freed as one */
    char *pattern;
    callback_fn *run, *stop;
    void *ctx;
    size_t ctx_bytes;
    uint64_t stop_grace_ms;
    struct threads *threads;
};

/* How far it is, as the thread told last. */
struct word {
    pthread_mutex_t lock;
    unsigned percent;
    size_t note_len;
    char note[PROGRESS_NOTE_MAX];
};

struct thread_work {
    struct pool_task task;
    struct attempt *attempt;
    struct pool *pool;
    callback_fn *run;
    int stopping; /* atomic */

    /* The loop's. */
    struct list node;
    struct alarm patience; /* pending: it must stop, and is waited for */
    bool given_up, over;   /* over: the attempt has ended, and is left to us */

    /* The thread's, until it has returned. */
    bool finished;
    enum outcome outcome;
    int64_t delay_ms;
    char *text;
    size_t text_len;
    struct word *word; /* NULL: it has told nothing */

    _Alignas(max_align_t) char ctx[]; /* its own: the handler may go before a stuck thread */
};

/* What this thread runs: an attempt is finished by its own thread, while it runs. */
static _Thread_local struct thread_work *current;

static struct thread *thread_of(const struct attempt *a)
{
    return container_of(a->handler, struct thread, handler);
}

static struct thread_work *work_of(struct pool_task *task)
{
    return container_of(task, struct thread_work, task);
}

static void work_free(struct thread_work *w)
{
    if (w->word) pthread_mutex_destroy(&w->word->lock);
    free(w->word);
    free(w->text);
    free(w);
}

/* ---- on the thread --------------------------------------------------------------------------- */

static void run(struct pool_task *task)
{
    struct thread_work *w = work_of(task);

    current = w;
    w->run(w->attempt, w->ctx);
    current = NULL;
}

void thread_finish(struct attempt *a, enum outcome outcome, const void *text, size_t len,
                   int64_t delay_ms)
{
    struct thread_work *w = a->thread;
    size_t len_max = outcome == OUTCOME_FAIL ? ERROR_BYTES_MAX : RESULT_BYTES_MAX;

    assert(current == w && "an attempt is finished on its thread, before its run returns");
    assert(!w->finished && "an attempt is finished exactly once");
    w->finished = true;
    w->outcome = outcome;
    w->delay_ms = delay_ms;
    if (!text || !len || (outcome == OUTCOME_DONE && !a->job.retain_ms)) return;
    w->text_len = len < len_max ? len : len_max;
    w->text = xmemdup(text, w->text_len);
}

static struct word *word_new(void)
{
    struct word *word = xcalloc(1, sizeof *word);

    pthread_mutex_init(&word->lock, NULL);
    return word;
}

enum pinion_err thread_tell(struct attempt *a, unsigned percent, struct span note)
{
    struct thread_work *w = a->thread;
    enum pinion_err err = progress_check(percent, note);

    assert(current == w && "progress is told on the attempt's thread, before its run returns");
    if (err) return err;
    if (!w->word) w->word = word_new();
    pthread_mutex_lock(&w->word->lock);
    w->word->percent = percent;
    w->word->note_len = note.len;
    if (note.len) memcpy(w->word->note, note.data, note.len);
    pthread_mutex_unlock(&w->word->lock);
    pool_tell(w->pool, &w->task);
    return PINION_OK;
}

bool thread_stopping(const struct attempt *a)
{
    return __atomic_load_n(&a->thread->stopping, __ATOMIC_ACQUIRE);
}

/* Nobody is left to hear of it. */
static void drop(struct pool_task *task)
{
    struct thread_work *w = work_of(task);

    free(w->attempt);
    work_free(w);
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static void told(struct pool_task *task)
{
    struct thread_work *w = work_of(task);
    struct word *word = w->word;
    char note[PROGRESS_NOTE_MAX];

    if (w->given_up) return;
    pthread_mutex_lock(&word->lock);
    unsigned percent = word->percent;
    struct span text = {note, word->note_len};
    memcpy(note, word->note, text.len);
    pthread_mutex_unlock(&word->lock);
    enum pinion_err err = attempt_tell(w->attempt, percent, text);
    assert(err == PINION_OK); /* it was checked when it was told */
}

/* The attempt has ended before: nobody waits for what came of it. */
static void came_back(struct thread_work *w)
{
    struct attempt *a = w->attempt;

    a->handler->stuck--;
    thread_of(a)->threads->stuck--;
    log_info("thread_back", LOG_TEXT("job", a->work.id), LOG_TEXT("kind", a->work.kind));
    consumer_slot_freed(a->consumer, a->handler);
    a->thread = NULL;
    if (w->over) free(a);
}

/* The handler is free to go, too. */
static void end_work(struct thread_work *w, struct handler *h)
{
    list_remove(&w->node);
    ticker_cancel(container_of(h, struct thread, handler)->threads->ticker, &w->patience);
    work_free(w);
    handler_drop(h);
}

static void done(struct pool_task *task)
{
    static const char nothing[] = "returned without an outcome";
    struct thread_work *w = work_of(task);
    struct attempt *a = w->attempt;
    struct handler *h = a->handler;

    if (w->given_up) {
        came_back(w);
    } else {
        a->thread = NULL;
        if (w->finished) attempt_finish(a, w->outcome, w->text, w->text_len, w->delay_ms);
        else attempt_finish(a, OUTCOME_FAIL, nothing, strlen(nothing), RETRY_BY_BACKOFF);
    }
    end_work(w, h);
}

bool thread_keeps(struct thread_work *w)
{
    w->over = true;
    return true;
}

static void give_up(struct alarm *alarm)
{
    struct thread_work *w = container_of(alarm, struct thread_work, patience);
    struct attempt *a = w->attempt;

    w->given_up = true;
    a->handler->stuck++;
    thread_of(a)->threads->stuck++;
    log_error("thread_stuck", LOG_TEXT("job", a->work.id), LOG_TEXT("kind", a->work.kind),
              LOG_INT("stuck", thread_of(a)->threads->stuck));
    attempt_finish(a, OUTCOME_FAIL, NULL, 0, RETRY_BY_BACKOFF); /* the reason is the attempt's */
}

static void start(struct attempt *a)
{
    struct thread *t = thread_of(a);
    struct thread_work *w = xcalloc(1, sizeof *w + t->ctx_bytes);

    w->task = (struct pool_task){.run = run, .done = done, .told = told, .drop = drop};
    w->attempt = a;
    w->pool = t->threads->pool;
    w->run = t->run;
    if (t->ctx_bytes) memcpy(w->ctx, t->ctx, t->ctx_bytes);
    alarm_init(&w->patience, give_up);
    list_init(&w->node);
    list_push(&t->threads->works, &w->node);
    a->thread = w;
    handler_hold(a->handler);
    pool_put(w->pool, &w->task);
}

static void stop(struct attempt *a)
{
    struct thread *t = thread_of(a);
    struct thread_work *w = a->thread;

    __atomic_store_n(&w->stopping, 1, __ATOMIC_RELEASE);
    if (pool_take_back(w->pool, &w->task)) {
        a->thread = NULL;
        end_work(w, &t->handler);
        attempt_finish(a, OUTCOME_FAIL, NULL, 0, RETRY_BY_BACKOFF);
        return;
    }
    ticker_set_in(t->threads->ticker, &w->patience, t->stop_grace_ms);
    if (t->stop) t->stop(a, t->ctx);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void free_thread(struct handler *h)
{
    struct thread *t = container_of(h, struct thread, handler);

    free(t->ctx);
    free(t->pattern);
}

static const struct runner thread_runner = {"thread", start, stop, free_thread};

struct handler *thread_new(const char *pattern, const struct thread_options *o,
                           struct threads *threads)
{
    struct thread *t = xcalloc(1, sizeof *t);

    t->pattern = xstrdup(pattern);
    t->handler = (struct handler){.pattern = t->pattern, .runner = &thread_runner};
    t->run = o->run;
    t->stop = o->stop;
    t->ctx = o->ctx_bytes ? xmemdup(o->ctx, o->ctx_bytes) : NULL;
    t->ctx_bytes = o->ctx_bytes;
    t->stop_grace_ms = o->stop_grace_ms ? o->stop_grace_ms : STOP_GRACE_MS;
    t->threads = threads;
    return &t->handler;
}

struct threads *threads_new(struct ev_loop *loop, struct ticker *ticker)
{
    struct threads *t = xcalloc(1, sizeof *t);

    t->ticker = ticker;
    t->pool = pool_new(loop, ticker);
    list_init(&t->works);
    return t;
}

/* A thread that is not back by now never is, as far as we are concerned. */
void threads_stop(struct threads *t)
{
    if (!t) return;
    list_for_each_safe (node, &t->works) {
        struct thread_work *w = container_of(node, struct thread_work, node);
        struct handler *h = w->attempt->handler;
        if (pool_take_back(t->pool, &w->task)) {
            w->attempt->thread = NULL;
            end_work(w, h);
        } else {
            list_remove(node);
            ticker_cancel(t->ticker, &w->patience);
            handler_drop(h);
        }
    }
}

void threads_free(struct threads *t)
{
    if (!t) return;
    pool_free(t->pool);
    free(t);
}

struct pool *threads_pool(struct threads *t)
{
    return t->pool;
}

struct threads_view threads_view(const struct threads *t)
{
    if (!t) return (struct threads_view){0, 0};
    return (struct threads_view){pool_threads(t->pool), t->stuck};
}
