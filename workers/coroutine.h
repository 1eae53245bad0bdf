/* workers/coroutine.h — handlers as straight-line C on the loop, which wait without blocking it.
 *
 *      start ──► RUNS ──coroutine_await──► BEGINS ──► WAITS ──await_end──► RUNS ──return──► end
 *                 on its own stack          both on the stack of the loop
 *
 * What waits lies on the coroutine's stack; what it does is done on that of the loop, so a small
 * stack has to bear the handler's own code only. A handler that returns without an outcome has
 * failed. Loop thread only.
 */
#ifndef PINION_WORKERS_COROUTINE_H
#define PINION_WORKERS_COROUTINE_H

#include <stdbool.h>
#include <stddef.h>
#include "base/error.h"
#include "workers/registry.h"
#include "workers/stack.h"

struct attempt;
struct coroutine;

/* As pinion_run_fn, but it may await. */
typedef void coroutine_fn(struct attempt *, void *ctx);

struct coroutine_options {
    struct ev_loop *loop;      /* borrowed */
    coroutine_fn   *run;
    const void     *ctx;       /* copied */
    size_t          ctx_bytes;
    size_t          stack_bytes; /* STACK_BYTES_MIN .. _MAX; 0: STACK_BYTES_DEFAULT */
};

/* Give it to workers_add_handler. An attempt that finds no stack fails. */
struct handler *coroutine_new(const char *pattern, const struct coroutine_options *) must_use;

/* One thing that is awaited: embed it, and begin with these two. */
struct await {
    void (*begin)(struct await *); /* may end it at once */
    void (*stop)(struct await *);  /* the attempt must stop: end it, now or soon. NULL: it ends soon
                                    * by itself */
    struct coroutine *coroutine;   /* private from here on */
    enum pinion_err   err;
    bool              over;
};

/* From the coroutine: gives what await_end was told. At once, and nothing is begun: PINION_STALE,
 * the attempt must stop; PINION_INVALID: this is not the coroutine of that attempt, or it is
 * finished. */
enum pinion_err coroutine_await(struct attempt *, struct await *) must_use;

/* In `begin` or later, exactly once; the coroutine goes on, and what is awaited may be gone when it
 * returns. `why` is kept for coroutine_why; NULL: by the name of `err`. */
void  await_end(struct await *, enum pinion_err, const struct error *why);
void *await_ctx(const struct await *); /* of the handler */

/* Frees it (of malloc) when the handler returns or drops all of it. */
void        await_keep(struct await *, void *memory);
void        coroutine_drop(struct attempt *);       /* not from its coroutine: no-op */
const char *coroutine_why(const struct attempt *);  /* of its last await; "" */

#endif
