/* queue/ev_adapter.h — one asynchronous context of hiredis on a libev loop.
 *
 * What is sent during a turn of the loop is written once, right before the loop sleeps; the loop
 * watches for room in the socket only when not all of it could be written.
 */
#ifndef PINION_QUEUE_EV_ADAPTER_H
#define PINION_QUEUE_EV_ADAPTER_H

#include <ev.h>
#include <stdbool.h>
#include "queue/hiredis_shim.h"

struct ev_adapter {
    struct ev_loop *loop;
    redisAsyncContext *ctx; /* read-only; NULL: none attached */
    bool connected;         /* set by the owner, in the connect callback */
    /* hiredis is freeing the context, whatever the reason: the one sign that never fails to come.
     * It comes from inside of hiredis, so only forget and defer here. */
    void (*on_gone)(struct ev_adapter *, const char *why);
    bool flushing, unsent;  /* private from here on */
    ev_io read, write;
    ev_prepare flush;
};

void ev_adapter_init(struct ev_adapter *, struct ev_loop *,
                     void (*on_gone)(struct ev_adapter *, const char *why));
void ev_adapter_attach(struct ev_adapter *, redisAsyncContext *);
/* Adapter and context forget each other, and the caller frees the context. None attached: no-op. */
void ev_adapter_detach(struct ev_adapter *);

#endif
