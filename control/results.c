#include "control/results.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/key.h"
#include "queue/link.h"
#include "queue/steer.h"
#include "scheduler/ticker.h"

#define WATCH_S    30    /* that long Redis publishes events without being asked again */
#define REWATCH_MS 10000

struct result_queue {
    struct call watch;
    struct alarm again;
    struct results *results;
    struct list node, waits;
    struct queue_key key;
    size_t count;
    char *channel;
    bool watching, empty; /* a call is on its way; nobody waits, so it is freed when it is back */
};

struct results {
    struct link *link;
    struct ticker *ticker;
    const char *name_space;
    struct list queues;
    size_t waits;
};

struct results *results_new(struct link *link, struct ticker *ticker, const char *name_space)
{
    struct results *r = xcalloc(1, sizeof *r);

    *r = (struct results){.link = link, .ticker = ticker, .name_space = name_space};
    list_init(&r->queues);
    return r;
}

static void free_queue(struct result_queue *q)
{
    request_deinit(&q->watch.request);
    free(q->channel);
    free(q);
}

void results_free(struct results *r)
{
    free(r);
}

/* Each may leave when it is told, and the queue goes with the last of them. */
static void tell_all(struct result_queue *q, bool stop)
{
    struct list untold, *node;

    list_init(&untold);
    list_take(&untold, &q->waits);
    while ((node = list_pop(&untold))) {
        struct result_wait *w = container_of(node, struct result_wait, node);
        list_push(&q->waits, node);
        w->look(w, stop);
    }
}

/* ---- asking for events ----------------------------------------------------------------------- */

static void on_watched(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct result_queue *q = container_of(call, struct result_queue, watch);

    (void)reply;
    q->watching = false;
    if (q->empty) {
        free_queue(q);
        return;
    }
    if (!err) tell_all(q, false);
}

static void watch(struct result_queue *q)
{
    ticker_set_in(q->results->ticker, &q->again, REWATCH_MS);
    if (q->watching) return;
    q->watching = true;
    watch_build(&q->watch.request, queue_key_span(&q->key), WATCH_S);
    link_send(q->results->link, &q->watch, on_watched);
}

static void on_again(struct alarm *alarm)
{
    watch(container_of(alarm, struct result_queue, again));
}

static struct result_queue *queue_of(struct results *r, struct span channel)
{
    list_for_each (node, &r->queues) {
        struct result_queue *q = container_of(node, struct result_queue, node);
        if (span_is(channel, q->channel)) return q;
    }
    return NULL;
}

/* Takes the name of its channel. */
static struct result_queue *add_queue(struct results *r, struct span name, char *channel)
{
    struct result_queue *q = xcalloc(1, sizeof *q);

    q->results = r;
    q->channel = channel;
    q->key = queue_key(r->name_space, name);
    q->watch.request = REQUEST_INIT;
    alarm_init(&q->again, on_again);
    list_init(&q->waits);
    list_push(&r->queues, &q->node);
    link_subscribe(r->link, channel);
    watch(q);
    return q;
}

/* ---- who waits ------------------------------------------------------------------------------- */

enum pinion_err results_wait(struct results *r, struct span queue, struct result_wait *w)
{
    char name[QUEUE_NAME_MAX + 1];
    struct result_queue *q;
    char *channel;

    if (r->waits == RESULT_WAITS_MAX) return PINION_BUSY;
    r->waits++;
    memcpy(name, queue.data, queue.len);
    name[queue.len] = '\0';
    channel = channel_of_events(r->name_space, name);
    q = queue_of(r, span_of(channel));
    if (q) free(channel);
    else q = add_queue(r, queue, channel);
    w->queue = q;
    q->count++;
    list_push(&q->waits, &w->node);
    return PINION_OK;
}

void results_leave(struct results *r, struct result_wait *w)
{
    struct result_queue *q = w->queue;

    if (!q) return;
    w->queue = NULL;
    r->waits--;
    list_remove(&w->node);
    if (--q->count > 0) return;
    link_unsubscribe(r->link, q->channel);
    ticker_cancel(r->ticker, &q->again);
    list_remove(&q->node);
    if (q->watching) q->empty = true;
    else free_queue(q);
}

/* ---- what is told ---------------------------------------------------------------------------- */

static bool is_end(struct span state)
{
    return span_is(state, "done") || span_is(state, "dead") || span_is(state, "cancelled") ||
           span_is(state, "deleted");
}

/* `STATE ID ID ...`: those who wait for one of them. None leaves at once when told to look. */
void results_message(struct results *r, struct span channel, struct span text)
{
    struct result_queue *q = queue_of(r, channel);

    if (!q || !is_end(span_cut(&text, ' '))) return;
    while (text.len) {
        struct span id = span_cut(&text, ' ');
        list_for_each (node, &q->waits) {
            struct result_wait *w = container_of(node, struct result_wait, node);
            if (span_equal(id, w->local)) w->look(w, false);
        }
    }
}

void results_up(struct results *r)
{
    if (!r) return;
    list_for_each (node, &r->queues) watch(container_of(node, struct result_queue, node));
}

void results_look(struct results *r)
{
    if (!r) return;
    list_for_each (node, &r->queues)
        tell_all(container_of(node, struct result_queue, node), false);
}

void results_stop(struct results *r)
{
    while (r && !list_empty(&r->queues))
        tell_all(container_of(r->queues.next, struct result_queue, node), true);
}
