/* queue/sync.h — the blocking client: one connection, for the command and for pinion.h.
 *
 * Sends the same requests as the link. One thread at a time.
 */
#ifndef PINION_QUEUE_SYNC_H
#define PINION_QUEUE_SYNC_H

#include <stdint.h>
#include "base/error.h"
#include "queue/redis_info.h"
#include "queue/redis_url.h"
#include "queue/request.h"

struct redisReply;
struct sync;

struct sync_options {
    const char *name_space;
    uint64_t    connect_timeout_ms; /* of it all: waits while Redis starts or loads; 0: 5 s */
    uint64_t    reply_timeout_ms;   /* of one reply; 0: 10 s */
    bool        allow_eviction;
    bool        at_once;            /* where nobody listens, the first connection does not wait */
};

/* Connects and shakes hands (password, database, record format, eviction, clock). Repeats until the
 * connect timeout; with `at_once` only while somebody listens. `url` is borrowed until close: a
 * lost connection is opened again by itself. */
enum pinion_err sync_open(const struct redis_url *url, const struct sync_options *,
                          struct sync **ret_sync, struct error *why) must_use;
void            sync_close(struct sync *); /* NULL: no-op */

const struct redis_info *sync_info(const struct sync *);
/* Redis's clock, by ours and the offset. */
int64_t                  sync_now_ms(const struct sync *);

/* Sends and waits. A script that is not loaded is loaded, and sent again. On success *ret_reply is
 * the caller's (sync_reply_free); an error answer of Redis is mapped (OOM: busy) and not a reply.
 * PINION_UNAVAILABLE: the connection failed or the time is over; the outcome is unknown. */
enum pinion_err sync_call(struct sync *, struct request *, struct redisReply **ret_reply,
                          struct error *why) must_use;
/* Sends `count` requests before it reads the first reply; one answer and one status each. */
void            sync_call_many(struct sync *, struct request *const requests[], size_t count,
                               struct redisReply *ret_replies[], enum pinion_err ret_errs[],
                               struct error *why);
void            sync_reply_free(struct redisReply *); /* NULL: no-op */

/* Follows channels on a second connection. */
struct watch;
enum pinion_err watch_open(struct sync *, const char *const channels[], size_t count,
                           struct watch **ret_watch, struct error *why) must_use;
/* The next message, or PINION_BUSY when none came in time; copies into `text` (cut if longer).
 * PINION_UNAVAILABLE: the subscription was lost, or has just been renewed by this call: look for
 * what was published meanwhile, and call again. */
enum pinion_err watch_next(struct watch *, uint64_t timeout_ms, char *text, size_t size) must_use;
void            watch_close(struct watch *);

#endif
