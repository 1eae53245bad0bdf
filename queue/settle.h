/* queue/settle.h — what becomes of an attempt: renewed, acked, failed or released, in batches;
 * and how far it is.
 *
 * Each may be sent again when its reply was lost: the token tells whose attempt it was, and what
 * ended is remembered. At most BATCH_ITEMS_MAX items a call.
 */
#ifndef PINION_QUEUE_SETTLE_H
#define PINION_QUEUE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>
#include "queue/job.h"
#include "queue/request.h"

struct redisReply;

enum settled {
    SETTLED_OK,        /* as asked */
    SETTLED_STALE,     /* the lease was lost: nothing was changed */
    SETTLED_CANCEL,    /* renewed, but somebody cancelled it: stop the work */
    SETTLED_RETRY,     /* failed; another attempt will come */
    SETTLED_DEAD,      /* failed; it was the last attempt */
    SETTLED_CANCELLED, /* failed, and was marked */
    SETTLED_INVALID,   /* progress: beyond its bounds, nothing was changed */
    SETTLED_AGAIN,     /* ack_pull: it was done by a call before */
    SETTLED_LATE,      /* ack_pull, extend: the attempt had its time, and will be failed for that */
};

struct settle_item {
    struct span  id, token;  /* borrowed until the call was built */
    struct span  text;       /* ack_rich: the result; fail: the error; progress: the note */
    uint64_t     lease_ms;   /* renew */
    int64_t      started_ms; /* ack_rich, fail: when the attempt began, Redis's clock */
    int64_t      delay_ms;   /* fail: until the next attempt; -1: do not retry */
    bool         uncharged;  /* fail: the attempt does not count, and is no error */
    unsigned     percent;    /* progress */
    unsigned     pack_size;  /* ack: of the pack that it was claimed with; 0: none */
    enum settled settled;    /* filled by read */
};

void renew_build(struct request *, struct span key, const struct settle_item *, size_t count);
/* Items of one claim or pack should stand together: they are told as one. Plain jobs only. */
void ack_build(struct request *, struct span key, const struct settle_item *, size_t count);
void ack_rich_build(struct request *, struct span key, const struct settle_item *, size_t count);
void fail_build(struct request *, struct span key, const struct settle_item *, size_t count);
void release_build(struct request *, struct span key, const struct settle_item *, size_t count);
void progress_build(struct request *, struct span key, const struct settle_item *, size_t count);

/* The answer of any of them, filled into the items that it was built from. */
enum pinion_err settle_read(const struct redisReply *, enum script, struct settle_item *,
                            size_t count)
    must_use;

#endif
