/* tests/scripts/model.h — the dumb twin of the scripts: a table of jobs, and where each one is.
 *
 * It knows states, tokens and counters, but nothing of lanes, ghosts, packs or keys. model_check
 * compares it with the raw keys of Redis. The first MODEL_GIVEN jobs have ids of their own from the
 * start; the others get theirs when they are enqueued, and keep it until another takes their place.
 */
#ifndef PINION_TESTS_SCRIPTS_MODEL_H
#define PINION_TESTS_SCRIPTS_MODEL_H

#include <stdbool.h>
#include "tests/scripts/verbs.h"

#define MODEL_GIVEN 200
#define MODEL_JOBS  500 /* below what one reap looks at */
#define MODEL_KINDS 5
#define MODEL_GROUPS 3
#define MODEL_KEYS  6 /* unique ones */
#define MODEL_PARENTS 3
#define MODEL_BATCHES 4
#define MODEL_CARRIERS 3
#define MODEL_ID_SIZE (QUEUE_NAME_MAX + 1)
#define DAY_MS      INT64_C(86400000)

/* Scopes of limits: the queue, a kind, and, in the last two, a group and each other group. */
enum { SCOPE_QUEUE, SCOPE_KIND, SCOPE_GROUP, SCOPE_GROUPS, MODEL_SCOPES };

enum where {
    W_NONE, W_SCHEDULED, W_WAITING, W_READY, W_ACTIVE, W_RETRY, W_DONE, W_DEAD, W_CANCELLED, WHERES,
    W_DELETED = WHERES /* no place, but a way to end */
};

struct model_job {
    char        id[QUEUE_NAME_MAX + 1]; /* "": never used */
    enum where  where;
    struct pinion_job made;     /* what it was made with; its id is NULL: Pinion made it */
    struct pinion_job content;  /* what it is by now, after an edit or another's `replace` */
    uint64_t    born;           /* children are born after their parents */
    bool        alone;          /* was edited: in no pack any more */
    bool        carrier;        /* of a dead job, or of a batch: of unknown payload */
    bool        carries_dead;   /* none is made when it dies */
    char        after[MODEL_PARENTS * (MODEL_ID_SIZE + 1)], batch_name[24]; /* for `made` */
    size_t      parent[MODEL_PARENTS], parents;
    enum where  parent_end[MODEL_PARENTS]; /* W_NONE: not yet */
    size_t      batch;          /* from 1; 0: in none */
    unsigned    batch_serial;   /* of the batch that it joined */
    bool        pending;        /* its batch waits for it */
    unsigned    failures, reaps, heard;
    bool        started;        /* or retried by hand: expiry is over */
    bool        marked, result;
    bool        renewed;        /* its token is kept beside its lease */
    bool        pulled;         /* its attempt is of a worker elsewhere, */
    const char *worker;         /* of that name; NULL: none; */
    int64_t     since_ms;       /* and began then */
    int64_t     due_ms;         /* scheduled, retry: when; done, dead, cancelled: since when */
    int64_t     expires_ms;     /* 0: never */
    int64_t     lease_end_us;
    int64_t     given_until_ms; /* the id is taken until it is swept after then; 0: it is free */
    int64_t     token;          /* the last one: tokens only grow */
    struct lease lease, packed; /* packed: the last one that it had with a pack */
};

/* Who holds a unique key: until it ends or starts; or until a time, whatever becomes of it. */
struct model_key {
    char    holder[QUEUE_NAME_MAX + 1]; /* "": nobody */
    bool    start;
    int64_t until_ms; /* 0: no time */
};

/* One place for a batch; when one is complete, another of the next name may begin there. */
struct model_batch {
    unsigned serial;
    char     name[24], job[MODEL_ID_SIZE]; /* job: what is made at its end; "": none */
    bool     there, closed;
    int64_t  total, ends[WHERES + 1], opened_ms, completed_ms; /* 0: not yet */
};

struct model {
    struct model_batch batch[MODEL_BATCHES];
    bool    on_dead[MODEL_CARRIERS]; /* which kinds of carriers are named */
    bool    draining;
    uint64_t max_jobs, max_bytes;    /* 0: no bound */
    uint64_t born;
    struct model_key key[MODEL_KEYS];
    struct model_job job[MODEL_JOBS];
    bool    paused;
    unsigned limit[MODEL_SCOPES]; /* attempts at once; 0: none */
    bool    rated;                /* what may start is not known here */
    int64_t enqueued, done, failed, dead, cancelled, reaped; /* totals */
    int64_t released, completed, carried, taken_over, pulled; /* only to know that they came */
};

extern const char *const model_kinds[MODEL_KINDS];
extern const char *const model_groups[MODEL_GROUPS]; /* the first one: none */
#define MODEL_LIMITED_KIND  model_kinds[1]
#define MODEL_LIMITED_GROUP model_groups[1]

/* "k0=start" and so on: by key, then start, done and some seconds. */
extern const char *const model_uniques[MODEL_KEYS][3];

void model_init(struct model *);
struct model_job *model_find(struct model *, const char *id);
/* How many more jobs like this one the limits of concurrency let start now. */
unsigned model_room(const struct model *, const struct model_job *);
/* Nothing is left of it, but perhaps the memory of its end. */
bool model_free(const struct model_job *);
const char *model_state(const struct model_job *);
/* The attempt or the wait is over: kept, or forgotten but for its given id. */
void model_end(struct model *, struct model_job *, enum where, int64_t now_ms);
void model_forget(struct model_job *, int64_t now_ms, bool remember_id);
/* Its batch and who waits for it hear of its end; who calls this moves it. */
void model_over(struct model *, struct model_job *, enum where, int64_t now_ms);
void model_delete(struct model *, struct model_job *, int64_t now_ms);
/* It need not wait for its parents; `by_hand`: nor for its time. */
void model_release(struct model *, struct model_job *, bool by_hand, int64_t now_ms);
/* The place of a job that a script makes; fails when none is free. */
struct model_job *model_make(struct model *, const char *id, const char *kind);
/* Would a call that adds so many jobs be refused? */
bool model_refuses(const struct model *, size_t adding);
bool model_ended(const struct model_job *);
/* Does another job hold the key that this one has in its content? */
bool model_key_taken(const struct model *, const struct model_job *, int64_t now_ms);
void model_key_take(struct model *, const struct model_job *, int64_t now_ms);
void model_key_free(struct model *, const struct model_job *, bool started);
/* The job that has its key, and would take over what it says; NULL: none that may. */
struct model_job *model_holder(struct model *, const struct model_job *);

/* ---- batches: model_batches.c ---- */
void model_batch_name(struct model *, size_t i, unsigned serial);
void model_batch_join(struct model *, struct model_job *, int64_t now_ms);
void model_batch_left(struct model *, struct model_job *, enum where, int64_t now_ms);
/* One that had ended is retried. */
void model_batch_again(struct model *, struct model_job *);
void model_batch_close(struct model *, struct model_batch *, int64_t now_ms);
void model_batch_sweep(struct model *, int64_t now_ms);
void model_check_batches(struct model *, struct rig *);

/* Kinds of carriers: of the queue, of the kinds `user.*`, of one kind. */
extern const char *const model_carriers[MODEL_CARRIERS];
/* Fails unless counts, places, lane entries, ghosts and what is rare are all as they should be. */
void model_check(struct model *, struct rig *);

#endif
