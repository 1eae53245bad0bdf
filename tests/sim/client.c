#include "tests/sim/client.h"

#include <assert.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include "base/memory.h"
#include "queue/enqueue.h"
#include "queue/steer.h"
#include "tests/sim/books.h"
#include "tests/sim/store.h"

#define SOON_MAX_US  100000
#define CLOSE_MAX_US 3000 /* near to what else is under way */

static void send_and_forget(struct request *r)
{
    redisReply *answer = store_run(request_bytes(r), r->script);

    freeReplyObject(answer);
}

static void enqueue(const struct pinion_job *job, unsigned count, unsigned times)
{
    struct pinion_job j = *job;
    struct enqueue_item items[BATCH_ITEMS_MAX];
    struct request r = REQUEST_INIT;
    struct error why;

    assert(count <= BATCH_ITEMS_MAX);
    j.queue = "q";
    if (job_check(&j, &why)) abort();
    for (unsigned i = 0; i < count; i++) items[i] = (struct enqueue_item){.job = &j};
    enqueue_build(&r, store_key(), items, count, store_now_us() / 1000);
    world_trace("enqueue %u %s", count, j.kind);
    for (unsigned i = 0; i < times; i++) send_and_forget(&r);
    request_deinit(&r);
}

void client_enqueue(const struct pinion_job *job, unsigned count)
{
    enqueue(job, count, 1);
}

void client_enqueue_twice(const struct pinion_job *job)
{
    enqueue(job, 1, 2);
}

void client_cancel(const char *local_id)
{
    struct request r = REQUEST_INIT;
    struct span id = span_of(local_id);

    world_trace("cancel %s", local_id);
    cancel_build(&r, store_key(), &id, 1);
    send_and_forget(&r);
    request_deinit(&r);
}

void client_pause(bool pause)
{
    struct request r = REQUEST_INIT;

    world_trace(pause ? "pause" : "resume");
    pause_build(&r, store_key(), pause);
    send_and_forget(&r);
    request_deinit(&r);
}

void client_limit(const struct limit *limit)
{
    struct request r = REQUEST_INIT;

    world_trace("limit %u", limit->concurrency);
    limit_build(&r, store_key(), false, limit, 1);
    send_and_forget(&r);
    request_deinit(&r);
    books()->most = limit->concurrency;
}

/* ---- at a time of its own -------------------------------------------------------------------- */

struct deed {
    struct event event;
    client_fn *act;
    void *ctx;
};

static void on_deed(struct event *event)
{
    struct deed *d = container_of(event, struct deed, event);

    d->act(d->ctx);
    free(d);
}

static void forget(struct event *event)
{
    free(container_of(event, struct deed, event));
}

static struct deed *deed_new(client_fn *act, void *ctx)
{
    struct deed *d = xcalloc(1, sizeof *d);

    event_init(&d->event, on_deed);
    d->event.forget = forget;
    d->act = act;
    d->ctx = ctx;
    return d;
}

void client_soon(client_fn *act, void *ctx)
{
    uint64_t in_us = 1 + world_below(world_chance(50) ? CLOSE_MAX_US : SOON_MAX_US);

    event_send_in(&deed_new(act, ctx)->event, world_new_lane(), in_us);
}

void client_at(uint64_t in_us, client_fn *act, void *ctx)
{
    event_set_alarm(&deed_new(act, ctx)->event, world_now_us() + in_us);
}
