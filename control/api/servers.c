#include "control/api/servers.h"

#include <stdlib.h>
#include <string.h>
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
    uint64_t limit;
    char after[QUEUE_NAME_MAX + 1]; /* "": from the first on */
};

json_t *servers_recent_seen_by(const struct http_request *request, const json_t *recent)
{
    json_t *seen = json_copy((json_t *)(uintptr_t)recent), *kinds = json_array(), *kind;
    size_t i;

    json_array_foreach (json_object_get(recent, "kinds"), i, kind)
        if (api_may_see(request, span_of(json_string_value(json_object_get(kind, "queue")))))
            json_array_append(kinds, kind);
    json_object_set_new(seen, "kinds", kinds);
    return seen;
}

/* Of its queues and kinds, those that the caller may see. */
static json_t *server_seen_by(const struct http_request *request, const json_t *server)
{
    json_t *queues = json_array(), *seen = json_copy((json_t *)(uintptr_t)server), *queue;
    json_t *recent;
    size_t i;

    json_array_foreach(json_object_get(server, "queues"), i, queue)
        if (api_may_see(request, span_of(json_string_value(queue))))
            json_array_append(queues, queue);
    json_object_set_new(seen, "queues", queues);
    if ((recent = json_object_get(server, "recent")))
        json_object_set_new(seen, "recent", servers_recent_seen_by(request, recent));
    return seen;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void reply_servers(struct servers_page *p, json_t *servers)
{
    const char **names = xmalloc((json_object_size(servers) + 1) * sizeof *names), *name;
    json_t *items = json_array(), *server;
    size_t count = 0, i;

    json_object_foreach(servers, name, server)
        if (strcmp(name, p->after) > 0) names[count++] = name;
    qsort(names, count, sizeof *names, by_name);
    for (i = 0; i < count && i < p->limit; i++)
        json_array_append_new(items,
                              server_seen_by(p->request, json_object_get(servers, names[i])));
    api_reply_json(p->exchange, 200, shape_list(items, i < count ? names[i - 1] : NULL));
    free(names);
}

static void on_servers(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *view)
{
    struct servers_page *p = container_of(ask, struct servers_page, ask);
    if (err) api_reply_failed(p->exchange, err, false);
    else reply_servers(p, view->servers);
    free(p);
}

void servers_list(struct http_exchange *x, const struct http_request *request,
                  const struct route_args *args, void *ctx)
{
    static const char *const known[] = {"after", "limit", NULL};
    struct servers_page page = {.ask.done = on_servers,
                                .exchange = x,
                                .request = request,
                                .limit = API_SERVERS_MAX};
    struct servers_page *p;
    struct span after;

    (void)args;
    if (!api_query_is(x, request, known) ||
        !api_query_text(x, request, "after", page.after, sizeof page.after, &after) ||
        !api_query_number(x, request, "limit", API_SERVERS_MAX, &page.limit) ||
        !api_has_redis(ctx, x))
        return;
    if (!after.data) page.after[0] = '\0';
    p = xmemdup(&page, sizeof page);
    fleet_ask(service_fleet(ctx), &p->ask);
}
