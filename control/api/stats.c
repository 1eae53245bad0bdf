#include "control/api/stats.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/api/auth.h"
#include "control/api/call.h"
#include "control/api/servers.h"
#include "control/fleet.h"
#include "control/service.h"
#include "control/shape.h"
#include "workers/pull.h"
#include "workers/thread.h"
#include "workers/workers.h"

struct stats_page {
    struct fleet_ask ask;
    struct http_exchange *exchange;
    const struct http_request *request;
    const struct service *service;
};

/* Of the queues that the caller may see; how many they are. */
static struct queue_view sum_of(const struct http_request *request, const struct fleet_view *fleet,
                                size_t *ret_count)
{
    struct queue_view sum = {0};

    *ret_count = 0;
    for (size_t i = 0; i < fleet->count; i++) {
        if (!api_may_see(request, span_of(fleet->queues[i].name))) continue;
        ++*ret_count;
        const struct queue_view *v = &fleet->queues[i].view;
        for (size_t k = 0; k < STATES; k++) sum.counts[k] += v->counts[k];
        sum.enqueued += v->enqueued;
        sum.done += v->done;
        sum.failed += v->failed;
        sum.dead += v->dead;
        sum.cancelled += v->cancelled;
        sum.reaped += v->reaped;
        sum.trimmed += v->trimmed;
        sum.deleted += v->deleted;
        if (v->rates.window_ms > sum.rates.window_ms) sum.rates.window_ms = v->rates.window_ms;
        sum.rates.enqueued += v->rates.enqueued;
        sum.rates.done += v->rates.done;
        sum.rates.failed += v->rates.failed;
        if (v->oldest_ready_ms > sum.oldest_ready_ms) sum.oldest_ready_ms = v->oldest_ready_ms;
    }
    return sum;
}

static json_t *shape_servers(const struct fleet_view *fleet)
{
    json_int_t alive = 0, lost = 0;
    json_t *server;
    const char *name;

    json_object_foreach(fleet->servers, name, server) *
        (json_is_true(json_object_get(server, "alive")) ? &alive : &lost) += 1;
    return json_pack("{s:I, s:I}", "alive", alive, "lost", lost);
}

/* Since it was started. */
static json_t *shape_this(const struct http_request *request, const struct service *s)
{
    const struct workers_totals *t = service_totals(s);
    struct threads_view threads = service_threads_view(s);
    json_t *all = service_recent(s), *recent = servers_recent_seen_by(request, all);

    json_decref(all);
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "id",
                     service_server_id(s), "running", (json_int_t)service_running(s), "claimed",
                     (json_int_t)t->claimed.value, "done", (json_int_t)t->done.value, "failed",
                     (json_int_t)t->failed.value, "released", (json_int_t)t->released.value,
                     "stale", (json_int_t)t->stale.value, "pulled", (json_int_t)t->pulled.value,
                     "pull_waiting", (json_int_t)pull_waiting(service_pull(s)),
                     "threads", (json_int_t)threads.threads, "threads_stuck",
                     (json_int_t)threads.stuck, "recent", recent);
}

static void on_fleet(struct fleet_ask *ask, enum pinion_err err, const struct fleet_view *fleet)
{
    struct stats_page *p = container_of(ask, struct stats_page, ask);

    if (err) {
        api_reply_failed(p->exchange, err, false);
    } else {
        size_t count;
        struct queue_view sum = sum_of(p->request, fleet, &count);
        json_t *all = shape_queue(span_of("all"), &sum, NULL), *o = json_object();
        json_object_set_new(o, "queues", json_integer((json_int_t)count));
        json_object_set(o, "counts", json_object_get(all, "counts"));
        json_object_set(o, "totals", json_object_get(all, "totals"));
        json_object_set(o, "rates", json_object_get(all, "rates"));
        json_object_set(o, "oldest_ready_ms", json_object_get(all, "oldest_ready_ms"));
        json_object_set_new(o, "servers", shape_servers(fleet));
        json_object_set_new(o, "server", shape_this(p->request, p->service));
        json_decref(all);
        api_reply_json(p->exchange, 200, o);
    }
    free(p);
}

void stats_show(struct http_exchange *x, const struct http_request *request,
                const struct route_args *args, void *ctx)
{
    static const char *const known[] = {NULL};
    struct stats_page *p;

    (void)args;
    if (!api_query_is(x, request, known) || !api_has_redis(ctx, x)) return;
    p = xcalloc(1, sizeof *p);
    *p = (struct stats_page){
        .ask.done = on_fleet, .exchange = x, .request = request, .service = ctx};
    fleet_ask(service_fleet(ctx), &p->ask);
}
