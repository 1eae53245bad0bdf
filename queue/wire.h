/* queue/wire.h — a blocking conversation with Redis over one socket; every wait has a deadline.
 *
 * The socket is our own and only the reader of replies is hiredis's, so that sending and reading
 * interleave: however much is sent, neither side waits for the other to empty its buffer.
 */
#ifndef PINION_QUEUE_WIRE_H
#define PINION_QUEUE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "queue/redis_url.h"
#include "queue/request.h"

struct redisReader;
struct redisReply;

struct wire {
    int fd;                     /* -1: closed */
    struct redisReader *reader;
};

#define WIRE_CLOSED ((struct wire){.fd = -1})

/* PINION_UNAVAILABLE: nobody listens, or not in time (by clock_mono_ms). */
enum pinion_err wire_open(const struct redis_url *, uint64_t deadline_ms, struct wire *ret_wire,
                          struct error *why) must_use;
void            wire_close(struct wire *); /* closed already: no-op */
/* Open, and the other side has neither hung up nor said anything unasked. */
bool            wire_is_quiet(const struct wire *);

/* Sends all, reads as many replies (the caller's), each within `timeout_ms` of the one before.
 * Gives how many came; fewer than `count`: the wire is closed, and `why` says what happened. */
size_t          wire_exchange(struct wire *, struct request *const requests[], size_t count,
                              struct redisReply *ret_replies[], uint64_t timeout_ms,
                              struct error *why) must_use;
/* Only sends. A failure closes the wire. */
enum pinion_err wire_send(struct wire *, struct request *const requests[], size_t count,
                          uint64_t deadline_ms, struct error *why) must_use;
/* The next reply (the caller's). PINION_BUSY: none in time, the wire is still open. */
enum pinion_err wire_read(struct wire *, uint64_t deadline_ms, struct redisReply **ret_reply,
                          struct error *why) must_use;

#endif
