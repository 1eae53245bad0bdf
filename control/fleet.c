#include "control/fleet.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/shape.h"
#include "control/shape_limits.h"
#include "queue/key.h"
#include "queue/link.h"

struct stats_call {
    struct call call;
    struct fleet *fleet;
    size_t queue; /* of the view */
    bool busy;
};

struct fleet {
    struct link *link;
    const char *name_space;
    struct list now, next; /* asks */
    bool looking;
    struct call names;
    struct stats_call stats[FLEET_CALLS_MAX];
    size_t asked, in_flight;
    enum pinion_err err; /* of the look under way */
    uint64_t begun_ms;
    struct fleet_view fresh, seen; /* seen: by the last look that went well */
    uint64_t seen_ms;              /* when that one began; 0: never */
};

static void view_deinit(struct fleet_view *v)
{
    for (size_t i = 0; i < v->count; i++) json_decref(v->queues[i].limits);
    free(v->queues);
    json_decref(v->servers);
    *v = (struct fleet_view){0};
}

struct fleet *fleet_new(struct link *link, const char *name_space)
{
    struct fleet *f = xcalloc(1, sizeof *f);

    f->link = link;
    f->name_space = name_space;
    list_init(&f->now);
    list_init(&f->next);
    f->names.request = REQUEST_INIT;
    for (size_t i = 0; i < FLEET_CALLS_MAX; i++) {
        f->stats[i].fleet = f;
        f->stats[i].call.request = REQUEST_INIT;
    }
    return f;
}

void fleet_free(struct fleet *f)
{
    if (!f) return;
    assert(!f->looking);
    request_deinit(&f->names.request);
    for (size_t i = 0; i < FLEET_CALLS_MAX; i++) request_deinit(&f->stats[i].call.request);
    view_deinit(&f->seen);
    free(f);
}

/* ---- one look -------------------------------------------------------------------------------- */

static void begin(struct fleet *);

static void end(struct fleet *f)
{
    struct list asks, *node;
    const struct fleet_view *view = NULL;
    enum pinion_err err = f->err;

    if (!err) {
        view_deinit(&f->seen);
        f->seen = f->fresh;
        f->fresh = (struct fleet_view){0};
        f->seen_ms = f->begun_ms;
        view = &f->seen;
    }
    view_deinit(&f->fresh);
    f->looking = false;
    list_init(&asks);
    list_take(&asks, &f->now);
    if (!list_empty(&f->next)) begin(f);
    while ((node = list_pop(&asks))) {
        struct fleet_ask *ask = container_of(node, struct fleet_ask, node);
        ask->done(ask, err, view);
    }
}

static void on_stats(struct call *, enum pinion_err, const struct redisReply *);

/* Asks for as many queues as may be asked for at once; the end, when nothing is left. */
static void go_on(struct fleet *f)
{
    for (size_t i = 0; i < FLEET_CALLS_MAX && !f->err && f->asked < f->fresh.count; i++) {
        struct stats_call *s = &f->stats[i];
        if (s->busy) continue;
        s->busy = true;
        s->queue = f->asked++;
        f->in_flight++;
        struct queue_key key = queue_key(f->name_space, span_of(f->fresh.queues[s->queue].name));
        stats_build(&s->call.request, queue_key_span(&key));
        link_send(f->link, &s->call, on_stats);
    }
    if (!f->in_flight) end(f);
}

static void on_stats(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct stats_call *s = container_of(call, struct stats_call, call);
    struct fleet *f = s->fleet;
    struct fleet_queue *q = &f->fresh.queues[s->queue];
    struct server_view server;

    s->busy = false;
    f->in_flight--;
    if (!err) err = stats_read(reply, &q->view);
    if (!err) q->limits = shape_limits(reply);
    for (size_t i = 0; !err && i < stats_servers(reply); i++) {
        stats_server(reply, i, &server);
        shape_join_server(f->fresh.servers, &server, span_of(q->name), q->view.now_us / 1000);
    }
    if (err) f->err = err;
    go_on(f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fleet_queue *)a)->name, ((const struct fleet_queue *)b)->name);
}

static void on_names(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct fleet *f = container_of(call, struct fleet, names);
    size_t count = err ? 0 : queues_count(reply);

    f->err = err;
    f->fresh.queues = xcalloc(count + 1, sizeof *f->fresh.queues);
    f->fresh.servers = json_object();
    for (size_t i = 0; i < count; i++) {
        struct span name = queues_name(reply, i);
        if (!queue_name_ok(name)) continue; /* none of ours */
        memcpy(f->fresh.queues[f->fresh.count++].name, name.data, name.len);
    }
    qsort(f->fresh.queues, f->fresh.count, sizeof *f->fresh.queues, by_name);
    go_on(f);
}

static void begin(struct fleet *f)
{
    f->looking = true;
    f->asked = 0;
    f->begun_ms = clock_mono_ms();
    list_take(&f->now, &f->next);
    queues_build(&f->names.request, f->name_space);
    link_send(f->link, &f->names, on_names);
}

/* ---- asking ---------------------------------------------------------------------------------- */

void fleet_ask(struct fleet *f, struct fleet_ask *ask)
{
    list_push(&f->next, &ask->node);
    if (!f->looking) begin(f);
}

void fleet_unask(struct fleet_ask *ask)
{
    list_remove(&ask->node);
}

const struct fleet_view *fleet_recent(const struct fleet *f, uint64_t age_ms_max)
{
    return f->seen_ms && clock_mono_ms() - f->seen_ms <= age_ms_max ? &f->seen : NULL;
}
