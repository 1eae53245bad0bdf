#include "control/zone_watch.h"

#include "base/log.h"
#include "scheduler/schedule.h"

static void on_look_at(struct alarm *alarm)
{
    struct zone_watch *w = container_of(alarm, struct zone_watch, look_at);

    zone_watch_start(w);
    if (!zone_cache_refresh(w->zones)) return;
    log_info("zones_changed");
    w->changed(w->ctx);
}

void zone_watch_init(struct zone_watch *w, struct ticker *ticker, struct zone_cache *zones,
                     void (*changed)(void *ctx), void *ctx)
{
    *w = (struct zone_watch){.ticker = ticker, .zones = zones, .changed = changed, .ctx = ctx};
    alarm_init(&w->look_at, on_look_at);
}

void zone_watch_start(struct zone_watch *w)
{
    ticker_set_in(w->ticker, &w->look_at, ZONES_LOOK_MS);
}

void zone_watch_stop(struct zone_watch *w)
{
    ticker_cancel(w->ticker, &w->look_at);
}
