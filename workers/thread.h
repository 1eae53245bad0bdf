/* workers/thread.h — handlers in C that run on a thread of their own, and may block.
 *
 * One that must stop and does not return within its grace is given up: the attempt ends as if it
 * had stopped, and the thread is stuck. Its handler has a slot less until it returns at last; what
 * it answers then is forgotten. So there are never more threads than slots, and the pool has one
 * for each attempt that was claimed.
 *
 * Loop thread only, but for what is said of the calls from within a run.
 */
#ifndef PINION_WORKERS_THREAD_H
#define PINION_WORKERS_THREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "workers/attempt.h"
#include "workers/callback.h"

struct ev_loop;
struct handler;
struct pool;
struct thread_work;
struct threads;
struct ticker;

/* The threads of all such handlers of a service. */
struct threads *threads_new(struct ev_loop *, struct ticker *) must_use;
/* When attempts have ended, or nobody waits for them any more; then handlers may be freed, and */
void threads_stop(struct threads *);
void threads_free(struct threads *); /* this may follow. NULL: no-op, of both */

struct pool *threads_pool(struct threads *); /* of theirs, for other work that blocks */

struct threads_view {
    unsigned threads; /* there are now, */
    unsigned stuck;   /* and so many of them are */
};
struct threads_view threads_view(const struct threads *); /* NULL: none */

struct thread_options {
    callback_fn *run;  /* on a thread: may block. Finishes the attempt before it returns */
    callback_fn *stop; /* on the loop, while `run` runs: tells it; does not finish. NULL: nothing */
    const void  *ctx;  /* copied: for `run` as long there as its attempt; 0 bytes: nothing */
    size_t       ctx_bytes;
    uint64_t     stop_grace_ms; /* to return, once it must stop; 0: STOP_GRACE_MS */
};

/* Give it to workers_add_handler. The threads are borrowed for good. */
struct handler *thread_new(const char *pattern, const struct thread_options *,
                           struct threads *) must_use;

/* ---- of an attempt with `thread`: from within its run --------------------------------------- */

/* As attempt_finish, exactly once; counts when the run returns. */
void thread_finish(struct attempt *, enum outcome, const void *text, size_t len, int64_t delay_ms);
/* As attempt_tell; the loop hears of the last word soon. */
enum pinion_err thread_tell(struct attempt *, unsigned percent, struct span note) must_use;
bool thread_stopping(const struct attempt *); /* any thread, while the attempt is there */

/* attempt.c: the attempt has ended. true: its thread still needs it, and will free it. */
bool thread_keeps(struct thread_work *) must_use;

#endif
