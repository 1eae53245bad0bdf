/* queue/connection.h — one connection to Redis that heals itself: connect, greet, lose, again.
 *
 * Embedded by the link's two users of it. It shakes hands by itself; its owner then makes itself
 * ready (connection_ready ends the deadline of the attempt) and sends. Callbacks come from the
 * loop, never from within a function below, and never from within hiredis's connect callback.
 */
#ifndef PINION_QUEUE_CONNECTION_H
#define PINION_QUEUE_CONNECTION_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include "queue/ev_adapter.h"
#include "queue/handshake.h"
#include "queue/resolve.h"

#define CONNECTION_BACKOFF_MIN_MS 50
#define CONNECTION_BACKOFF_MAX_MS 2000
#define CONNECTION_LOADING_MS     100 /* Redis reads its file: look again that soon */

struct connection;

enum connection_at {
    CONNECTION_STOPPED,
    CONNECTION_WAITING,   /* for the backoff to pass */
    CONNECTION_RESOLVING, /* the host's name */
    CONNECTION_OPENING,   /* the socket */
    CONNECTION_GREETING,  /* the handshake, and then the owner's own preparations */
    CONNECTION_UP,
    CONNECTION_LEAVING,   /* broken or given up; closed in the next turn, then tried again */
    CONNECTION_CLOSING,   /* the same, and then stopped */
};

struct connection_events {
    void (*on_greeted)(struct connection *); /* shaken hands: get ready */
    void (*on_lost)(struct connection *);    /* answers will not come; or an attempt failed */
    /* After on_lost, once per cause. */
    void (*on_refused)(struct connection *, const struct error *why);
};

struct connection {
    struct ev_loop *loop;       /* the owner's to set, up to `timeout_ms`; for connection_init */
    const struct connection_events *events;
    const char *name;           /* for the log */
    struct handshake handshake; /* from url to light; .info is the answer */
    uint64_t timeout_ms;        /* of one attempt, until ready */

    enum connection_at at;      /* private from here on */
    struct ev_adapter adapter;
    struct resolver resolver;
    struct request  request;
    ev_timer alarm;             /* what for depends on `at` */
    uint64_t alarm_ms;          /* by clock_mono_ms, which alone decides */
    unsigned failures;          /* since it was up */
    unsigned turn;              /* which of a host's addresses is tried */
    struct error why;           /* of the loss under way */
    struct error said;          /* what the log and the owner know already */
    char *where;                /* the URL without its password */
};

void connection_init(struct connection *);
void connection_deinit(struct connection *); /* closes; nothing is called back */
void connection_start(struct connection *);
void connection_stop(struct connection *);   /* nothing is called back from here on */
void connection_ready(struct connection *);  /* in or after on_greeted */

static inline bool connection_is_up(const struct connection *c)
{
    return c->at == CONNECTION_UP;
}

/* `answer` gets `data` back. It must ignore a NULL reply, and one for a context whose data is NULL:
 * on_lost stands for those. False: not sent, the connection is breaking. */
bool connection_send(struct connection *, struct span bytes, redisCallbackFn *answer, void *data)
    must_use;
/* Breaks it: on_lost follows, and a new attempt. Not connected: no-op. */
void connection_give_up(struct connection *, enum pinion_err, const char *why);

#endif
