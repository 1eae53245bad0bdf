/* What Redis is told of a queue before anything is claimed here that it is about: that the queue is
 * there, what carries its dead jobs, and how it is limited and bounded.
 *
 * Limits and bounds are told once for each time that they are given, at the start and at a reload:
 * what people changed since then stays. */
#include <stdlib.h>
#include "base/log.h"
#include "base/memory.h"
#include "queue/on_dead.h"
#include "workers/shared.h"

static void tell(struct consumer *c, struct call *call, call_fn *done)
{
    c->telling++;
    link_send(c->w->link, call, done);
}

static void told(struct consumer *c)
{
    if (--c->telling > 0 || !c->tell_again || !link_is_up(c->w->link)) return;
    settings_send(c);
}

static void on_registered(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    /* enqueue registers it too; the next connection tries again */
    (void)err, (void)reply;
    told(container_of(call, struct consumer, registered));
}

static void log_failed(const struct consumer *c, const char *what, const struct error *why)
{
    log_error("not_set", LOG_TEXT("queue", c->queue), LOG_TEXT("what", what),
              LOG_TEXT("error", why->text));
}

static void on_carriers(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, carriers);
    struct error why;

    /* After an error the next connection tries again. */
    if (!err && on_dead_read(reply, &why)) log_failed(c, "on-dead", &why);
    told(c);
}

static void send_carriers(struct consumer *c)
{
    const struct registry *r = &c->w->registry;
    bool any = c->on_dead != NULL;

    on_dead_build(&c->carriers.request, consumer_key(c));
    if (c->on_dead) on_dead_add(&c->carriers.request, NULL, c->on_dead);
    for (size_t i = 0; i < r->count; i++) {
        const struct handler *h = r->handlers[i];
        if (!h->on_dead) continue;
        on_dead_add(&c->carriers.request, h->pattern, h->on_dead);
        any = true;
    }
    if (any) tell(c, &c->carriers, on_carriers);
}

/* After an error the next connection tries again. */
static void on_limited(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, limiting);
    struct error why;

    if (!err && limit_read(reply, &why))
        log_failed(c, "limits", &why);
    else if (!err)
        c->is_limited = !c->tell_again;
    told(c);
}

static void on_bounded(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct consumer *c = container_of(call, struct consumer, bounding);
    struct bounds now;

    if (!err && !bounds_read(reply, &now)) c->is_bounded = !c->tell_again;
    told(c);
}

void settings_init(struct consumer *c, const struct queue_options *o)
{
    c->limits = o->limits;
    c->limits_count = o->limits_count;
    c->bounds = o->bounds;
    c->registered.request = c->carriers.request = REQUEST_INIT;
    c->limiting.request = c->bounding.request = REQUEST_INIT;
}

void settings_deinit(struct consumer *c)
{
    request_deinit(&c->registered.request);
    request_deinit(&c->carriers.request);
    request_deinit(&c->limiting.request);
    request_deinit(&c->bounding.request);
}

void settings_send(struct consumer *c)
{
    if (c->telling) {
        c->tell_again = true; /* as soon as what is on its way is answered */
        return;
    }
    c->tell_again = false;
    queue_register_build(&c->registered.request, c->w->o.name_space, span_of(c->queue));
    tell(c, &c->registered, on_registered);
    send_carriers(c);
    if (c->limits_count && !c->is_limited) {
        limit_build(&c->limiting.request, consumer_key(c), false, c->limits, c->limits_count);
        tell(c, &c->limiting, on_limited);
    }
    if (c->bounds && !c->is_bounded) {
        bounds_build(&c->bounding.request, consumer_key(c), *c->bounds);
        tell(c, &c->bounding, on_bounded);
    }
}

void settings_change(struct consumer *c, const struct queue_options *o)
{
    free(c->on_dead);
    c->on_dead = xstrdup(o->on_dead);
    c->limits = o->limits;
    c->limits_count = o->limits_count;
    c->bounds = o->bounds;
    c->is_limited = c->is_bounded = false;
    if (c->w->link && link_is_up(c->w->link)) settings_send(c);
}
