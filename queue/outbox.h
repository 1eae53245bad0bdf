/* queue/outbox.h — what a queue has to tell others: read, told, and then trimmed. Pure.
 *
 * Steps that cross queues are two scripts, which may run in different slots. Each may be repeated:
 * what was told is trimmed only afterwards, and to be told twice changes nothing.
 */
#ifndef PINION_QUEUE_OUTBOX_H
#define PINION_QUEUE_OUTBOX_H

#include <stddef.h>
#include <stdint.h>
#include "base/buffer.h"
#include "base/error.h"
#include "queue/request.h"

#define OUTBOX_ITEMS_MAX 256 /* read, or told, in one call */
#define OUTBOX_TRIES_MAX 5   /* of an item that cannot be told; then it is set aside */

struct redisReply;

struct outbox_item {
    uint64_t    sequence;
    unsigned    tries;       /* that failed so far */
    struct span queue, what; /* to whom, and what: for tell */
    struct span entry;       /* all of it: for put_back */
};

/* `told`: up to where all was told before, which is trimmed; 0: nothing was. */
void        relay_build(struct request *, struct span key, uint64_t told);
size_t      relay_count(const struct redisReply *);
/* PINION_INTERNAL: not an item of ours. Borrowed from the reply. */
enum pinion_err relay_item(const struct redisReply *, size_t i, struct outbox_item *ret) must_use;

/* What could not be told: tried again later, behind all others, or set aside for good. */
void        put_back_build(struct request *, struct span key);
void        put_back_add(struct request *, struct span entry);
enum put_back { PUT_BACK_LATER, PUT_BACK_UNTOLD, PUT_BACK_GONE };
/* LATER: under the new sequence number. GONE: another server did it, or the answer was lost. */
enum put_back put_back_read(const struct redisReply *, size_t i, uint64_t *ret_sequence);

/* Starts a call to the queue of that key; then its items, one by one. */
void        tell_build(struct request *, struct span key);
void        tell_add(struct request *, struct span what);
/* "", or how the parent of the i-th item had ended already, of which its child is to be told. */
struct span tell_answer(const struct redisReply *, size_t i);
/* What the child of `item`, a bond, hears then: the queue is given, and what is written. */
enum pinion_err tell_end(const struct outbox_item *bond, struct span outcome,
                         struct span *ret_queue, struct buffer *what) must_use;

#endif
