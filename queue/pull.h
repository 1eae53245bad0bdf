/* queue/pull.h — what becomes of jobs that are pulled over HTTP, through whichever server: acked,
 * extended, and looked at before they are failed.
 *
 * Each knows its attempt by the token, so any server may pass it on, and again when a reply was
 * lost. At most BATCH_ITEMS_MAX items and BATCH_BYTES_MAX a call. Claims: see claim.h; failures,
 * releases and progress: settle.h.
 */
#ifndef PINION_QUEUE_PULL_H
#define PINION_QUEUE_PULL_H

#include "queue/settle.h"
#include "queue/upkeep.h"

/* What the scripts say of an item of the same place. Spans borrow from the reply. */
struct pull_answer {
    enum settled settled;
    struct span  kind;       /* ack: SETTLED_OK only */
    int64_t      started_ms; /* the same */
    int64_t      until_ms;   /* extend: when the lease ends, by Redis's clock */
    uint64_t     timeout_ms; /* SETTLED_LATE: the time that it had */
};

/* Of each item: id, token, text (the result). */
void ack_pull_build(struct request *, struct span key, const struct settle_item *, size_t count);
enum pinion_err ack_pull_read(const struct redisReply *, struct pull_answer *, size_t count)
    must_use;

/* Of each item: id, token, lease_ms. */
void extend_build(struct request *, struct span key, const struct settle_item *, size_t count);
enum pinion_err extend_read(const struct redisReply *, struct pull_answer *, size_t count) must_use;

/* Of each item: id, token. `started_ms` 0: it is not leased with that token. */
void pulls_build(struct request *, struct span key, const struct settle_item *, size_t count);
enum pinion_err pulls_read(const struct redisReply *, struct pull_attempt *, size_t count) must_use;

/* The lease that is given to whoever asks for this one: as long, or the next longer one that there
 * is a seat for. The seat tells how long it was. */
uint64_t pull_lease_ms(uint64_t asked_ms, unsigned *ret_seat);

/* When the attempt with that token began, by Redis's clock. `own_lease_ms`: what its job asks for;
 * 0: nothing. */
int64_t pull_began_ms(uint64_t token, uint64_t own_lease_ms);

/* Could this be the token of a job that is pulled? */
bool pull_token_ok(struct span);

#endif
