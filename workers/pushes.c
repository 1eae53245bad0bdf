/* A job that Redis leased to us while we were idle, and sent. It starts as a claimed one does, or
 * is released at once: uncharged, to the front of its lane.
 *
 * A claim on its way has named our free slots: whether one is left for the job is known when it is
 * answered, so until then the job is held. So it is while a queue that comes first is asked. */
#include "base/clock.h"
#include "workers/shared.h"

enum fate { FATE_START, FATE_HOLD, FATE_RELEASE };

/* It came so late that its lease could lapse before its first renewal. */
static bool is_late(const struct attempt *a)
{
    int64_t now_us = redis_clock_now_us(&a->consumer->w->clock);
    uint64_t end_us;

    if (text_parse_u64(a->token, 0, INT64_MAX, &end_us)) return true;
    return now_us > (int64_t)end_us - (int64_t)a->lease_ms * 1000 / 2;
}

static enum fate fate_of(const struct attempt *a)
{
    const struct consumer *c = a->consumer;
    const struct workers *w = c->w;
    const struct handler *h = a->handler;
    unsigned free_all = workers_free_slots(w), free_own = handler_free_slots(h);

    if (!workers_take(w) || c->at != CONSUMER_SERVE || is_late(a)) return FATE_RELEASE;
    if (free_all > 0 && free_own > 0) return workers_first_others(w, c) ? FATE_HOLD : FATE_START;
    return (free_all > 0 || w->offered > 0) && (free_own > 0 || handler_offered(h) > 0) ? FATE_HOLD
                                                                                : FATE_RELEASE;
}

static void release(struct attempt *a)
{
    a->outcome = OUTCOME_RELEASE;
    outcomes_put(a->consumer, a);
}

void pushes_settle(struct consumer *c)
{
    list_for_each_safe (node, &c->held) {
        struct attempt *a = container_of(node, struct attempt, node);
        enum fate fate = fate_of(a);
        if (fate == FATE_HOLD) continue;
        list_remove(node);
        if (fate == FATE_START)
            consumer_begin(c, a);
        else
            release(a);
    }
}

/* What was pushed before the last taking back was taken back, whoever had our name then: asked in
 * this life, and since. */
static bool is_ours(const struct consumer *c, uint64_t asked_us)
{
    return asked_us > c->taken_back_us && asked_us <= clock_mono_us();
}

void consumer_pushed(struct consumer *c, const struct pushed *pushed)
{
    struct attempt *a;

    if (c->leaving) return; /* it was taken back, or is about to be */
    a = consumer_take(c, &pushed->job);
    if (!a) return;
    if (!is_ours(c, pushed->asked_us)) {
        release(a);
        return;
    }
    list_push(&c->held, &a->node);
    pushes_settle(c);
}
