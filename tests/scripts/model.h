/* tests/scripts/model.h — the dumb twin of the scripts: a table of jobs, and what each verb does to one.
 *
 * It knows states, tokens and counters, but nothing of lanes, ghosts or keys. `model_check` compares it
 * with the raw keys of Redis.
 */
#ifndef PINION_TESTS_SCRIPTS_MODEL_H
#define PINION_TESTS_SCRIPTS_MODEL_H

#include <stdbool.h>
#include "tests/scripts/verbs.h"

#define MODEL_JOBS  200
#define MODEL_KINDS 6

enum where { W_NONE, W_SCHEDULED, W_READY, W_ACTIVE, W_RETRY, W_DONE, W_DEAD, W_CANCELLED, WHERES };

struct model_job {
    char        id[8];
    enum where  where;
    unsigned    kind, failures, reaps, heard;
    bool        marked, renewed, retained, started;
    int64_t     due_ms;      /* scheduled, retry */
    int64_t     expires_ms;  /* 0: never */
    int64_t     lease_end_us;
    int64_t     ended_ms;
    int64_t     given_until_ms; /* the id is taken until then, after the job is gone; 0: it is free */
    int64_t     token;       /* last one, for tokens only grow */
    struct lease lease;      /* of the attempt that runs */
};

struct model {
    struct model_job job[MODEL_JOBS];
    int64_t enqueued, done, failed, dead, cancelled, reaped;
};

extern const char *const model_kinds[MODEL_KINDS];

void model_init(struct model *);
struct model_job *model_find(struct model *, const char *id);
/* Counts, places, entries, ghosts and what is rare: all as the raw keys have it. */
void model_check(struct model *, struct rig *);

#endif
