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
#define DAY_MS      INT64_C(86400000)

/* Scopes of limits: the queue, a kind, and, in the last two, a group and each other group. */
enum { SCOPE_QUEUE, SCOPE_KIND, SCOPE_GROUP, SCOPE_GROUPS, MODEL_SCOPES };

enum where { W_NONE, W_SCHEDULED, W_READY, W_ACTIVE, W_RETRY, W_DONE, W_DEAD, W_CANCELLED, WHERES };

struct model_job {
    char        id[QUEUE_NAME_MAX + 1]; /* "": never used */
    enum where  where;
    struct pinion_job content;  /* its id is NULL: Pinion made it */
    unsigned    failures, reaps, heard;
    bool        started;        /* or retried by hand: expiry is over */
    bool        marked, renewed, result;
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

struct model {
    struct model_key key[MODEL_KEYS];
    struct model_job job[MODEL_JOBS];
    bool    paused;
    unsigned limit[MODEL_SCOPES]; /* attempts at once; 0: none */
    bool    rated;                /* what may start is not known here */
    int64_t enqueued, done, failed, dead, cancelled, reaped; /* totals */
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
/* Does another job hold the key that this one has in its content? */
bool model_key_taken(const struct model *, const struct model_job *, int64_t now_ms);
void model_key_take(struct model *, const struct model_job *, int64_t now_ms);
void model_key_free(struct model *, const struct model_job *, bool started);
/* Fails unless counts, places, lane entries, ghosts and what is rare are all as they should be. */
void model_check(struct model *, struct rig *);

#endif
