/* The struct of a coroutine lies at the upper end of its stack: to start one takes no other memory.
 *
 * Whoever resumes a coroutine is left on its own stack, and gone on with when the coroutine waits
 * or returns. So coroutines nest like calls: one may stop the service, and by that resume others.
 */
#include "workers/coroutine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "workers/attempt.h"
#include "workers/context.h"
#include "workers/fiber.h"

struct coroutine_handler {
    struct handler handler; /* first: freed as one */
    struct stack_pool stacks;
    coroutine_fn *run;
    void *ctx;
    char *pattern;
};

enum coroutine_at { CO_RUNS, CO_BEGINS, CO_WAITS, CO_RETURNED };

struct kept {
    struct kept *next;
    void *memory;
};

struct coroutine {
    struct coroutine_handler *handler;
    struct attempt *attempt; /* NULL: finished, and not ours any more */
    struct stack *stack;
    struct coroutine *outer; /* that ran when this one was resumed */
    struct await *await;     /* BEGINS, WAITS: for what */
    struct kept *kept;
    enum coroutine_at at;
    bool stopping; /* the attempt, which need not be looked at when nothing else of it is wanted */
    bool failed; /* the last await, and `why` says why: else that is not looked at */
    struct context inside, outside;
    struct fiber in, out;
    struct error why;
};

/* The one whose stack this thread is on; a thread may have a service, and loop, of its own. */
static _Thread_local struct coroutine *running;

/* ---- to and fro ------------------------------------------------------------------------------ */

static void leave(struct coroutine *c)
{
    fiber_leave(&c->in, &c->out, c->at == CO_RETURNED);
    context_switch(&c->inside, &c->outside);
    fiber_arrive(&c->in, &c->out);
}

/* Returns when it waits or has returned. */
static void enter(struct coroutine *c)
{
    struct fiber nobody;

    c->outer = running;
    c->at = CO_RUNS;
    running = c;
    fiber_leave(&c->out, &c->in, false);
    context_switch(&c->outside, &c->inside);
    fiber_arrive(&c->out, &nobody);
    running = c->outer;
}

static void first(void *arg)
{
    struct coroutine *c = arg;

    fiber_arrive(&c->in, &c->out);
    c->handler->run(c->attempt, c->handler->ctx);
    c->at = CO_RETURNED;
    leave(c);
}

static void drop(struct coroutine *c)
{
    while (c->kept) {
        struct kept *k = c->kept;
        c->kept = k->next;
        free(k->memory);
        free(k);
    }
}

static void end(struct coroutine *c)
{
    static const char text[] = "returned without an outcome";
    struct attempt *unfinished = c->attempt;
    struct coroutine_handler *h = c->handler;

    drop(c);
    fiber_end(&c->in);
    if (unfinished)
        attempt_finish(unfinished, OUTCOME_FAIL, text, strlen(text), RETRY_BY_BACKOFF);
    stack_put(&h->stacks, c->stack);
    handler_drop(&h->handler);
}

static bool must_stop(const struct coroutine *c)
{
    return c->attempt && c->stopping;
}

/* An await that ends while it begins must not resume from within. */
static void begin(struct coroutine *c)
{
    struct await *w = c->await;

    c->at = CO_BEGINS;
    w->begin(w);
    if (!w->over && must_stop(c) && w->stop) w->stop(w);
    c->at = CO_WAITS;
}

static void go_on(struct coroutine *c)
{
    do {
        enter(c);
        if (c->at == CO_RETURNED) {
            end(c);
            return;
        }
        begin(c);
    } while (c->await->over);
}

/* ---- the runner ------------------------------------------------------------------------------ */

static void start(struct attempt *a)
{
    struct coroutine_handler *h = container_of(a->handler, struct coroutine_handler, handler);
    struct stack *stack;
    struct coroutine *c;
    struct error why;
    size_t bytes;

    if (stack_take(&h->stacks, &stack, &why)) {
        a->work_state = NULL;
        attempt_finish(a, OUTCOME_FAIL, why.text, strlen(why.text), RETRY_BY_BACKOFF);
        return;
    }
    bytes = (stack->bytes - sizeof *c) & ~(size_t)15;
    c = (struct coroutine *)(void *)(stack->base + bytes);
    memset(c, 0, sizeof *c);
    c->handler = h; /* held, for it may go on after its attempt has ended */
    handler_hold(&h->handler);
    c->attempt = a;
    c->stack = stack;
    fiber_begin(&c->in, stack->base, bytes);
    context_make(&c->inside, stack->base, bytes, first, c);
    a->work_state = c;
    go_on(c);
}

static void stop(struct attempt *a)
{
    struct coroutine *c = a->work_state;

    c->stopping = true;
    if (c->at == CO_WAITS && c->await->stop) c->await->stop(c->await);
}

static void on_finished(struct attempt *a)
{
    struct coroutine *c = a->work_state;

    if (c) c->attempt = NULL;
}

static void free_coroutines(struct handler *handler)
{
    struct coroutine_handler *h = container_of(handler, struct coroutine_handler, handler);

    stack_pool_deinit(&h->stacks);
    free(h->ctx);
    free(h->pattern);
}

static const struct runner coroutine_runner = {"coroutine", start, stop, free_coroutines};

struct handler *coroutine_new(const char *pattern, const struct coroutine_options *o)
{
    struct coroutine_handler *h = xcalloc(1, sizeof *h);

    h->pattern = xstrdup(pattern);
    h->handler = (struct handler){
        .pattern = h->pattern,
        .runner = &coroutine_runner,
        .finished = on_finished,
    };
    h->run = o->run;
    h->ctx = xmemdup(o->ctx, o->ctx_bytes);
    stack_pool_init(&h->stacks, o->loop, o->stack_bytes ? o->stack_bytes : STACK_BYTES_DEFAULT);
    return &h->handler;
}

/* ---- awaits ---------------------------------------------------------------------------------- */

static struct coroutine *coroutine_of(const struct attempt *a)
{
    return running && running->attempt == a ? running : NULL;
}

static void note_why(struct coroutine *c, enum pinion_err err, const struct error *why)
{
    c->failed = err || why;
    if (why) c->why = *why;
    else if (err == PINION_STALE) error_set(&c->why, err, "the attempt must stop");
    else if (err) error_set(&c->why, err, "%s", pinion_err_name(err));
}

enum pinion_err coroutine_await(struct attempt *a, struct await *w)
{
    struct coroutine *c = coroutine_of(a);

    if (!a || !c) return PINION_INVALID;
    if (must_stop(c)) {
        note_why(c, PINION_STALE, NULL);
        return PINION_STALE;
    }
    w->coroutine = c;
    w->over = false;
    c->await = w;
    leave(c);
    c->await = NULL;
    return w->err;
}

void await_end(struct await *w, enum pinion_err err, const struct error *why)
{
    struct coroutine *c = w->coroutine;

    assert(!w->over); /* what is awaited ends exactly once */
    w->over = true;
    w->err = err;
    note_why(c, err, why);
    if (c->at == CO_WAITS) go_on(c);
}

void *await_ctx(const struct await *w)
{
    return w->coroutine->handler->ctx;
}

void await_keep(struct await *w, void *memory)
{
    struct kept *k = xmalloc(sizeof *k);

    *k = (struct kept){w->coroutine->kept, memory};
    w->coroutine->kept = k;
}

void coroutine_drop(struct attempt *a)
{
    struct coroutine *c = coroutine_of(a);

    if (a && c) drop(c);
}

const char *coroutine_why(const struct attempt *a)
{
    const struct coroutine *c = coroutine_of(a);

    return a && c && c->failed ? c->why.text : "";
}
