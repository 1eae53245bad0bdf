/*      jobs ──check──► items ──cut by queue and batch limits──► calls ──WINDOW at a time──► Redis
 *                                       a call without an answer is sent again as it was ◄──┘
 */
#include "control/enqueuer.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/memory.h"
#include "control/new_job.h"
#include "queue/enqueue.h"
#include "queue/key.h"
#include "queue/sync.h"
#include "queue/upkeep.h"

#define WINDOW 16 /* calls on their way at once */

struct batch {
    struct request request;
    struct enqueue_item items[BATCH_ITEMS_MAX];
    size_t at[BATCH_ITEMS_MAX]; /* which job each item is */
    size_t count;
};

struct enqueuer {
    struct sync *sync;
    const char *name_space;
    char **registered; /* queues that Redis knows of from us */
    size_t registered_count;
    struct batch batches[WINDOW];
};

struct enqueuer *enqueuer_new(struct sync *sync, const char *name_space)
{
    struct enqueuer *e = xcalloc(1, sizeof *e);

    e->sync = sync;
    e->name_space = name_space;
    for (size_t i = 0; i < WINDOW; i++) e->batches[i].request = REQUEST_INIT;
    return e;
}

void enqueuer_free(struct enqueuer *e)
{
    if (!e) return;
    for (size_t i = 0; i < WINDOW; i++) request_deinit(&e->batches[i].request);
    for (size_t i = 0; i < e->registered_count; i++) free(e->registered[i]);
    free(e->registered);
    free(e);
}

/* So that listings find the queue. Unheard is no failure of the jobs: servers register it too. */
static void register_queue(struct enqueuer *e, const char *queue)
{
    struct request request = REQUEST_INIT;
    struct redisReply *reply = NULL;

    for (size_t i = 0; i < e->registered_count; i++)
        if (strcmp(e->registered[i], queue) == 0) return;
    queue_register_build(&request, e->name_space, span_of(queue));
    if (sync_call(e->sync, &request, &reply, NULL) == PINION_OK) {
        e->registered = xrealloc(e->registered, (e->registered_count + 1) * sizeof *e->registered);
        e->registered[e->registered_count++] = xstrdup(queue);
    }
    sync_reply_free(reply);
    request_deinit(&request);
}

/* Takes jobs of one queue from *next on into the batch, as far as they fit; refuses those that are
 * wrong. What was taken too much is given back at the end: asking at each job would cost the
 * square. */
static void fill(struct enqueuer *e, struct batch *b, const struct pinion_job *jobs, size_t count,
                 size_t *next, struct pinion_enqueued *ret, struct error *why)
{
    struct queue_key key;
    size_t fits;

    b->count = 0;
    for (; *next < count && b->count < BATCH_ITEMS_MAX; (*next)++) {
        const struct pinion_job *job = &jobs[*next];
        struct error wrong = {0};
        if (b->count && strcmp(job_queue(job), job_queue(b->items[0].job)) != 0) break;
        ret[*next] = (struct pinion_enqueued){.err = new_job_check(job, &wrong)};
        if (ret[*next].err) {
            if (why && !why->code) *why = wrong;
            continue;
        }
        b->items[b->count] = (struct enqueue_item){.job = job};
        b->at[b->count++] = *next;
    }
    fits = enqueue_fits(b->items, b->count);
    if (fits < b->count) *next = b->at[fits];
    b->count = fits;
    if (b->count == 0) return;
    register_queue(e, job_queue(b->items[0].job));
    key = queue_key(e->name_space, span_of(job_queue(b->items[0].job)));
    enqueue_build(&b->request, queue_key_span(&key), b->items, b->count, sync_now_ms(e->sync));
}

void enqueued_tell(struct pinion_enqueued *ret, const struct enqueue_item *item,
                   enum pinion_err err)
{
    const char *queue = job_queue(item->job);
    size_t len = strlen(queue);

    ret->err = err ? err : item->err;
    ret->existing = !ret->err && item->existing;
    ret->replaced = !ret->err && item->replaced;
    ret->closed = !err && item->closed;
    if (ret->err) return;
    memcpy(ret->id, queue, len);
    ret->id[len] = ':';
    memcpy(ret->id + len + 1, item->local, strlen(item->local) + 1);
}

static void answer_items(const struct batch *b, enum pinion_err err, struct pinion_enqueued *ret)
{
    for (size_t i = 0; i < b->count; i++) enqueued_tell(&ret[b->at[i]], &b->items[i], err);
}

static void note_refusal(const struct batch *b, struct error *why)
{
    for (size_t i = 0; i < b->count && why && !why->code; i++)
        if (b->items[i].err) enqueue_why(&b->items[i], why);
}

/* Sends the batches that are unanswered, until all are answered or the time is over. */
static enum pinion_err send_window(struct enqueuer *e, size_t batches, uint64_t give_up_at_ms,
                                   struct pinion_enqueued *ret, struct error *why)
{
    struct batch *open[WINDOW];
    struct request *requests[WINDOW];
    struct redisReply *replies[WINDOW];
    enum pinion_err errs[WINDOW];
    size_t count = batches, left;
    bool unknown = false;

    for (size_t i = 0; i < batches; i++) open[i] = &e->batches[i];
    for (; count > 0; count = left) {
        struct error failure = {0};
        for (size_t i = 0; i < count; i++) requests[i] = &open[i]->request;
        sync_call_many(e->sync, requests, count, replies, errs, &failure);
        left = 0;
        for (size_t i = 0; i < count; i++) {
            struct batch *b = open[i];
            if (!errs[i]) errs[i] = enqueue_read(replies[i], b->items, b->count);
            sync_reply_free(replies[i]);
            if (errs[i] == PINION_UNAVAILABLE && clock_mono_ms() < give_up_at_ms) {
                open[left++] = b;
                continue;
            }
            if (errs[i] == PINION_BUSY && b->items[0].refusal)
                error_set(&failure, PINION_BUSY, "queue %s: %s", job_queue(b->items[0].job),
                          b->items[0].refusal);
            if (errs[i] && why && !why->code) *why = failure;
            if (!errs[i]) note_refusal(b, why);
            if (errs[i] == PINION_UNAVAILABLE) unknown = true;
            answer_items(b, errs[i], ret);
        }
    }
    return unknown ? PINION_UNAVAILABLE : PINION_OK;
}

enum pinion_err enqueuer_send(struct enqueuer *e, const struct pinion_job *jobs, size_t count,
                              uint64_t give_up_ms, struct pinion_enqueued *ret, struct error *why)
{
    uint64_t give_up_at_ms = clock_mono_ms() + give_up_ms;
    enum pinion_err err = PINION_OK, one;
    size_t next = 0;

    while (next < count) {
        size_t batches = 0;
        while (next < count && batches < WINDOW) {
            fill(e, &e->batches[batches], jobs, count, &next, ret, why);
            if (e->batches[batches].count > 0) batches++;
        }
        one = send_window(e, batches, give_up_at_ms, ret, why);
        if (one) err = one;
    }
    return err;
}
