/* workers/callback.h — handlers in C that run on the loop, and may finish later. */
#ifndef PINION_WORKERS_CALLBACK_H
#define PINION_WORKERS_CALLBACK_H

#include "workers/registry.h"

struct attempt;

/* As pinion_run_fn and pinion_stop_fn: must not block; attempt_finish() ends it, exactly once. */
typedef void callback_fn(struct attempt *, void *ctx);

/* `stop` NULL: it cannot be stopped, and is waited for. Give it to workers_add_handler. */
struct handler *callback_new(const char *pattern, callback_fn *run, callback_fn *stop,
                             void *ctx) must_use;
/* The same with a ctx that is copied, and lives as long as the handler. */
struct handler *callback_new_with(const char *pattern, callback_fn *run, callback_fn *stop,
                                  const void *ctx, size_t ctx_bytes) must_use;

/* pinion.noop: is done at once. pinion.sleep: is done after the duration in its payload ("2s"). */
struct ticker;
struct handler *noop_new(void) must_use;
struct handler *sleep_new(struct ticker *) must_use;

#endif
