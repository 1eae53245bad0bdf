/* workers/attempt.h — one attempt at one job, from its claim to the outcome that Redis accepted.
 *
 *      RUN ──finish──────────────► SETTLE ──answer──► end
 *       │                            ▲  │
 *       └─ timeout, cancel, stop ─► STOP─┘ └─ no answer: sent again; the token tells whose it is
 *          lease lost: ends without an outcome
 *
 * Loop thread only. A runner ends the work by attempt_finish(), exactly once.
 */
#ifndef PINION_WORKERS_ATTEMPT_H
#define PINION_WORKERS_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/list.h"
#include "include/pinion.h"
#include "queue/job.h"
#include "queue/claim.h"
#include "scheduler/ticker.h"

struct consumer;
struct handler;
struct attempt_progress;
struct tally_row;
struct thread_work;

enum attempt_at { AT_RUN, AT_STOP, AT_SETTLE };

/* Why an attempt must stop before its work is over; the first one counts. */
enum stop_reason { STOP_NOT, STOP_TIMEOUT, STOP_CANCEL, STOP_LOST, STOP_SHUTDOWN };

enum outcome {
    OUTCOME_DONE,
    OUTCOME_FAIL,
    OUTCOME_POSTPONE, /* not tried for this reason; again after the delay, uncharged */
    OUTCOME_RELEASE,
    OUTCOME_NONE,
};

#define RETRY_BY_BACKOFF (-2) /* delay_ms of a failure: as the job's backoff says */
#define RETRY_NEVER      (-1)

struct attempt {
    struct job         job;     /* borrows from `bytes` */
    struct pinion_work work;    /* the same, for C handlers */
    struct span        token;
    unsigned           failures;
    unsigned           pack_size; /* of the pack that it was claimed with; 0: none */
    bool               rare;    /* something is kept beside the record */
    struct consumer   *consumer;
    struct handler    *handler; /* held; NULL: none */
    void              *work_state; /* the runner's own */
    struct thread_work *thread; /* thread.c; NULL: it runs on the loop */
    void (*follow)(struct attempt *); /* somebody follows its output; NULL: it has none */

    enum attempt_at  at;        /* read-only outside attempt.c and settle */
    enum stop_reason stop;
    enum outcome     outcome;
    int64_t          delay_ms;
    char            *text;      /* result or error; owned */
    size_t           text_len;
    struct alarm     deadline;
    uint64_t         lease_ms, started_mono_us, renewed_mono_ms;
    int64_t          started_ms; /* Redis's clock */
    struct attempt **renewal;   /* where the renewal on its way remembers it; NULL: none */
    struct tally_row *row;      /* where it is counted; NULL: it never began */
    struct attempt_progress *progress;  /* progress.c; NULL: it has told none */
    struct list      node;      /* of the consumer's running, stopping or settling attempts */
    char             bytes[];   /* id, token, record */
};

/* Copies what was claimed. NULL: the record is not one of ours. */
struct attempt *attempt_new(struct consumer *, const struct claimed *, const char *queue,
                            uint64_t lease_ms);
void            attempt_free(struct attempt *);
/* Which handler is to run it, before it starts; held until it is freed. NULL: none. */
void attempt_use(struct attempt *, struct handler *);

/* Hands it to its handler. */
void attempt_start(struct attempt *);
/* Its work cannot begin yet: its timeout does not run until attempt_begin(). */
void attempt_wait(struct attempt *);
void attempt_begin(struct attempt *);
/* It must stop for this reason; repeated: no-op. */
void attempt_stop(struct attempt *, enum stop_reason);
/* How far it is: kept, and sent soon. PINION_INVALID: beyond PROGRESS_MAX or PROGRESS_NOTE_MAX, or
 * no UTF-8. */
enum pinion_err attempt_tell(struct attempt *, unsigned percent, struct span note) must_use;
enum pinion_err progress_check(unsigned percent, struct span note) must_use; /* any thread */
/* The work is over; called by runners. `text` is copied and cut to what is kept; may be NULL. After
 * this the attempt is not the runner's any more. */
void attempt_finish(struct attempt *, enum outcome, const void *text, size_t len, int64_t delay_ms);

#endif
