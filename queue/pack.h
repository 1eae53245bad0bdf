/* queue/pack.h — many plain jobs in one record, as bulk work is stored and leased. Pure.
 *
 * queue/scripts/shared/pack.lua says what a pack is. Its record is `2 LANE \n SIZE \n` and a
 * MessagePack array of the records (github.com/msgpack/msgpack: array 16 of str 16), which Redis
 * can read when one of its jobs has to stand for itself.
 */
#ifndef PINION_QUEUE_PACK_H
#define PINION_QUEUE_PACK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/id.h"
#include "base/text.h"

#define PACK_JOBS_MIN   4           /* fewer jobs stand for themselves */
#define PACK_JOBS_MAX   64          /* a bit for each in 64 */
#define PACK_BYTES_MAX  (64 * 1024) /* of its records; a job that is larger stands for itself */
#define PACK_NAME_LEN   (1 + ID_LEN - ID_BLOCK_CHARS)
#define PACK_BITS_LEN   16

/* "PREFIX*", of any of its jobs: names sort as ids do. */
void pack_name(struct span id, char out[PACK_NAME_LEN + 1]);
unsigned pack_place(struct span id); /* of a made id in its pack, below PACK_JOBS_MAX */

/* Writing: begin, then each record as a head and a payload; `size` of them. */
void pack_begin(struct buffer *, struct span lane, size_t size);
void pack_add(struct buffer *, struct span head, struct span payload);

/* Reading. */
struct pack_reader {
    unsigned    size;       /* read-only: jobs in the pack, */
    unsigned    at;         /* and how many were read */
    struct span rest;       /* private */
    char        id[ID_LEN + 1];
};
bool pack_is(struct span name);
/* false: not a pack of ours. */
bool pack_open(struct pack_reader *, struct span name, struct span record) must_use;
/* The next job; both borrow, the id from the reader, until the next one. false: that was the last,
 * or the rest is damaged. */
bool pack_next(struct pack_reader *, struct span *ret_id, struct span *ret_record);

#endif
