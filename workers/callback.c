#include "workers/callback.h"

#include <stdlib.h>
#include "base/memory.h"
#include "workers/attempt.h"

struct callback {
    struct handler handler; /* first: freed as one */
    callback_fn *run, *stop;
    void *ctx, *own_ctx; /* own_ctx: a copy, or NULL */
    char *pattern;
};

static struct callback *callback_of(const struct attempt *a)
{
    return container_of(a->handler, struct callback, handler);
}

static void start(struct attempt *a)
{
    struct callback *c = callback_of(a);

    c->run(a, c->ctx);
}

static void stop(struct attempt *a)
{
    struct callback *c = callback_of(a);

    if (c->stop) c->stop(a, c->ctx);
}

static void free_callback(struct handler *h)
{
    struct callback *c = container_of(h, struct callback, handler);

    free(c->own_ctx);
    free(c->pattern);
}

static const struct runner callback_runner = {"callback", start, stop, free_callback};

struct handler *callback_new(const char *pattern, callback_fn *run, callback_fn *stop_it, void *ctx)
{
    struct callback *c = xcalloc(1, sizeof *c);

    c->pattern = xstrdup(pattern);
    c->handler = (struct handler){.pattern = c->pattern, .runner = &callback_runner};
    c->run = run;
    c->stop = stop_it;
    c->ctx = ctx;
    return &c->handler;
}

struct handler *callback_new_with(const char *pattern, callback_fn *run, callback_fn *stop_it,
                                  const void *ctx, size_t ctx_bytes)
{
    void *copy = xmemdup(ctx, ctx_bytes);
    struct handler *h = callback_new(pattern, run, stop_it, copy);

    container_of(h, struct callback, handler)->own_ctx = copy;
    return h;
}
