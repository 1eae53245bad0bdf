#include "control/api/servers.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/fleet.h"
#include "control/service.h"
#include "control/shape.h"

struct servers_page {
    struct fleet_ask ask;
    struct http_exchange *exchange;
    const struct http_request *request;
};

/* Of its queues, those that the caller may see. */
static json_t *server_seen_by(const struct http_request *request, const json_t *server)
{
    json_t *queues = json_array(), *seen = json_copy((json_t *)(uintptr_t)server), *queue;
    size_t i;

    json_array_foreach(json_object_get(server, "queues"), i, queue)
        if (api_may_see(request, span_of(json_string_value(queue))))
            json_array_append(queues, queue);
    json_object_set_new(seen, "queues", queues);
    return seen;
}

static void on_servers(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct servers_page *p = container_of(ask, struct servers_page, ask);
    json_t *items, *server;
    const char *name;

    if (err) {
        api_reply_failed(p->exchange, err, false);
    } else {
        items = json_array();
        json_object_foreach(view->servers, name, server)
            json_array_append_new(items, server_seen_by(p->request, server));
        api_reply_json(p->exchange, 200, shape_list(items, NULL));
    }
    free(p);
}

void servers_list(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct servers_page *p;

    (void)args;
    if (!api_query_is(x, request, known) || !api_has_redis(ctx, x)) return;
    p = xcalloc(1, sizeof *p);
    p->ask.done = on_servers;
    p->exchange = x;
    p->request = request;
    fleet_ask(service_fleet(ctx), &p->ask);
}
