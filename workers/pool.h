/* workers/pool.h — threads for work that blocks, beside the loop.
 *
 *      put ──► fresh ──end of the turn──► waiting ──a thread──► run ──► returned ──loop──► done
 *              └──────────── take back ──────┘
 *
 * There is no fixed number of threads: a few at once, and more while work waits longer than it
 * should, so what blocks never waits for what blocks, and what is quick is done by few. A thread
 * with nothing to do for a while ends. The loop hands over, and takes back, what came together in
 * one turn. Threads block all signals.
 *
 * Loop thread only, but for what is said of `run` and pool_tell.
 */
#ifndef PINION_WORKERS_POOL_H
#define PINION_WORKERS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/list.h"
#include "base/macros.h"

#define POOL_THREADS_MAX  16384             /* of one pool */
#define POOL_STACK_BYTES  (1024 * 1024)     /* of a thread; used only as far as it is touched */
#define POOL_IDLE_MS      10000             /* without work; then a thread ends */

struct ev_loop;
struct pool;
struct pool_task;
struct ticker;

/* One piece of work. Embed it; it is yours again when `done` is called. */
struct pool_task {
    void (*run)(struct pool_task *);  /* on a thread; may block, as long as it likes */
    void (*done)(struct pool_task *); /* on the loop, after `run` has returned */
    void (*told)(struct pool_task *); /* on the loop, after pool_tell; NULL: it never tells */
    void (*drop)(struct pool_task *); /* instead of `done`, once the pool is gone: frees it. On the
                                       * thread that ran it, or from within pool_free */
    struct list node, word;           /* private */
    enum { TASK_FRESH, TASK_WAITS, TASK_RUNS, TASK_RETURNED } at; /* private */
};

struct pool *pool_new(struct ev_loop *, struct ticker *) must_use;
/* Threads without work end; one that is still in a `run` is left alone, drops its task when that
 * returns, and ends. Tasks that have not begun are dropped. NULL: no-op. */
void pool_free(struct pool *);

/* Initialises the private part. The task begins soon, in the order of these calls. */
void pool_put(struct pool *, struct pool_task *);
/* true: it has not begun and never will, and is yours. false: it has begun. */
bool pool_take_back(struct pool *, struct pool_task *) must_use;
/* Within its `run`: calls `told` on the loop soon, once for all calls until then, before `done`. */
void pool_tell(struct pool *, struct pool_task *);

unsigned pool_threads(struct pool *); /* now; NULL: 0 */

#endif
