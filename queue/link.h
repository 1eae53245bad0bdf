/* queue/link.h — a self-healing connection to Redis on the loop. A test replaces it at link time.
 *
 * Two connections behind one face: one for calls, one for subscriptions (SUBSCRIBE needs its own).
 * Each connects, shakes hands, and when it breaks connects again with backoff, for ever.
 *
 * The promise: a call ends exactly once, never before link_send() has returned, also when the
 * connection is cut, Redis is killed or the deadline passes. A change that ends with
 * PINION_UNAVAILABLE may or may not have happened: repeat it.
 *
 * Loop thread only. Nothing here blocks. A signal that nobody asked for must not end the process
 * when Redis hangs up: link_start ignores SIGPIPE if it still has its default.
 */
#ifndef PINION_QUEUE_LINK_H
#define PINION_QUEUE_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "base/error.h"
#include "base/list.h"
#include "queue/request.h"
#include "queue/redis_info.h"
#include "queue/redis_url.h"

struct ev_loop;
struct redisReply;
struct link;
struct call;

/* `reply` is set only with PINION_OK, and belongs to the link: the readers of queue/ read it. */
typedef void call_fn(struct call *, enum pinion_err, const struct redisReply *reply);

/* Embed it, recover the owner with container_of. It and its request stay put until `done`. */
struct call {
    struct request request;
    call_fn       *done;
    struct list    node;        /* private from here on */
    struct link   *link;
    uint64_t       sent_us;     /* by clock_mono_us: the deadline follows from it */
    bool           repeated;    /* sent again after the script was loaded */
};

struct link_options {
    struct redis_url url;               /* borrowed until link_free */
    const char *name_space;
    uint64_t    call_timeout_ms;        /* 0: 10 s */
    bool        allow_eviction;
    /* The handshake is done, for the first time or again; `info` is what Redis said. Before any
     * call that is sent from here on. */
    void (*on_up)(void *ctx, const struct redis_info *info);
    void (*on_down)(void *ctx);         /* calls end with PINION_UNAVAILABLE until it is up again */
    /* It cannot work until a person changes something: unknown record format, a Redis that evicts
     * or is too old, wrong password, rediss://. Once per cause; the link goes on trying, slowly. */
    void (*on_refused)(void *ctx, const struct error *why);
    /* The channels are (again) subscribed: what was published before may have been missed. */
    void (*on_subscribed)(void *ctx);
    void (*on_unsubscribed)(void *ctx); /* the subscription was lost; it is being renewed */
    void (*on_message)(void *ctx, struct span channel, struct span text);
    void *ctx;
};

struct link *link_new(struct ev_loop *, const struct link_options *);
void         link_subscribe(struct link *, const char *channel); /* also after the start */
void         link_unsubscribe(struct link *, const char *channel); /* not subscribed: no-op */
void         link_start(struct link *);
/* Gives up what is in flight (each call ends, from the loop), closes. Nothing is called back but
 * the `done` of those calls. */
void         link_stop(struct link *);
void         link_free(struct link *); /* no call is left: after link_stop and a turn of the loop */

bool link_is_up(const struct link *);
bool link_is_idle(const struct link *); /* no call is left */
void link_send(struct link *, struct call *, call_fn *done);
/* Drops the subscription and makes it anew; for when it is believed to be deaf. */
void link_resubscribe(struct link *);
/* From link_send of the last call to its reply, in microseconds; 0 before the first. */
uint64_t link_roundtrip_us(const struct link *);

#endif
