#include "control/events/follow.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/feed.h"
#include "queue/key.h"
#include "queue/link.h"
#include "scheduler/ticker.h"

struct followed {
    struct call call;
    struct follow *follow;
    char *name, *channel;
    struct queue_key key;
    bool asking; /* the call is on its way; left: and it is freed when it is back */
    bool again;  /* to be asked once more, then */
    bool left;
};

struct follow {
    struct link *link;
    struct ticker *ticker;
    const char *name_space;
    void (*asked)(void *ctx, enum pinion_err);
    void *ctx;
    struct followed **queues; /* by name */
    size_t count, asking;
    bool kinds;
    enum pinion_err err; /* of a queue that was asked */
    struct alarm again;
};

static void on_again(struct alarm *alarm)
{
    follow_again(container_of(alarm, struct follow, again));
}

struct follow *follow_new(struct link *link, struct ticker *ticker, const char *name_space,
                          void (*asked)(void *ctx, enum pinion_err), void *ctx)
{
    struct follow *f = xcalloc(1, sizeof *f);

    *f = (struct follow){.link = link, .ticker = ticker, .name_space = name_space,
                         .asked = asked, .ctx = ctx};
    alarm_init(&f->again, on_again);
    return f;
}

void follow_free(struct follow *f)
{
    assert(!f || (!f->count && !f->asking));
    free(f);
}

static void free_queue(struct followed *q)
{
    request_deinit(&q->call.request);
    free(q->name);
    free(q->channel);
    free(q);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask(struct followed *);

static void on_asked(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct followed *q = container_of(call, struct followed, call);
    struct follow *f = q->follow;
    bool left = q->left;

    (void)reply;
    q->asking = false;
    f->asking--;
    if (err && !left) f->err = err;
    if (left) free_queue(q);
    else if (q->again && !err) ask(q);
    if (left || f->asking) return;
    err = f->err;
    f->err = PINION_OK;
    f->asked(f->ctx, err);
}

static void ask(struct followed *q)
{
    struct follow *f = q->follow;

    q->again = q->asking;
    if (q->asking) return;
    q->asking = true;
    f->asking++;
    follow_build(&q->call.request, queue_key_span(&q->key), FOLLOW_S, f->kinds);
    link_send(f->link, &q->call, on_asked);
}

void follow_again(struct follow *f)
{
    if (!f->count) return;
    for (size_t i = 0; i < f->count; i++) ask(f->queues[i]);
    ticker_set_in(f->ticker, &f->again, FOLLOW_AGAIN_MS);
}

bool follow_is_asking(const struct follow *f)
{
    return f->asking > 0;
}

/* ---- which ----------------------------------------------------------------------------------- */

static size_t place_of(const struct follow *f, struct span name)
{
    size_t low = 0, high = f->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strncmp(f->queues[middle]->name, name.data, name.len) < 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

void follow_add(struct follow *f, struct span name)
{
    size_t place = place_of(f, name);
    struct followed *q;

    if (place < f->count && span_is(name, f->queues[place]->name)) return;
    q = xcalloc(1, sizeof *q);
    q->follow = f;
    q->call.request = REQUEST_INIT;
    q->name = xmemdup(name.data, name.len);
    q->channel = channel_of_feed(f->name_space, q->name);
    q->key = queue_key(f->name_space, name);
    f->queues = xrealloc(f->queues, (f->count + 1) * sizeof(struct followed *));
    memmove(f->queues + place + 1, f->queues + place,
            (f->count - place) * sizeof(struct followed *));
    f->queues[place] = q;
    f->count++;
    link_subscribe(f->link, q->channel);
    ask(q);
    if (!alarm_pending(&f->again)) ticker_set_in(f->ticker, &f->again, FOLLOW_AGAIN_MS);
}

void follow_kinds(struct follow *f, bool wanted)
{
    bool is_new = wanted && !f->kinds;

    f->kinds = wanted;
    if (is_new) follow_again(f);
}

void follow_stop(struct follow *f)
{
    ticker_cancel(f->ticker, &f->again);
    for (size_t i = 0; i < f->count; i++) {
        struct followed *q = f->queues[i];
        link_unsubscribe(f->link, q->channel);
        q->left = true;
        if (!q->asking) free_queue(q);
    }
    free(f->queues);
    f->queues = NULL;
    f->count = 0;
}
