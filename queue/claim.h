/* queue/claim.h — READY -> ACTIVE: leases jobs for a server that can start them now.
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
    bool        subscribed; /* our channel is heard, so we may be put among the idle */
    const struct claim_slots *slots;
    size_t      slots_count;
};

/* What a script answered; borrows from the reply. */
struct claim {
    bool   more;  /* jobs are left that we could run: claim again when a slot is free */
    size_t count; /* jobs, those in packs too */
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

void            claim_build(struct request *, struct span key, const struct claim_args *);
enum pinion_err claim_read(const struct redisReply *, struct claim *ret_claim) must_use;
bool            claim_next(struct claim *, struct claimed *ret_item); /* false: that was the last */

#endif
