#include "control/events/present.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/fleet.h"
#include "control/shape.h"

/* A queue or a server: what it was like, and the event that says so. */
struct thing {
    char *name, *like, *json;
    bool seen;    /* in the look under way */
    bool touched; /* somebody changed it, perhaps there and back: the next look tells it */
};

struct things {
    struct thing *things; /* by name */
    size_t count;
};

struct present {
    struct things queues, servers;
};

struct present *present_new(void)
{
    return xcalloc(1, sizeof(struct present));
}

static void forget(struct things *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->things[i].name);
        free(t->things[i].like);
        free(t->things[i].json);
    }
    free(t->things);
    *t = (struct things){0};
}

void present_forget(struct present *p)
{
    forget(&p->queues);
    forget(&p->servers);
}

void present_free(struct present *p)
{
    if (p) present_forget(p);
    free(p);
}

/* ---- what changed ---------------------------------------------------------------------------- */

/* Its place in the order, made if it was not there. */
static struct thing *thing_of(struct things *t, const char *name)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(t->things[middle].name, name);
        if (order == 0) return &t->things[middle];
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    t->things = xrealloc(t->things, (t->count + 1) * sizeof *t->things);
    memmove(&t->things[low + 1], &t->things[low], (t->count - low) * sizeof *t->things);
    t->count++;
    t->things[low] = (struct thing){.name = xstrdup(name)};
    return &t->things[low];
}

/* "type" and "at" come first, then what it is like. Takes `like`. */
static bool is_changed(struct thing *t, const char *type, json_t *like, json_t *more,
                       int64_t now_ms)
{
    char *text = json_dumps(like, JSON_COMPACT);
    bool changed = !t->like || t->touched || strcmp(t->like, text) != 0;
    json_t *event;

    t->seen = true;
    t->touched = false;
    if (changed) {
        event = json_pack("{s:s, s:o}", "type", type, "at", shape_time(now_ms));
        json_object_update(event, like);
        if (more) json_object_update_missing(event, more);
        free(t->json);
        free(t->like);
        t->like = text;
        t->json = json_dumps(event, JSON_COMPACT);
        json_decref(event);
    } else {
        free(text);
    }
    json_decref(more);
    json_decref(like);
    return changed;
}

static bool is_queue_changed(struct present *p, const struct fleet_queue *q, int64_t now_ms)
{
    static const char *const compared[] = {"queue", "paused", "draining", "counts", "totals"};
    static const char *const told[] = {"rates", "oldest_ready_ms"}; /* they change by themselves */
    json_t *shape = shape_queue(span_of(q->name), &q->view, json_incref(q->limits));
    json_t *like = json_object(), *more = json_object();

    for (size_t i = 0; i < countof(compared); i++)
        json_object_set(like, compared[i], json_object_get(shape, compared[i]));
    for (size_t i = 0; i < countof(told); i++)
        if (json_object_get(shape, told[i]))
            json_object_set(more, told[i], json_object_get(shape, told[i]));
    json_decref(shape);
    return is_changed(thing_of(&p->queues, q->name), "queue", like, more, now_ms);
}

/* "up", or another state in its own word; "down" when nothing is heard of it. */
static bool is_server_changed(struct present *p, const char *name, json_t *shape, int64_t now_ms)
{
    const char *state = json_string_value(json_object_get(shape, "state"));
    bool alive = json_is_true(json_object_get(shape, "alive"));
    json_t *like, *queues = json_object_get(shape, "queues");

    if (!alive) state = "down";
    else if (!state || strcmp(state, "serving") == 0) state = "up";
    like = json_pack("{s:s, s:s, s:O}", "server", name, "state", state, "queues", queues);
    return is_changed(thing_of(&p->servers, name), "server", like, NULL, now_ms);
}

/* It has left, or its heartbeat was swept away: told once. */
static void tell_gone(struct present *p, int64_t now_ms, present_fn *tell, void *ctx)
{
    struct things *t = &p->servers;
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++) {
        struct thing gone = t->things[i];
        if (gone.seen) {
            t->things[kept++] = gone;
            continue;
        }
        json_t *shape = json_pack("{s:s, s:b, s:[]}", "state", "down", "alive", 0, "queues");
        struct present one = {0};
        if (!strstr(gone.like, "\"state\":\"down\"") &&
            is_server_changed(&one, gone.name, shape, now_ms))
            tell(ctx, EVENT_SERVER, (struct span){0}, span_of(one.servers.things[0].json));
        present_forget(&one);
        json_decref(shape);
        free(gone.name);
        free(gone.like);
        free(gone.json);
    }
    t->count = kept;
}

void present_touch(struct present *p, struct span queue)
{
    for (size_t i = 0; i < p->queues.count; i++)
        if (span_is(queue, p->queues.things[i].name)) p->queues.things[i].touched = true;
}

void present_look(struct present *p, const struct fleet_view *view, int64_t now_ms,
                  present_fn *tell, void *ctx)
{
    const char *name;
    json_t *server;

    for (size_t i = 0; i < p->servers.count; i++) p->servers.things[i].seen = false;
    for (size_t i = 0; i < view->count; i++) {
        const struct fleet_queue *q = &view->queues[i];
        if (is_queue_changed(p, q, now_ms))
            tell(ctx, EVENT_QUEUE, span_of(q->name), span_of(thing_of(&p->queues, q->name)->json));
    }
    json_object_foreach (view->servers, name, server)
        if (is_server_changed(p, name, server, now_ms))
            tell(ctx, EVENT_SERVER, (struct span){0}, span_of(thing_of(&p->servers, name)->json));
    tell_gone(p, now_ms, tell, ctx);
}

bool present_tell(const struct present *p, size_t *at, size_t bytes, present_fn *tell, void *ctx)
{
    const struct things *q = &p->queues, *s = &p->servers;
    size_t told = 0;

    for (; *at < q->count + s->count && told < bytes; ++*at) {
        bool is_queue = *at < q->count;
        const struct thing *t = is_queue ? &q->things[*at] : &s->things[*at - q->count];
        tell(ctx, is_queue ? EVENT_QUEUE : EVENT_SERVER,
             is_queue ? span_of(t->name) : (struct span){0}, span_of(t->json));
        told += strlen(t->json);
    }
    return *at < q->count + s->count;
}
