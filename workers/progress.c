/* How far attempts are, as they tell it: the newest word waits, and travels with those of others.
 *
 *      told ──► listed ──end of the turn──► sent, gap begins ──gap is over──► listed, if told again
 *                 ▲                          │
 *                 └──────── no answer ───────┘   (meanwhile a newer word takes the place of an
 * older)
 *
 * An attempt that ends is listed at once, if what it told will be kept: its last word then goes out
 * just before its outcome. Attempts that tell nothing have none of this.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/memory.h"
#include "queue/settle.h"
#include "workers/shared.h"

struct attempt_progress {
    struct list node; /* of the consumer's, while it is listed */
    struct attempt *attempt;
    struct alarm gap;               /* pending: the last one was sent a moment ago */
    struct attempt_progress **sent; /* where the call on its way remembers it; NULL: none is */
    bool fresh;                     /* there is something to send */
    unsigned percent;
    size_t note_len;
    char note[PROGRESS_NOTE_MAX];
};

struct progress_call {
    struct call call;
    size_t count;
    struct attempt_progress *told[BATCH_ITEMS_MAX]; /* NULL: its attempt is gone */
    struct settle_item items[BATCH_ITEMS_MAX];
};

static struct ticker *ticker_of(const struct attempt *a)
{
    return consumer_workers(a->consumer)->o.ticker;
}

static void list_it(struct attempt_progress *p)
{
    list_remove(&p->node);
    list_push(&p->attempt->consumer->progress, &p->node);
}

/* Now, unless it must wait for the gap, or for an answer. */
static void list_if_due(struct attempt_progress *p)
{
    if (p->fresh && !p->sent && !alarm_pending(&p->gap)) list_it(p);
}

static void on_gap(struct alarm *alarm)
{
    list_if_due(container_of(alarm, struct attempt_progress, gap));
}

/* ---- what attempts tell ---------------------------------------------------------------------- */

static struct attempt_progress *progress_new(struct attempt *a)
{
    struct attempt_progress *p = xcalloc(1, sizeof *p);

    p->attempt = a;
    list_init(&p->node);
    alarm_init(&p->gap, on_gap);
    return p;
}

void attempt_progress_put(struct attempt *a, unsigned percent, struct span note)
{
    struct attempt_progress *p = a->progress;

    if (!p) p = a->progress = progress_new(a);
    a->rare = true; /* so its end is told to who forgets what it told */
    p->percent = percent;
    p->note_len = note.len;
    if (note.len) memcpy(p->note, note.data, note.len);
    p->fresh = true;
    list_if_due(p);
}

void attempt_progress_end(struct attempt *a)
{
    struct attempt_progress *p = a->progress;
    bool kept = a->outcome != OUTCOME_NONE && (a->outcome != OUTCOME_DONE || a->job.retain_ms);

    if (!p) return;
    ticker_cancel(ticker_of(a), &p->gap);
    if (!kept)
        attempt_progress_free(a);
    else if (p->fresh)
        list_it(p);
}

void attempt_progress_free(struct attempt *a)
{
    struct attempt_progress *p = a->progress;

    if (!p) return;
    ticker_cancel(ticker_of(a), &p->gap);
    list_remove(&p->node);
    if (p->sent) *p->sent = NULL;
    free(p);
    a->progress = NULL;
}

/* ---- to Redis -------------------------------------------------------------------------------- */

static void answered(struct attempt_progress *p, enum pinion_err err, enum settled settled)
{
    struct attempt *a = p->attempt;

    p->sent = NULL;
    if (err == PINION_UNAVAILABLE) p->fresh = true;
    if (!err && settled == SETTLED_STALE && a->at == AT_RUN) {
        log_warn("lease_lost", LOG_TEXT("job", a->work.id), LOG_TEXT("kind", a->work.kind));
        attempt_stop(a, STOP_LOST); /* may end the attempt, and so us */
        return;
    }
    list_if_due(p);
}

static void on_told(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct progress_call *t = container_of(call, struct progress_call, call);

    if (!err) err = settle_read(reply, SCRIPT_PROGRESS, t->items, t->count);
    if (err && err != PINION_UNAVAILABLE && err != PINION_BUSY) /* busy: full, as all will say */
        log_error("progress_lost", LOG_INT("jobs", t->count), LOG_TEXT("error", error_name(err)));
    for (size_t i = 0; i < t->count; i++)
        if (t->told[i]) answered(t->told[i], err, t->items[i].settled);
    request_deinit(&t->call.request);
    free(t);
}

static void add(struct progress_call *t, struct attempt_progress *p)
{
    struct attempt *a = p->attempt;

    if (p->sent) *p->sent = NULL; /* an end does not wait for the answer before */
    p->fresh = false;
    p->sent = &t->told[t->count];
    t->told[t->count] = p;
    t->items[t->count++] = (struct settle_item){
        .id = a->job.id,
        .token = a->token,
        .text = {p->note, p->note_len},
        .percent = p->percent,
    };
    if (a->at != AT_SETTLE) ticker_set_in(ticker_of(a), &p->gap, PROGRESS_GAP_MS);
}

static void send_batch(struct consumer *c)
{
    struct progress_call *t = xmalloc(sizeof *t);

    t->call.request = REQUEST_INIT;
    t->count = 0;
    while (t->count < BATCH_ITEMS_MAX && !list_empty(&c->progress))
        add(t, container_of(list_pop(&c->progress), struct attempt_progress, node));
    progress_build(&t->call.request, consumer_key(c), t->items, t->count);
    link_send(c->w->link, &t->call, on_told);
}

void consumer_send_progress(struct consumer *c)
{
    if (!link_is_up(c->w->link)) return;
    while (!list_empty(&c->progress)) send_batch(c);
}
