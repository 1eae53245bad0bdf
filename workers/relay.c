/* What ended here is told to other queues:
 *
 *      idle ──relay_wake──► read ──► tell, queue by queue ──► read on, trimming what was told
 *       ▲                    │ nothing                │ no answer: at the next heartbeat again
 *       └────────────────────┴────────────────────────┘
 *
 * Any server of the queue does it, several at once do no harm, and one call is on its way at a
 * time: a flood of ends elsewhere must not crowd out work here.
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
    char *what; /* owned */
};

struct relay {
    struct consumer *consumer;
    struct call call;
    enum { RELAY_IDLE, RELAY_READ, RELAY_TELL } at;
    bool again;      /* woken while it worked */
    uint64_t last;   /* sequence number of the last item that was read */
    struct telling telling[2 * OUTBOX_ITEMS_MAX]; /* a bond may make one more */
    size_t count, from, to; /* what is there, and what is being told of it */
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
    for (size_t i = 0; i < r->count; i++) free(r->telling[i].what);
    r->count = r->from = r->to = 0;
}

void relay_free(struct relay *r)
{
    if (!r) return;
    forget(r);
    request_deinit(&r->call.request);
    free(r);
}

static void add(struct relay *r, struct span queue, struct span what)
{
    struct telling *t = &r->telling[r->count];

    if (r->count == countof(r->telling)) return; /* one bond in all makes at most one end */
    memcpy(t->queue, queue.data, queue.len);
    t->queue[queue.len] = '\0';
    t->what = xmemdup(what.data, what.len + 1);
    t->what[what.len] = '\0';
    r->count++;
}

static void read_on(struct relay *r, uint64_t told);

static void go_idle(struct relay *r)
{
    forget(r);
    r->at = RELAY_IDLE;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell_next(struct relay *r);

static void on_told(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct relay *r = container_of(call, struct relay, call);
    struct buffer what = BUFFER_INIT;

    if (err) {
        go_idle(r);
        return;
    }
    for (size_t i = r->from; i < r->to; i++) {
        struct span outcome = tell_answer(reply, i - r->from), queue;
        struct outbox_item item = {0, span_of(r->telling[i].queue), span_of(r->telling[i].what)};
        if (outcome.len && !tell_end(&item, outcome, &queue, &what))
            add(r, queue, (struct span){what.data, what.len});
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
            continue; /* nobody will ever understand it: it is trimmed with the others */
        }
        r->last = item.sequence;
        add(r, item.queue, item.what);
    }
    if (r->count) {
        tell_next(r);
    } else if (!err && r->again) {
        read_on(r, 0);
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

void relay_wake(struct relay *r)
{
    if (r->at != RELAY_IDLE) {
        r->again = true;
        return;
    }
    read_on(r, 0);
}

bool relay_idle(const struct relay *r)
{
    return r->at == RELAY_IDLE;
}
