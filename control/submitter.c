#include "control/submitter.h"

#include <assert.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "queue/key.h"
#include "queue/link.h"
#include "queue/upkeep.h"
#include "scheduler/ticker.h"

/* One queue, as this server sends to it. */
struct outlet {
    struct submitter *submitter;
    struct span queue; /* owned */
    struct queue_key key;
    struct list node, pending; /* pending: submissions not wholly sent */
    unsigned calls;            /* on their way, without the registration */
    bool registered, registering;
    struct call registration;
};

struct submitter {
    struct ev_loop *loop;
    struct link *link;
    const char *name_space;
    submit_now_fn *now_ms;
    void *ctx;
    ev_prepare prepare;
    struct list outlets; /* the one used last is the first */
    size_t outlets_count;
    unsigned connection; /* the how-manieth */
    struct ticker *ticker; /* NULL, and the next 0: nothing is repeated */
    uint64_t patience_ms;
    struct list kept;    /* calls that lost their connection */
    struct alarm kept_over;
};

struct submit_call {
    struct call call;
    struct outlet *outlet;
    struct list node;      /* kept */
    unsigned connection;   /* it was sent on */
    uint64_t sent_ms, give_up_ms; /* give_up_ms 0: it was never lost */
    size_t count;
    struct submission *origin[BATCH_ITEMS_MAX]; /* of each item, in the submission's order */
    size_t at[BATCH_ITEMS_MAX];
    struct enqueue_item items[BATCH_ITEMS_MAX];
};

/* ---- life ------------------------------------------------------------------------------------ */

static void on_kept_over(struct alarm *);

static void on_prepare(struct ev_loop *loop, ev_prepare *prepare, int events)
{
    (void)loop, (void)events;
    submitter_flush(container_of(prepare, struct submitter, prepare));
}

struct submitter *submitter_new(struct ev_loop *loop, struct link *link, const char *name_space,
                                submit_now_fn *now_ms, void *ctx)
{
    struct submitter *s = xcalloc(1, sizeof *s);

    *s = (struct submitter){loop, link, name_space, now_ms, ctx, .outlets_count = 0};
    list_init(&s->outlets);
    list_init(&s->kept);
    alarm_init(&s->kept_over, on_kept_over);
    ev_prepare_init(&s->prepare, on_prepare);
    ev_prepare_start(loop, &s->prepare);
    ev_unref(loop); /* a hook that keeps no loop alive */
    return s;
}

static void free_outlet(struct outlet *o)
{
    assert(list_empty(&o->pending) && !o->calls && !o->registering);
    list_remove(&o->node);
    o->submitter->outlets_count--;
    request_deinit(&o->registration.request);
    free((char *)(uintptr_t)o->queue.data);
    free(o);
}

void submitter_free(struct submitter *s)
{
    if (!s) return;
    if (s->ticker) ticker_cancel(s->ticker, &s->kept_over);
    ev_ref(s->loop);
    ev_prepare_stop(s->loop, &s->prepare);
    while (!list_empty(&s->outlets))
        free_outlet(container_of(s->outlets.next, struct outlet, node));
    free(s);
}

static bool is_idle(const struct outlet *o)
{
    return list_empty(&o->pending) && !o->calls && !o->registering;
}

bool submitter_is_idle(const struct submitter *s)
{
    list_for_each (node, &s->outlets)
        if (!is_idle(container_of(node, struct outlet, node))) return false;
    return true;
}

/* Names come from clients: of those unused, the longest unused is forgotten. */
static void forget_one(struct submitter *s)
{
    for (struct list *node = s->outlets.prev; node != &s->outlets; node = node->prev) {
        struct outlet *o = container_of(node, struct outlet, node);
        if (!is_idle(o)) continue;
        free_outlet(o);
        return;
    }
}

static struct outlet *outlet_of(struct submitter *s, struct span queue)
{
    struct outlet *found = NULL;

    list_for_each (node, &s->outlets) {
        struct outlet *o = container_of(node, struct outlet, node);
        if (!span_equal(o->queue, queue)) continue;
        found = o;
        break;
    }
    if (!found) {
        if (s->outlets_count >= SUBMIT_QUEUES_MAX) forget_one(s);
        found = xcalloc(1, sizeof *found);
        found->submitter = s;
        found->queue = (struct span){xmemdup(queue.data, queue.len), queue.len};
        found->key = queue_key(s->name_space, queue);
        found->registration.request = REQUEST_INIT;
        list_init(&found->pending);
        list_init(&found->node);
        s->outlets_count++;
    }
    list_remove(&found->node);
    list_push_front(&s->outlets, &found->node);
    return found;
}

/* ---- registration ---------------------------------------------------------------------------- */

static void on_registered(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct outlet *o = container_of(call, struct outlet, registration);

    (void)reply;
    o->registering = false;
    if (err) o->registered = false; /* with the next job again; a server registers it, too */
}

static void register_outlet(struct outlet *o)
{
    if (o->registered || o->registering) return;
    o->registered = o->registering = true;
    queue_register_build(&o->registration.request, o->submitter->name_space, o->queue);
    link_send(o->submitter->link, &o->registration, on_registered);
}

void submitter_register(struct submitter *s, struct span queue)
{
    register_outlet(outlet_of(s, queue));
}

/* ---- calls ----------------------------------------------------------------------------------- */

void submitter_submit(struct submitter *s, struct submission *submission)
{
    struct outlet *o = outlet_of(s, span_of(job_queue(submission->items[0].job)));

    assert(submission->count > 0);
    submission->sent = 0;
    submission->left = submission->count;
    list_push(&o->pending, &submission->node);
}

static bool keep(struct submit_call *);

/* An item that was taken from Redis is the origin's again; with its last one, so is the origin. */
static void end_call(struct submit_call *c, enum pinion_err err)
{
    c->outlet->calls--;
    for (size_t i = 0; i < c->count; i++) {
        struct submission *origin = c->origin[i];
        if (err) c->items[i].err = err;
        origin->items[c->at[i]] = c->items[i];
        if (--origin->left == 0) origin->done(origin);
    }
    request_deinit(&c->call.request);
    free(c);
}

static void on_submitted(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct submit_call *c = container_of(call, struct submit_call, call);

    if (err == PINION_UNAVAILABLE && keep(c)) return;
    if (!err) err = enqueue_read(reply, c->items, c->count);
    end_call(c, err);
}

static void send(struct submit_call *c)
{
    struct submitter *s = c->outlet->submitter;

    c->connection = s->connection;
    link_send(s->link, &c->call, on_submitted);
}

/* ---- calls that lost their connection -------------------------------------------------------- */

/* false: it ends. So does what Redis itself answered so, on a connection that lives. */
static bool keep(struct submit_call *c)
{
    struct submitter *s = c->outlet->submitter;
    uint64_t now_ms = clock_mono_ms(), last_ms = c->sent_ms + SUBMIT_REPEAT_MAX_MS;
    bool is_up = link_is_up(s->link);

    if (!s->patience_ms || (is_up && c->connection == s->connection)) return false;
    if (!c->give_up_ms) c->give_up_ms = now_ms + s->patience_ms;
    if (c->give_up_ms > last_ms) c->give_up_ms = last_ms;
    if (now_ms >= c->give_up_ms) return false;
    if (is_up) {
        send(c);
        return true;
    }
    list_push(&s->kept, &c->node);
    if (!alarm_pending(&s->kept_over)) ticker_set_at(s->ticker, &s->kept_over, c->give_up_ms);
    return true;
}

/* First collect, then end: whoever is told may submit again. */
static void on_kept_over(struct alarm *alarm)
{
    struct submitter *s = container_of(alarm, struct submitter, kept_over);
    uint64_t now_ms = clock_mono_ms(), next_ms = UINT64_MAX;
    struct list over, *node;

    list_init(&over);
    list_for_each_safe (one, &s->kept) {
        struct submit_call *c = container_of(one, struct submit_call, node);
        if (c->give_up_ms <= now_ms) {
            list_remove(one);
            list_push(&over, one);
        } else if (c->give_up_ms < next_ms) {
            next_ms = c->give_up_ms;
        }
    }
    if (next_ms != UINT64_MAX) ticker_set_at(s->ticker, &s->kept_over, next_ms);
    while ((node = list_pop(&over)))
        end_call(container_of(node, struct submit_call, node), PINION_UNAVAILABLE);
}

void submitter_up(struct submitter *s)
{
    struct list again, *node;

    s->connection++;
    list_for_each (one, &s->outlets) container_of(one, struct outlet, node)->registered = false;
    if (list_empty(&s->kept)) return;
    ticker_cancel(s->ticker, &s->kept_over);
    list_init(&again);
    list_take(&again, &s->kept);
    while ((node = list_pop(&again))) {
        struct submit_call *c = container_of(node, struct submit_call, node);
        register_outlet(c->outlet);
        send(c);
    }
}

void submitter_repeat(struct submitter *s, struct ticker *ticker, uint64_t patience_ms)
{
    s->ticker = ticker;
    s->patience_ms = patience_ms;
}

void submitter_give_up(struct submitter *s)
{
    if (list_empty(&s->kept)) return;
    list_for_each (node, &s->kept) container_of(node, struct submit_call, node)->give_up_ms = 1;
    ticker_set_in(s->ticker, &s->kept_over, 0);
}

/* ---- sending --------------------------------------------------------------------------------- */

/* What is pending, in its order, until the call is full. */
static void fill(struct submit_call *c)
{
    size_t n = 0;

    list_for_each (node, &c->outlet->pending) {
        struct submission *s = container_of(node, struct submission, node);
        for (size_t at = s->sent; at < s->count && n < BATCH_ITEMS_MAX; at++, n++) {
            c->origin[n] = s;
            c->at[n] = at;
            c->items[n] = s->items[at];
        }
        if (n == BATCH_ITEMS_MAX) break;
    }
    c->count = enqueue_fits(c->items, n);
    for (size_t i = 0; i < c->count; i++)
        if (++c->origin[i]->sent == c->origin[i]->count) list_remove(&c->origin[i]->node);
}

static void send_call(struct outlet *o)
{
    struct submitter *s = o->submitter;
    struct submit_call *c = xmalloc(sizeof *c);

    c->call.request = REQUEST_INIT;
    c->outlet = o;
    c->sent_ms = clock_mono_ms();
    c->give_up_ms = 0;
    fill(c);
    o->calls++;
    enqueue_build(&c->call.request, queue_key_span(&o->key), c->items, c->count, s->now_ms(s->ctx));
    send(c);
}

/* The outlets in use are the first: the rest was not touched since the last flush. */
void submitter_flush(struct submitter *s)
{
    list_for_each (node, &s->outlets) {
        struct outlet *o = container_of(node, struct outlet, node);
        if (list_empty(&o->pending)) continue;
        register_outlet(o);
        while (!list_empty(&o->pending) && o->calls < SUBMIT_CALLS_MAX) send_call(o);
    }
}
