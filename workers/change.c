/* What can be changed while it runs: settings, what Redis is told of the queues, and handlers.
 *
 * An attempt keeps the handler that it began with. What was claimed or pushed for the handlers
 * from before, and has not started, is run by those of now; what they do not run is released. */
#include "workers/shared.h"

void workers_set(struct workers *w, const struct workers_options *o)
{
    w->o.concurrency = o->concurrency;
    w->o.strict = o->strict;
    w->o.memory_mark = o->memory_mark;
    w->o.lease_ms = o->lease_ms;
    w->o.grace_ms = o->grace_ms;
    for (size_t i = 0; i < w->registry.count; i++)
        handler_limit(w->registry.handlers[i], w->o.concurrency);
    for (size_t i = 0; i < w->consumers_count; i++) consumer_wake(w->consumers[i]);
}

void workers_set_queue(struct workers *w, const struct queue_options *o)
{
    for (size_t i = 0; i < w->consumers_count; i++) {
        struct consumer *c = w->consumers[i];
        if (!span_is(span_of(o->name), c->queue)) continue;
        c->weight = o->weight;
        settings_change(c, o);
    }
}

/* Their kinds are told to Redis at once: the claim names them, and so does the heartbeat. */
static void begin_anew(struct consumer *c)
{
    list_for_each_safe (node, &c->held) {
        struct attempt *a = container_of(node, struct attempt, node);
        struct handler *h = registry_find(&c->w->registry, a->job.kind);
        if (!h) {
            list_remove(node);
            a->outcome = OUTCOME_RELEASE;
            outcomes_put(c, a);
        }
        attempt_use(a, h);
    }
    consumer_wake(c);
    if (c->at != CONSUMER_DOWN && !c->leaving) keeper_beat(c);
}

enum pinion_err workers_replace_handlers(struct workers *w, struct registry *fresh,
                                         struct error *why)
{
    struct registry next = {.count = 0};
    enum pinion_err err = PINION_OK;

    for (size_t i = 0; i < w->registry.count && !err; i++)
        if (!w->registry.handlers[i]->configured)
            err = registry_add(&next, w->registry.handlers[i], why);
    for (size_t i = 0; i < fresh->count && !err; i++)
        err = registry_add(&next, fresh->handlers[i], why);
    if (err) return err;
    for (size_t i = 0; i < next.count; i++) handler_limit(next.handlers[i], w->o.concurrency);
    fresh->count = 0;
    registry_swap(&w->registry, &next);
    for (size_t i = 0; i < w->consumers_count; i++) begin_anew(w->consumers[i]);
    return PINION_OK;
}
