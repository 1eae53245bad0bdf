/* workers/pull.h — jobs for workers elsewhere, who pull them over HTTP and wait for them.
 *
 * Those who wait in one queue for the same kinds, with the same lease, stand in one line: it claims
 * for all of them at once, oldest first, and Redis wakes it by a name of its own among the idle.
 * Nothing is polled.
 *
 *      ask ──► line, hungry ──claim──► answer ──jobs──► done, for as many as have some
 *                ▲                        └──none──► waits: Redis has the line's name
 *                └── wake-up, heartbeat, subscribed again, a new ask
 *      line without asks ──► leaves the idle (what it was told is passed on) ──► gone
 *
 * What is claimed belongs to nobody here: its lease is of a seat without server, any one takes its
 * outcome, and none takes it back when this one ends. Loop thread only.
 */
#ifndef PINION_WORKERS_PULL_H
#define PINION_WORKERS_PULL_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/list.h"
#include "queue/claim.h"
#include "queue/settle.h"
#include "queue/upkeep.h"
#include "scheduler/ticker.h"
#include "workers/limits.h"
#include "workers/tally.h"

struct consumer;
struct pull;
struct pull_line;
struct workers;

/* A job that was leased; borrowed until `done` returns. */
struct pulled {
    struct job  job;
    struct span token;
    unsigned    failures;
    int64_t     started_ms, until_ms; /* Redis's clock; until_ms: when the lease ends */
};

/* Embed it; fill the first part. */
struct pull_ask {
    char     kinds[PULL_KINDS_MAX][KIND_MAX + 1]; /* patterns; none: any kind */
    size_t   kinds_count;
    unsigned max;      /* jobs, 1 .. PULL_ITEMS_MAX */
    uint64_t lease_ms; /* of jobs that name none; 0: the server's. See pull_lease_ms */
    uint64_t wait_ms;  /* 0: what there is now */
    char     worker[PULL_WORKER_MAX + 1]; /* "": none */
    /* Exactly once, not before pull_start has returned; no jobs when the wait is over. */
    void   (*done)(struct pull_ask *, enum pinion_err, const struct pulled *, size_t count);

    struct list       node; /* private from here on */
    struct pull_line *line;
    struct alarm      over;
    unsigned          share; /* of the claim on its way; 0: none is for it */
    bool              is_over, left;
};

struct pull *pull_new(struct workers *);
void         pull_free(struct pull *); /* nobody asks; NULL: no-op */

/* PINION_CONFLICT: this server does not serve that queue, so nothing in it would be promoted or
 * reaped; PINION_BUSY: too many wait, or for too many different things; PINION_UNAVAILABLE: the
 * server is quiet, or stops. `done` is called only after PINION_OK. */
enum pinion_err pull_start(struct pull *, struct span queue, struct pull_ask *,
                           struct error *why) must_use;
/* Nobody is there for it any more: `done` follows, and what was claimed for it goes back. */
void            pull_leave(struct pull_ask *);

/* For whoever passes on what was pulled, here or elsewhere. An attempt has ended so; started_ms 0:
 * not known. */
void pull_count(struct pull *, const char *queue, struct span kind, enum tally_end,
                int64_t started_ms);
void pull_stale(struct pull *);
/* A lease was moved to there: it is reaped in time if nobody moves it on. */
void pull_until(struct pull *, struct span queue, int64_t until_ms);
enum tally_end pull_end(enum settled); /* of a failure */
/* How long after its n-th failure the next attempt is to come. */
uint64_t pull_backoff_ms(const struct job *, unsigned failures);
/* Attempts that had their time are failed for that, later; of each: id and token. */
void pull_late(struct pull *, struct span queue, const struct settle_item *, size_t count);
#define LATE_TEXT_MAX 64
void pull_late_text(const struct job *, char out[LATE_TEXT_MAX]); /* "timed out after 5s" */

unsigned pull_waiting(const struct pull *);

/* For the rest of workers/. */
void pull_flush(struct pull *);                        /* sends the claims that are due */
void pull_wake(struct pull *, const struct consumer *); /* all lines; NULL: of all queues */
void pull_told(struct pull *, struct consumer *, uint64_t line); /* Redis woke that one */
/* Patterns of those who wait there; how many were written. */
size_t pull_patterns(const struct pull *, const struct consumer *, const char *patterns[],
                     size_t max);
void pull_quiet(struct pull *, bool quiet); /* answers all who wait; until false, none may ask */
void pull_stop(struct pull *);              /* the same, for good */
bool pull_is_empty(const struct pull *); /* nothing is on its way */

struct workers *pull_workers(struct pull *);
/* late.c: attempts that had their time are failed for that. `started_ms` 0: it has ended. */
void late_fail(struct workers *, struct span queue, const struct pull_attempt *, size_t count);

#endif
