/* queue/claim.h — READY -> ACTIVE: leases jobs for a server that can start them now.
 *
 * A claim that finds too little puts its server among the idle. What comes then is told to it: that
 * it should claim, or, pushed by the script that made it, a job that is leased to it already.
 *
 * A claim is never repeated when its reply was lost: the leases lapse.
 */
#ifndef PINION_QUEUE_CLAIM_H
#define PINION_QUEUE_CLAIM_H

#include <stdbool.h>
#include "queue/job.h"
#include "queue/pack.h"
#include "queue/request.h"

struct redisReply;

/* What a handler can take. Order matters: exact kinds, then prefixes from the longest on, "*" last;
 * full handlers too (slots 0), for a kind belongs to its most telling pattern. */
struct claim_slots {
    const char *pattern;
    unsigned    slots;
};

struct claim_args {
    const char *server;
    unsigned    seat;
    uint64_t    lease_ms;
    unsigned    free;       /* slots in all; 0: only pass a wake-up on to another idle server */
    bool        subscribed; /* our channel is heard, so we may be put among the idle, */
    uint64_t    asked_us;   /* and what is pushed to us then says so: by clock_mono_us */
    const char *pullers;    /* NULL: a server's own; else who pulls: "WORKER N WORKER N ..." get
                             * the first N jobs, the next N ... */
    const struct claim_slots *slots;
    size_t      slots_count;
};

/* What a script answered; borrows from the reply. */
struct claim {
    bool   more;  /* jobs are left that we could run: claim again when a slot is free */
    bool   idle;     /* we are among the idle now */
    bool   was_idle; /* and were when it was asked */
    size_t count;    /* jobs, those in packs too */
    const struct redisReply *reply; /* private, as is the rest */
    size_t at, look;
    struct pack_reader pack;
};

struct claimed {
    struct span id, record, token; /* local id; all borrowed, the id until the next one is read */
    unsigned    failures;          /* attempts that failed before */
    unsigned    pack_size;         /* of the pack that it is leased with; 0: none */
    bool        rare;              /* something is kept beside the record: end it with ack_rich */
};

/* One job, leased to us while we were idle: "push QUEUE ID TOKEN ASKED RECORD". */
struct pushed {
    struct claimed job;      /* borrows from the message */
    uint64_t       asked_us; /* of the claim that put us among the idle */
};

void            claim_build(struct request *, struct span key, const struct claim_args *);
enum pinion_err claim_read(const struct redisReply *, struct claim *ret_claim) must_use;
bool            claim_next(struct claim *, struct claimed *ret_item); /* false: that was the last */
/* What follows "push QUEUE ". PINION_INTERNAL: not what the script sends. */
enum pinion_err pushed_read(struct span text, struct pushed *ret_pushed) must_use;

#endif
