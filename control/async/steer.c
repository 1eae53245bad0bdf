/* control/async/steer.c — what is done to single jobs. Those of one turn of the loop that do the
 * same in the same queue travel together. */
#include "control/async/async.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/steering.h"
#include "queue/key.h"
#include "queue/steer.h"

#define STEER_ITEMS_MAX 64 /* of one call: Redis does nothing else meanwhile */

struct async_steer {
    struct async_call call;
    enum steering_verb verb;
    char *id;
    struct span queue, local; /* borrow from it */
    pinion_steered_fn *fn;
    void *ctx;
};

struct steer_batch {
    struct call call;
    struct async_steer *items[STEER_ITEMS_MAX];
    struct span locals[STEER_ITEMS_MAX];
    size_t count;
};

static void end(struct async_call *call)
{
    struct async_steer *s = container_of(call, struct async_steer, call);

    if (s->fn) s->fn(call->why.code, call->why.text, s->ctx);
    free(s->id);
    free(s);
}

static void judge(struct async_steer *s, struct span status)
{
    struct error *why = &s->call.why;
    char text[ERROR_TEXT_MAX];
    enum pinion_err err = steering_judge(s->verb, status, text);

    if (err) error_set(why, err, "job %s: %s", s->id, text);
    else error_set(why, PINION_OK, "%s", text);
}

static void on_steered(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct steer_batch *b = container_of(call, struct steer_batch, call);

    for (size_t i = 0; i < b->count; i++) {
        struct async_steer *s = b->items[i];
        if (err == PINION_UNAVAILABLE)
            error_set(&s->call.why, err, "Redis gave no answer: what became of job %s is not known",
                      s->id);
        else if (err)
            async_failed(&s->call, err, NULL);
        else
            judge(s, steer_status(reply, i));
        async_end(&s->call);
    }
    request_deinit(&b->call.request);
    free(b);
}

static void build(struct steer_batch *b, struct span key)
{
    struct request *r = &b->call.request;

    if (b->items[0]->verb == STEERING_RETRY)
        requeue_build(r, key, REQUEUE_RETRY, b->locals, b->count);
    else
        cancel_build(r, key, b->locals, b->count);
}

static void send_batch(struct pinion_async *c)
{
    struct async_steer *first = container_of(c->steers.next, struct async_steer, call.node);
    struct queue_key key = queue_key(c->name_space, first->queue);
    struct steer_batch *b = xmalloc(sizeof *b);

    b->call.request = REQUEST_INIT;
    b->count = 0;
    list_for_each_safe (node, &c->steers) {
        struct async_steer *s = container_of(node, struct async_steer, call.node);
        if (b->count == STEER_ITEMS_MAX) break;
        if (s->verb != first->verb || !span_equal(s->queue, first->queue)) continue;
        list_remove(node);
        b->locals[b->count] = s->local;
        b->items[b->count++] = s;
    }
    build(b, queue_key_span(&key));
    link_send(c->link, &b->call, on_steered);
}

void async_steer_flush(struct pinion_async *c)
{
    while (!list_empty(&c->steers)) send_batch(c);
}

static void begin(struct async_call *call)
{
    list_push(&call->client->steers, &call->node);
}

static void start(struct pinion_async *c, enum steering_verb verb, const char *id,
                  pinion_steered_fn *fn, void *ctx)
{
    struct async_steer *s = xmalloc(sizeof *s);

    *s = (struct async_steer){
        .call = {.client = c, .begin = begin, .end = end, .uses = {[ASYNC_CALLS] = 1}},
        .verb = verb,
        .id = xstrdup(id),
        .fn = fn,
        .ctx = ctx,
    };
    s->call.why.code = id_split(span_of(s->id), NULL, &s->queue, &s->local, &s->call.why);
    async_start(&s->call);
}

void pinion_async_cancel(struct pinion_async *c, const char *id, pinion_steered_fn *fn, void *ctx)
{
    start(c, STEERING_CANCEL, id, fn, ctx);
}

void pinion_async_retry(struct pinion_async *c, const char *id, pinion_steered_fn *fn, void *ctx)
{
    start(c, STEERING_RETRY, id, fn, ctx);
}
