/* queue/look.h — reading without changing: one job, a page of jobs, a queue, the servers.
 *
 * What is read borrows from the reply, except what a deinit is named for.
 */
#ifndef PINION_QUEUE_LOOK_H
#define PINION_QUEUE_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include "queue/filter.h"
#include "queue/job.h"
#include "queue/request.h"
#include "queue/steer.h"

struct redisReply;
struct json_t;

#define LIST_PAGE_MAX 512
#define STATES        8

/* scheduled waiting ready active retry done dead cancelled */
extern const char *const job_states[STATES];
bool job_state_ok(struct span);

/* What an attempt said last of how far it is. */
struct job_progress {
    unsigned    percent;
    int64_t     at_ms; /* when; 0: nothing was said */
    struct span note;  /* absent: none */
};

/* One job as people see it. */
struct job_view {
    struct span state;
    struct job  job;          /* all absent when only its end is remembered */
    bool        known;        /* false: ended, and all that is known is id, token and state */
    int64_t     started_ms;   /* of the running or the last attempt; 0: none, or not known */
    int64_t     due_ms;       /* scheduled, retry: when; 0: not waiting for a time */
    int64_t     finished_ms;  /* 0: not ended */
    unsigned    failures, reaps;
    const char *error, *why;  /* last error, reason of the end; NULL: none */
    struct span result, mark, server;
    bool        pulled;       /* it runs elsewhere, leased over HTTP: there is no server */
    struct span worker;       /* that pulled it, if it has a name */
    struct span errors;       /* JSON, see look_errors; only of show */
    struct job_progress progress; /* may be of an attempt before the running one */
    unsigned    children;     /* jobs that wait for it */
    int64_t     now_us;
    struct json_t *rare, *its_parents; /* private */
};

/* A job that another one waits for. */
struct job_parent {
    const char *id;      /* QUEUE:LOCAL */
    const char *outcome; /* done dead cancelled deleted not_found; NULL: it has not ended */
};

void            show_build(struct request *, struct span key, struct span local_id);
/* PINION_NOT_FOUND: no such job, nor the memory of one. */
enum pinion_err show_read(const struct redisReply *, struct span local_id,
                          struct job_view *ret) must_use;
void            job_view_deinit(struct job_view *);
/* What its last attempts failed of, [{"attempt","at","error"}], `at` in ms; the caller's. */
struct json_t  *look_errors(const struct job_view *);
/* Whom it waits for, or waited; from show only. Borrowed from the view. */
size_t          job_view_parents(const struct job_view *);
struct job_parent job_view_parent(const struct job_view *, size_t i);
bool            job_view_any_outcome(const struct job_view *); /* however they end */

/* `cursor` absent: from the start. A page may be short, or empty, although there is a next one. */
void   list_build(struct request *, struct span key, const char *state, const struct job_filter *,
                  struct span cursor, size_t limit);
struct span list_next(const struct redisReply *);  /* "" at the end */
size_t list_count(const struct redisReply *);
enum pinion_err list_item(const struct redisReply *, size_t i, const char *state,
                          struct job_view *ret)
    must_use;

/* Kept by heartbeats, each ten seconds for a minute: see past.lua. */
#define RATES_WINDOW_MIN_MS 1000
#define RATES_WINDOW_MAX_MS 90000

/* What was added to the totals, per second. */
struct queue_rates {
    int64_t window_ms; /* 0: not known, for no server serves the queue, or since a moment only */
    double  enqueued, done, failed;
};

struct queue_view {
    int64_t now_us;
    bool    paused, draining;
    bool    limited; /* it has limits; see queue/limit.h */
    struct bounds bounds; /* refuses new jobs beyond them */
    int64_t counts[STATES];
    /* totals */
    int64_t enqueued, done, failed, dead, cancelled, reaped, trimmed, deleted;
    struct queue_rates rates;
    int64_t oldest_ready_ms; /* age of the longest waiting ready job; 0: none */
};

void            stats_build(struct request *, struct span key);
enum pinion_err stats_read(const struct redisReply *, struct queue_view *ret) must_use;

/* The servers of that queue, from the same answer. */
struct server_view {
    struct span name, about; /* about: JSON */
    int64_t     seen_ms;     /* its last heartbeat */
};
size_t stats_servers(const struct redisReply *);
void   stats_server(const struct redisReply *, size_t i, struct server_view *ret);
/* One that is kept as `SEEN_MS JSON`. */
void   server_read(struct span name, struct span text, struct server_view *ret);

/* The names of all queues, in no order. A name that is none of ours is given all the same. */
void        queues_build(struct request *, const char *name_space);
size_t      queues_count(const struct redisReply *);
struct span queues_name(const struct redisReply *, size_t i);

#endif
