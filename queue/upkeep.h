/* queue/upkeep.h — what servers do for a queue besides running its jobs. All may be repeated. */
#ifndef PINION_QUEUE_UPKEEP_H
#define PINION_QUEUE_UPKEEP_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/request.h"

struct redisReply;

#define UPKEEP_NEVER INT64_MAX

/* Once a second per queue: says that the server is there, and asks what there is to do. */
struct heartbeat {
    int64_t now_us;        /* Redis's clock */
    int     seat;          /* of this server in this queue; -1: all SEATS_MAX are taken */
    bool    heard;         /* our channel has a subscriber */
    bool    claimable;     /* a job waits that one of the patterns could run */
    int64_t next_due_ms;   /* UPKEEP_NEVER: nothing is delayed */
    int64_t lease_end_us;  /* of the lease that ends first; UPKEEP_NEVER: none */
    bool    sweep;         /* a retention is over */
    int64_t schedule_edits; /* of the queue's schedules, so far */
    bool    idle;          /* this server is among the idle */
    bool    outbox;        /* other queues are to be told something */
};

/* `patterns`: of handlers with a free slot. `about`: JSON, shown by `server list`. `memory_mark`:
 * above that many per cent of Redis's maxmemory the queue refuses new jobs; 0: never. */
void heartbeat_build(struct request *, struct span key, const char *server, const char *about,
                     const char *channel, unsigned memory_mark, const char *const patterns[],
                     size_t count);
enum pinion_err heartbeat_read(const struct redisReply *, struct heartbeat *ret) must_use;

struct promoted {
    int64_t count, next_due_ms, now_us;
    bool    more;
};

void promote_build(struct request *, struct span key);
enum pinion_err promote_read(const struct redisReply *, struct promoted *ret) must_use;

struct reaped {
    int64_t count;
    bool    more, jump; /* jump: the clock was not where it was expected, so nothing was done */
    size_t  late;       /* attempts to fail; see reaped_late */
};

/* `expect_ms`: where the caller expects Redis's clock. */
void reap_build(struct request *, struct span key, int64_t expect_ms);
enum pinion_err reap_read(const struct redisReply *, struct reaped *ret) must_use;

/* An attempt at a job that was pulled; its spans borrow from the reply. */
struct pull_attempt {
    struct span id, token, head; /* head: its record without the payload */
    unsigned    failures;        /* before it */
    int64_t     started_ms;
};
/* The i-th that had its time, and is to be failed for that. */
struct pull_attempt reaped_late(const struct redisReply *, size_t i);

/* What this server's seat holds and nobody works at: ALL, for what a former life of it held;
 * UNHEARD, what was never renewed, of one that renewed all it knows: its claim's answer, or what
 * was pushed to it, was lost. Nothing more is pushed to it until it claims again.
 * From rank 0 on until *ret_next is -1. */
enum take_back { TAKE_BACK_ALL, TAKE_BACK_UNHEARD };
void take_back_build(struct request *, struct span key, const char *server, enum take_back,
                     int64_t rank);
enum pinion_err take_back_read(const struct redisReply *, int64_t *ret_count,
                               int64_t *ret_next) must_use;

void sweep_build(struct request *, struct span key);
enum pinion_err sweep_read(const struct redisReply *, int64_t *ret_count, bool *ret_more) must_use;

/* `empty`: the server knows that it holds no lease, so its seat is free again. Else that is looked
 * up, after all that was sent before. */
void leave_build(struct request *, struct span key, const char *server, bool empty);

/* So that `queue list` finds it; sent once per queue and connection. */
void queue_register_build(struct request *, const char *name_space, struct span queue);
/* Nobody had registered it before. */
bool queue_register_was_new(const struct redisReply *);

#endif
