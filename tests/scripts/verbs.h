/* tests/scripts/verbs.h — every transition as one line of a test, through what queue/ builds and
 * reads.
 *
 * A status is the script's own word; "ok" where it says nothing about the item. Ids are local.
 */
#ifndef PINION_TESTS_SCRIPTS_VERBS_H
#define PINION_TESTS_SCRIPTS_VERBS_H

#include <stdbool.h>
#include "queue/claim.h"
#include "queue/edit.h"
#include "queue/look.h"
#include "queue/settle.h"
#include "queue/upkeep.h"
#include "tests/scripts/rig.h"

#define SERVER    "a"
#define WORDS_MAX 24

struct lease {
    char     id[QUEUE_NAME_MAX + 1], token[TOKEN_MAX];
    size_t   payload_len;
    unsigned failures, pack_size;
    bool     rare, rich; /* rich: must be ended by ack_rich */
};

struct leases {
    struct lease lease[BATCH_ITEMS_MAX];
    size_t       count;
    bool         more, idle, was_idle;
};

/* What a claim is asked with; zero: server "a" in seat 0 takes one job of any kind for 10 s. */
struct ask {
    const char *server, *patterns; /* patterns: "mail=2 user.*=1 *=8"; NULL: "*=512" */
    unsigned    seat, free;        /* free 0: 1 */
    uint64_t    lease_ms;
    bool        subscribed, full;  /* full: no free slot */
    uint64_t    asked_us;
    const char *pullers;           /* see struct claim_args */
};

/* "new", "existing", "replaced" or "conflict"; `ret_id` (NULL is fine) gets the id. */
const char *enqueue(struct rig *, const struct pinion_job *, char ret_id[QUEUE_NAME_MAX + 1]);
/* In one call; each gets its id. */
void enqueue_batch(struct rig *, const struct pinion_job *jobs, size_t count,
                   char (*ret_ids)[QUEUE_NAME_MAX + 1]);
void        enqueue_many(struct rig *, const struct pinion_job *, size_t count);
void        claim(struct rig *, const struct ask *, struct leases *ret);
struct lease claim_one(struct rig *); /* fails when there is none */
size_t      claim_count(struct rig *); /* how many a server that can run everything gets now */

const char *ack(struct rig *, const struct lease *);
/* In one call: how many were stale; `ret_stale` (NULL is fine): which. */
size_t      ack_many(struct rig *, const struct lease *, size_t count, bool *ret_stale);
const char *ack_rich(struct rig *, const struct lease *, const char *result);
const char *fail_in(struct rig *, const struct lease *, int64_t delay_ms);
const char *release(struct rig *, const struct lease *);
const char *renew(struct rig *, const struct lease *, uint64_t lease_ms);
/* NULL note: none. "invalid": beyond the bounds of the script. */
const char *tell_progress(struct rig *, const struct lease *, unsigned percent, const char *note);
const char *cancel(struct rig *, const char *id);
const char *delete_job(struct rig *, const char *id);
const char *requeue(struct rig *, const char *verb, const char *id); /* "retry", "run" */
const char *edit_job(struct rig *, const char *id, const struct job_edit *);
int64_t promote(struct rig *, struct promoted *ret); /* how many; ret: NULL is fine */
int64_t     reap(struct rig *);                                     /* fails on a jump */
int64_t     take_back(struct rig *, const char *server);
int64_t     take_back_unheard(struct rig *, const char *server); /* what was never renewed */
int64_t     sweep(struct rig *);
bool        pause_queue(struct rig *, bool pause);                  /* did it change anything? */
void        heartbeat(struct rig *, const char *server, const char *pattern, struct heartbeat *ret);
void        leave(struct rig *, const char *server, bool empty);

/* "none", "remembered", or the state. */
const char *state_of(struct rig *, const char *id);
struct queue_view stats(struct rig *);
/* "scheduled=1 ready=2": what is not empty, "" for nothing. Borrowed until the next call. */
const char *counts(struct rig *);

#endif
