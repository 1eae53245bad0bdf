/* What ended here is told to other queues:
 *
 *      idle ──relay_wake──► read ──► tell, queue by queue ──► read on, trimming what was told
 *       ▲                    │ nothing          │ ▲     │ no answer: at the next heartbeat again
 *       │                    │          refused ▼ │     │
 *       └────────────────────┴────────────── put back ──┘
 *
 * Any server of the queue does it, several at once do no harm, and one call is on its way at a
 * time: a flood of ends elsewhere must not crowd out work here. Of items that are refused together
 * each is told alone; the one that is refused then goes behind all others, a few times.
 */
#include "workers/relay.h"

#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "queue/outbox.h"
#include "workers/shared.h"

/* A copy of an item, for its reply is gone. */
struct telling {
    char queue[QUEUE_NAME_MAX + 1];
    char *what, *entry; /* owned */
};

struct relay {
    struct consumer *consumer;
    struct call call;
    enum { RELAY_IDLE, RELAY_READ, RELAY_TELL, RELAY_PUT_BACK } at;
    bool again;      /* woken while it worked */
    uint64_t last;   /* the highest sequence number that was read */
    uint64_t held;   /* what was put back, from here on, is not told now; 0: nothing was */
    struct telling telling[2 * OUTBOX_ITEMS_MAX]; /* a bond may make one more */
    size_t count, from, to; /* what is there, and what is being told of it */
    size_t alone;           /* those before this one are told one by one */
};

struct relay *relay_new(struct consumer *c)
{
    struct relay *r = xcalloc(1, sizeof *r);

    r->consumer = c;
    r->call.request = REQUEST_INIT;
    return r;
}

static void forget(struct relay *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->telling[i].what);
        free(r->telling[i].entry);
    }
    r->count = r->from = r->to = r->alone = 0;
}

void relay_free(struct relay *r)
{
    if (!r) return;
    forget(r);
    request_deinit(&r->call.request);
    free(r);
}

static void add(struct relay *r, const struct outbox_item *item)
{
    struct telling *t = &r->telling[r->count];

    if (r->count == countof(r->telling)) return; /* one bond in all makes at most one end */
    memcpy(t->queue, item->queue.data, item->queue.len);
    t->queue[item->queue.len] = '\0';
    t->what = xmemdup(item->what.data, item->what.len);
    t->entry = xmemdup(item->entry.data, item->entry.len);
    r->count++;
}

static void begin(struct relay *r);
static void read_on(struct relay *r, uint64_t told);

static void go_idle(struct relay *r)
{
    forget(r);
    r->at = RELAY_IDLE;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell_next(struct relay *r);

static void on_put_back(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct relay *r = container_of(call, struct relay, call);
    const struct telling *t = &r->telling[r->from];
    uint64_t sequence;

    if (err) {
        go_idle(r);
        return;
    }
    switch (put_back_read(reply, 0, &sequence)) {
    case PUT_BACK_LATER:
        if (!r->held) r->held = sequence;
        break;
    case PUT_BACK_UNTOLD:
        counter_add(&r->consumer->w->totals.untold, 1);
        log_error("untold", LOG_TEXT("queue", r->consumer->queue), LOG_TEXT("to", t->queue),
                  LOG_TEXT("what", t->what));
        break;
    case PUT_BACK_GONE: break;
    }
    tell_next(r);
}

static void refused(struct relay *r)
{
    if (r->to - r->from > 1) {
        r->alone = r->to;
        r->to = r->from;
        tell_next(r);
        return;
    }
    r->at = RELAY_PUT_BACK;
    put_back_build(&r->call.request, consumer_key(r->consumer));
    put_back_add(&r->call.request, span_of(r->telling[r->from].entry));
    link_send(r->consumer->w->link, &r->call, on_put_back);
}

static void on_told(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct relay *r = container_of(call, struct relay, call);
    struct buffer what = BUFFER_INIT;

    if (err) {
        if (err == PINION_INTERNAL) refused(r); /* else it is weather, which passes */
        else go_idle(r);
        return;
    }
    for (size_t i = r->from; i < r->to; i++) {
        const struct telling *t = &r->telling[i];
        struct outbox_item item = {.queue = span_of(t->queue), .what = span_of(t->what)}, end;
        struct span outcome = tell_answer(reply, i - r->from);
        if (!outcome.len || tell_end(&item, outcome, &end.queue, &what)) continue;
        end.what = (struct span){what.data, what.len};
        end.entry = span_of(t->entry);
        add(r, &end);
    }
    buffer_deinit(&what);
    tell_next(r);
}

/* Those that stand together and go to one queue. */
static void tell_next(struct relay *r)
{
    const struct consumer *c = r->consumer;
    struct queue_key key;

    r->from = r->to;
    if (r->from == r->count) {
        forget(r);
        read_on(r, r->last);
        return;
    }
    r->at = RELAY_TELL;
    key = queue_key(c->w->o.name_space, span_of(r->telling[r->from].queue));
    tell_build(&r->call.request, queue_key_span(&key));
    for (; r->to < r->count && r->to - r->from < OUTBOX_ITEMS_MAX; r->to++) {
        if (strcmp(r->telling[r->to].queue, r->telling[r->from].queue) != 0) break;
        if (r->to > r->from && r->from < r->alone) break;
        tell_add(&r->call.request, span_of(r->telling[r->to].what));
    }
    link_send(c->w->link, &r->call, on_told);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void on_read(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct relay *r = container_of(call, struct relay, call);
    size_t count = err ? 0 : relay_count(reply);
    struct outbox_item item;

    for (size_t i = 0; i < count && i < OUTBOX_ITEMS_MAX; i++) {
        if (relay_item(reply, i, &item)) {
            log_error("bad_outbox", LOG_TEXT("queue", r->consumer->queue));
            continue; /* nobody will ever understand it: it is set aside when it is the first */
        }
        if (r->held && item.sequence >= r->held) break;
        if (item.sequence > r->last) r->last = item.sequence;
        add(r, &item);
    }
    if (r->count) {
        tell_next(r);
    } else if (!err && r->again) {
        begin(r);
    } else {
        go_idle(r);
    }
}

static void read_on(struct relay *r, uint64_t told)
{
    r->at = RELAY_READ;
    r->again = false;
    relay_build(&r->call.request, consumer_key(r->consumer), told);
    link_send(r->consumer->w->link, &r->call, on_read);
}

static void begin(struct relay *r)
{
    r->last = r->held = 0;
    read_on(r, 0);
}

void relay_wake(struct relay *r)
{
    if (r->at != RELAY_IDLE) {
        r->again = true;
        return;
    }
    begin(r);
}

bool relay_idle(const struct relay *r)
{
    return r->at == RELAY_IDLE;
}
