/* control/listing.h — a page of a queue's jobs: state after state, each in pages of its own. Pure.
 *
 *      init ──► build ──► (Redis) ──► read ──► more? ──► build ...
 *                                       └──────► no: listing_cursor() tells where to go on
 *
 * Who asks Redis, and waits how, is the caller's business.
 */
#ifndef PINION_CONTROL_LISTING_H
#define PINION_CONTROL_LISTING_H

#include <stdbool.h>
#include "base/buffer.h"
#include "base/error.h"
#include "base/text.h"
#include "queue/look.h"

struct listing_options {
    struct span queue, state; /* borrowed; state absent: all */
    struct job_filter filter; /* borrowed */
    struct span after;        /* the cursor of a former page; absent: from the start */
    uint64_t    limit;
    size_t      bytes_max;    /* of payloads; it ends behind the job that passes them */
};

struct listing {
    struct listing_options o;
    size_t        state, state_end; /* of job_states; state_end itself is no more looked at */
    struct span   place;            /* cursor within the state; absent: its start */
    struct buffer place_room;
    uint64_t      left;
    size_t        bytes;
};

typedef void listing_item_fn(void *ctx, const struct job_view *);

/* PINION_INVALID: a bad name or cursor; deinit is due all the same. */
enum pinion_err listing_init(struct listing *, const struct listing_options *,
                             struct error *why) must_use;
void listing_deinit(struct listing *);

bool listing_more(const struct listing *);
void listing_build(const struct listing *, struct request *, struct span key);
/* Calls `item` for each job of the reply; what is not a record of ours is passed over. */
void listing_read(struct listing *, const struct redisReply *, listing_item_fn *item, void *ctx);
/* Where the next page begins (the caller's); NULL: there is none. */
char *listing_cursor(const struct listing *) must_use;

#endif
