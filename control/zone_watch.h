/* control/zone_watch.h — notices that the system's zone data was renewed, while the service runs.
 *
 * Embed it. Loop thread only.
 */
#ifndef PINION_CONTROL_ZONE_WATCH_H
#define PINION_CONTROL_ZONE_WATCH_H

#include "scheduler/ticker.h"

#define ZONES_LOOK_MS 60000 /* how often their files are looked at */

struct zone_cache;

struct zone_watch { /* private */
    struct alarm look_at;
    struct ticker *ticker;
    struct zone_cache *zones;
    void (*changed)(void *ctx);
    void *ctx;
};

void zone_watch_init(struct zone_watch *, struct ticker *, struct zone_cache *, /* borrowed */
                     void (*changed)(void *ctx), void *ctx);
void zone_watch_start(struct zone_watch *);
void zone_watch_stop(struct zone_watch *); /* not started: no-op */

#endif
