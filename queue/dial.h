/* queue/dial.h — how the blocking client gets a connection that is ready.
 *
 * Private to sync.c and watch.c.
 */
#ifndef PINION_QUEUE_DIAL_H
#define PINION_QUEUE_DIAL_H

#include "queue/sync.h"
#include "queue/wire.h"

struct sync {
    const struct redis_url *url;
    struct sync_options options; /* with the defaults filled in; its name_space is ours */
    struct redis_info   info;    /* of the last handshake that was not light */
    struct wire         wire;
};

/* Connects and shakes hands, again and again until `deadline_ms`, unless it is refused for good.
 * `light`: as is fit for subscriptions; else sync->info is renewed. */
enum pinion_err dial(struct sync *, bool light, uint64_t deadline_ms, struct wire *ret_wire,
                     struct error *why) must_use;

#endif
