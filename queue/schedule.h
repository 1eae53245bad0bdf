/* queue/schedule.h — schedules as Redis keeps them: set, list, fire, remove. Builders and readers.
 *
 * A schedule lives in its queue's slot; its name is claimed first, for the whole namespace. What is
 * kept of it is its timing (JSON, opaque here: scheduler/schedule.h), the record of the jobs that
 * it makes, and its ticks: how far it has fired. One script moves the watermark and makes the job,
 * so any number of servers may try: the first one wins, the others are told.
 */
#ifndef PINION_QUEUE_SCHEDULE_H
#define PINION_QUEUE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/id.h"
#include "queue/job.h"
#include "queue/request.h"

struct redisReply;

#define SCHEDULE_PAGE_MAX    256  /* schedules of one page */
#define SCHEDULE_FIRES_MAX   64   /* items of one call of the fire script */
#define SCHEDULE_HISTORY_MAX 100  /* fires that are remembered, of each schedule, */
#define SCHEDULE_HISTORY_SLACK 28 /* and so many more at times, shown to nobody */
#define SCHEDULE_TIMING_MAX  4096 /* bytes of a timing */
#define SCHEDULE_NEVER       INT64_MAX

/* ---- names: claimed for the namespace before a schedule is set, freed after it is removed ---- */

/* Gives the queue that has the name now: ours, or whose it was before. */
void        schedule_claim_build(struct request *, const char *name_space, struct span name,
                                 struct span queue);
struct span schedule_claim_read(const struct redisReply *); /* absent: not an answer */
void        schedule_find_build(struct request *, const char *name_space, struct span name);
struct span schedule_find_read(const struct redisReply *);  /* its queue; absent: none */
void        schedule_free_build(struct request *, const char *name_space, struct span name);
/* All names and their queues: the reply is read by schedule_names_*. */
void        schedule_names_build(struct request *, const char *name_space);
size_t      schedule_names_count(const struct redisReply *);
void        schedule_names_item(const struct redisReply *, size_t i, struct span *ret_name,
                                struct span *ret_queue);

/* ---- setting --------------------------------------------------------------------------------- */

#define SCHEDULE_ANY_REVISION (-1) /* make it, or replace or remove what is there */
#define SCHEDULE_NO_REVISION  (-2) /* what none has */
#define SCHEDULE_NEW          0    /* only if there is none */

struct schedule_set {
    struct span name, timing; /* timing: JSON */
    const struct pinion_job *job; /* what it makes: kind, payload, options; no id, no time */
    int64_t     revision;     /* the one that it replaces, or one of the above */
    bool        from_now;     /* its times begin now: what was missed before is forgotten. A new one
                               * begins now anyhow */
    int64_t     next_ms;      /* for people, until a server knows better; SCHEDULE_NEVER */
};

enum schedule_changed {
    SCHEDULE_SET,
    SCHEDULE_SAME,
    SCHEDULE_CONFLICT,
    SCHEDULE_NONE,
    SCHEDULE_REMOVED,
};

void            schedule_set_build(struct request *, struct span key, const struct schedule_set *);
/* SAME: nothing differed, nothing was changed. CONFLICT: another revision. NONE: there is none. */
enum pinion_err schedule_set_read(const struct redisReply *, enum schedule_changed *ret,
                                  int64_t *ret_revision) must_use;
/* `revision`: the only one that may go, or SCHEDULE_ANY_REVISION. */
void            schedule_remove_build(struct request *, struct span key, struct span name,
                                      int64_t revision);
/* REMOVED, CONFLICT: it has another revision, and stays. NONE: there is none. */
enum pinion_err schedule_remove_read(const struct redisReply *, enum schedule_changed *ret,
                                     int64_t *ret_revision) must_use;

/* ---- reading --------------------------------------------------------------------------------- */

struct schedule_view { /* borrows from the reply */
    struct span name, timing, record; /* record: of its jobs (job_decode); absent if not asked */
    int64_t     revision;
    int64_t     watermark_ms;  /* what is due up to then was fired or passed over */
    int64_t     last_fire_ms;  /* 0: never */
    int64_t     next_ms;       /* as last told; SCHEDULE_NEVER */
    int64_t     fires;
    struct span last_job;      /* local id; absent: none */
    bool        buffered;      /* a job waits for the one that runs */
};

/* Pages by name; `after` absent: from the start. records: their jobs' records too. */
void        schedule_list_build(struct request *, struct span key, struct span after, size_t limit,
                                bool records);
int64_t     schedule_list_now_us(const struct redisReply *);
int64_t     schedule_list_edits(const struct redisReply *); /* of the queue's schedules so far */
size_t          schedule_list_count(const struct redisReply *);
/* Is there another page? Records may fill one (1 MiB) before its limit; without them, a page of
 * less than the limit is the last one. */
bool            schedule_list_more(const struct redisReply *);
enum pinion_err schedule_list_item(const struct redisReply *, size_t i,
                                   struct schedule_view *ret) must_use;

/* One, with its last fires. PINION_NOT_FOUND. */
void            schedule_show_build(struct request *, struct span key, struct span name);
enum pinion_err schedule_show_read(const struct redisReply *, struct schedule_view *ret) must_use;
/* Newest first: JSON objects {"fire_time" ms,"fired_at" ms,"outcome","job","missed","end"}. */
size_t          schedule_history_count(const struct redisReply *);
struct span     schedule_history_item(const struct redisReply *, size_t i);

/* ---- firing ---------------------------------------------------------------------------------- */

enum fire_mode {
    FIRE_TICK,     /* its time has come: the watermark moves, the job is made as `overlap` says */
    FIRE_MISS,     /* passed over: the watermark moves, no job */
    FIRE_RUN,      /* now, by hand: a job, whatever runs; the watermark stays */
    FIRE_BACKFILL, /* a past time, by hand: as RUN */
    FIRE_HEAL,     /* the watermark is far in the future: back to now */
};

enum overlap { OVERLAP_SKIP, OVERLAP_ALLOW, OVERLAP_QUEUE, OVERLAP_REPLACE };
extern const char *const overlap_names[]; /* "skip" "allow" "queue" "replace" */

struct fire_item {
    struct span    name;
    enum fire_mode mode;
    int64_t        revision, watermark_ms; /* as the caller knows them; RUN, BACKFILL: ignored */
    int64_t        at_ms;       /* logical time */
    int64_t        next_ms;     /* the one after it; SCHEDULE_NEVER */
    uint64_t       missed;      /* times that were passed over before it */
    uint64_t       limit;       /* fires in all; 0: no limit */
    enum overlap   overlap;
    uint64_t       expires_ms;  /* of its job, from the logical time on; 0: as its record says */
    char           local[ID_LEN + 1]; /* of the job, if it is made; empty: filled by build */
    /* filled by read */
    enum fired {
        FIRED_JOB,      /* a job was made (also by replace: the old one was cancelled) */
        FIRED_SKIPPED,  /* the last one runs; */
        FIRED_BUFFERED, /* or this one waits for it */
        FIRED_MISSED,   /* passed over, as asked; or fired before a clock stepped back */
        FIRED_ENDED,    /* its limit is reached */
        FIRED_BEHIND,   /* another server was first: see watermark_ms */
        FIRED_EDITED,   /* another revision: load it anew */
        FIRED_REMOVED,
        FIRED_EARLY,    /* at_ms is ahead of Redis's clock */
        FIRED_HEALED,
    } fired;
};

/* Items of one schedule come in the order of their times: each sees what those before it did. They
 * name the same watermark, or each the time of the one before.
 * Repeat it freely: the watermark tells. (RUN and BACKFILL: the id does, for a minute.) */
void            fire_build(struct request *, struct span key, struct fire_item *, size_t count,
                           int64_t now_ms);
/* watermark_ms of each item is Redis's now. */
enum pinion_err fire_read(const struct redisReply *, struct fire_item *, size_t count,
                          int64_t *ret_now_us) must_use;

#endif
