/* workers/registry.h — which handler runs which kind.
 *
 * A pattern is a kind, or a prefix that ends in `.*`, `:*` or `/` and a star, or a star alone. An
 * exact kind beats a prefix, a longer prefix a shorter one.
 *
 * Handlers can be replaced while they run: registry_swap() changes all at once. One that has gone
 * lives on while somebody holds it (an attempt, a claim on its way), and its busy slots count as
 * those of the one that came in its place: a kind never runs more often at once than its handler
 * says.
 */
#ifndef PINION_WORKERS_REGISTRY_H
#define PINION_WORKERS_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/text.h"
#include "queue/claim.h"
#include "workers/limits.h"

struct attempt;
struct handler;

/* How a kind of handler runs attempts. */
struct runner {
    const char *name; /* "callback", "command", "thread" */
    /* Begins the work; ends it by attempt_finish(), perhaps before it returns. */
    void (*start)(struct attempt *);
    /* The work must stop: make it end soon (attempt_finish() is still to be called). NULL: it
     * cannot be stopped, and is waited for. */
    void (*stop)(struct attempt *);
    void (*free)(struct handler *); /* NULL: nothing to free but the handler itself */
};

/* Embedded at the front of each runner's own struct; zero-initialised but for the first part. */
struct handler {
    const char          *pattern;     /* owned by the runner's struct */
    const struct runner *runner;
    unsigned             concurrency; /* attempts at once; 0: as many as the service, until
                                       * handler_limit() */
    unsigned             asked;       /* private: `concurrency` as it was at first */
    bool                 configured;  /* the configuration names it, so a reload replaces it */
    uint64_t             timeout_ms;  /* overrides the job's; 0: does not */
    unsigned             attempts_max; /* no more than these; 0: as the job says */
    char                *backoff;     /* overrides the job's; owned; NULL: does not */
    char                *on_dead;     /* kind of what carries its dead jobs, "": none any more;
                                       * owned; NULL: as it is */
    void (*finished)(struct attempt *); /* attempt_finish() was called, by whomever; NULL: so be
                                         * it */

    unsigned running; /* attempts that have started and not finished */
    unsigned offered; /* slots named in claims whose answers are awaited */
    unsigned taken;   /* by the answer that is being read */
    unsigned stuck;   /* attempts that were given up, and whose thread is still in them */
    bool     capped; /* its runner gives no more slots in all than `cap` now */
    unsigned cap;

    unsigned        holders; /* beside its registry */
    bool            retired; /* no registry has it any more; freed with its last holder */
    struct handler *before, *after; /* whose place it took, while that lives; who took its own */
};

struct registry {
    struct handler *handlers[HANDLERS_MAX]; /* most telling pattern first */
    size_t          count;
};

/* Takes the handler, unless it is refused. PINION_INVALID: bad pattern, or too many;
 * PINION_CONFLICT: it has one already. */
enum pinion_err registry_add(struct registry *, struct handler *, struct error *why) must_use;
struct handler *registry_find(const struct registry *, struct span kind); /* NULL: none */
void            registry_deinit(struct registry *); /* frees the handlers; nobody holds one */
/* `r` gets what `next` has, which is empty then. Those that only `r` had retire. */
void registry_swap(struct registry *r, struct registry *next);

/* What it names beside its pattern, copied: each once, NULL as said above. */
void     handler_name(struct handler *, const char *backoff, const char *on_dead);
void     handler_free(struct handler *); /* one that no registry has */
/* It gets as many slots as it asked for, `most` of them at most. */
void     handler_limit(struct handler *, unsigned most);
void     handler_hold(struct handler *);
void     handler_drop(struct handler *); /* NULL: no-op */
unsigned handler_free_slots(const struct handler *);
unsigned handler_offered(const struct handler *); /* with those of the ones before it */

#endif
