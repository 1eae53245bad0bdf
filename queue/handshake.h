/* queue/handshake.h — what is said on every new connection, as a table of steps.
 *
 * The link and the blocking client ask the same questions: handshake_ask writes the next one,
 * handshake_take reads its answer. A light handshake (a connection for subscriptions) is only
 * password and name. Does no I/O; reads the clock.
 */
#ifndef PINION_QUEUE_HANDSHAKE_H
#define PINION_QUEUE_HANDSHAKE_H

#include <stdbool.h>
#include "base/error.h"
#include "queue/redis_info.h"
#include "queue/redis_url.h"
#include "queue/request.h"

struct redisReply;

#define REDISS_UNSUPPORTED                                                                         \
    "rediss:// needs TLS, which this build has not: use redis:// or unix://, or a tunnel"

struct handshake {
    const struct redis_url *url; /* borrowed */
    const char *name_space;      /* borrowed */
    bool allow_eviction, light;

    /* Read-only. */
    struct redis_info info;      /* whole when handshake_ask gives false */
    bool loading;                /* failed because Redis reads its file: try again soon */
    bool refused;                /* failed for good, until a person changes something */

    unsigned step;               /* private from here on */
    unsigned uploading;          /* the script that is being loaded */
    int64_t  asked_us;
    bool     format_is_absent, is_loaded[SCRIPTS];
};

void handshake_begin(struct handshake *); /* starts over; url to light are the caller's */
bool handshake_ask(struct handshake *, struct request *); /* false: there is nothing more to ask */
enum pinion_err handshake_take(struct handshake *, const struct redisReply *, struct error *why)
    must_use;

#endif
