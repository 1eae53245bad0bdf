#include "control/api/cron.h"

#include "base/clock.h"
#include "base/time_text.h"
#include "control/api/call.h"
#include "control/cron_ask.h"
#include "control/service.h"
#include "control/upcoming.h"
#include "scheduler/schedule.h"

struct cron_query {
    char spec[CRON_TEXT_MAX + 1], tz[ZONE_NAME_MAX + 1], dst[16], from[TIME_TEXT_MAX];
    char name[QUEUE_NAME_MAX + 1];
    uint64_t count;
};

/* Into one of its rooms; *ret NULL: it is not there. false: it has answered. */
static bool read_text(struct http_exchange *x, const struct http_request *request,
                      const char *name, char *room, size_t room_size, const char **ret)
{
    struct span text;

    if (!api_query_text(x, request, name, room, room_size, &text)) return false;
    *ret = text.data ? room : NULL;
    return true;
}

static bool read_query(struct http_exchange *x, const struct http_request *request,
                       struct cron_query *q, struct cron_ask *ask, const char **ret_tz)
{
    static const char *const known[] = {"spec", "tz", "dst", "from", "count", "name", NULL};

    if (!api_query_is(x, request, known) ||
        !read_text(x, request, "spec", q->spec, sizeof q->spec, &ask->spec) ||
        !read_text(x, request, "tz", q->tz, sizeof q->tz, ret_tz) ||
        !read_text(x, request, "dst", q->dst, sizeof q->dst, &ask->dst) ||
        !read_text(x, request, "from", q->from, sizeof q->from, &ask->from) ||
        !read_text(x, request, "name", q->name, sizeof q->name, &ask->name) ||
        !api_query_number(x, request, "count", UPCOMING_MAX, &q->count))
        return false;
    if (ask->spec) return true;
    http_reply_error(x, PINION_INVALID,
                     "?spec= is missing: expected a cron expression, such as 30+2+*+*+*");
    return false;
}

void cron_show(struct http_exchange *x, const struct http_request *request,
               const struct route_args *args, void *ctx)
{
    struct cron_query query = {.count = UPCOMING_DEFAULT};
    struct cron_ask ask = {.prefix = "?"};
    const struct zone *zone;
    const char *tz;
    struct error why;

    (void)args;
    if (!read_query(x, request, &query, &ask, &tz)) return;
    if (zone_cache_get(service_zones(ctx), tz ? tz : "UTC", &zone, &why))
        http_reply_error(x, why.code, "?tz: %s", why.text);
    else if (cron_ask_read(&ask, zone, clock_wall_ms(), &why))
        api_reply_why(x, &why);
    else
        api_reply_json(x, 200, cron_ask_shape(&ask, query.count));
}
