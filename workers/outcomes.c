/* An attempt that is over waits in an outbox until the end of the loop's turn, travels in one call
 * with its like, and is freed by the answer. Without an answer it goes back to its outbox, and is
 * sent again: the token tells Redis whose outcome it is, and what ended is remembered there. */
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "queue/settle.h"
#include "scheduler/backoff.h"
#include "workers/shared.h"

struct settle_call {
    struct call call;
    struct consumer *consumer;
    enum outbox outbox;
    size_t count;
    struct attempt *attempts[BATCH_ITEMS_MAX];
    struct settle_item items[BATCH_ITEMS_MAX];
};

static const struct {
    enum script script;
    void (*build)(struct request *, struct span key, const struct settle_item *, size_t count);
} outboxes[OUTBOXES] = {
    [OUTBOX_ACK] = {SCRIPT_ACK,      ack_build     },
    [OUTBOX_RICH] = {SCRIPT_ACK_RICH, ack_rich_build},
    [OUTBOX_FAIL] = {SCRIPT_FAIL,     fail_build    },
    [OUTBOX_RELEASE] = {SCRIPT_RELEASE,  release_build },
};

static enum outbox outbox_of(const struct attempt *a)
{
    switch (a->outcome) {
    case OUTCOME_DONE: return a->rare || job_is_rich(&a->job) ? OUTBOX_RICH : OUTBOX_ACK;
    case OUTCOME_FAIL:
    case OUTCOME_POSTPONE: return OUTBOX_FAIL;
    case OUTCOME_RELEASE: return OUTBOX_RELEASE;
    case OUTCOME_NONE: break;
    }
    abort(); /* a bug: an attempt without outcome tells Redis nothing */
}

void outcomes_put(struct consumer *c, struct attempt *a)
{
    list_push(&c->outbox[outbox_of(a)], &a->node);
}

static int64_t delay_of(const struct attempt *a)
{
    const struct handler *h = a->handler;
    struct span backoff = h->backoff ? span_of(h->backoff) : a->job.backoff;

    if (a->outcome == OUTCOME_POSTPONE) return a->delay_ms;
    if (h->attempts_max && a->failures + 1 >= h->attempts_max) return RETRY_NEVER;
    if (a->delay_ms != RETRY_BY_BACKOFF) return a->delay_ms;
    return (int64_t)backoff_ms(backoff, a->failures + 1, random_unit());
}

static void log_end(const struct attempt *a, enum settled settled)
{
    static const char *const events[] = {
        [SETTLED_STALE] = "outcome_refused",
        [SETTLED_RETRY] = "job_failed",
        [SETTLED_DEAD] = "job_dead",
        [SETTLED_CANCELLED] = "job_cancelled",
    };

    if (settled >= countof(events) || !events[settled]) return;
    bool postponed = settled == SETTLED_RETRY && a->outcome == OUTCOME_POSTPONE;
    log_fields(settled == SETTLED_CANCELLED || postponed ? LOG_INFO : LOG_WARN,
               postponed ? "job_postponed" : events[settled],
               (const struct log_field[]){
                   LOG_TEXT("job", a->work.id),
                   LOG_TEXT("kind", a->work.kind),
                   LOG_INT("attempt", a->work.attempt),
                   LOG_TEXT("error", a->text),
                   {0, 0, 0}
    });
}

static enum tally_end end_of(const struct attempt *a, enum settled settled)
{
    if (settled == SETTLED_CANCELLED) return TALLY_CANCELLED;
    if (a->outcome == OUTCOME_DONE) return TALLY_DONE;
    if (a->outcome == OUTCOME_RELEASE || a->outcome == OUTCOME_POSTPONE) return TALLY_RELEASED;
    return settled == SETTLED_DEAD ? TALLY_DEAD : TALLY_RETRY;
}

static void settled_one(struct consumer *c, const struct attempt *a, enum settled settled)
{
    struct workers_totals *t = &c->w->totals;

    log_end(a, settled);
    if (settled != SETTLED_STALE && a->row) a->row->count[end_of(a, settled)]++;
    else if (settled != SETTLED_STALE)
        tally_add(t->ends, c->queue, a->job.kind, end_of(a, settled));
    if (settled == SETTLED_STALE)
        counter_add(&t->stale, 1);
    else if (a->outcome == OUTCOME_DONE)
        counter_add(&t->done, 1);
    else if (a->outcome == OUTCOME_FAIL)
        counter_add(&t->failed, 1);
    else
        counter_add(&t->released, 1);
}

static void on_settled(struct call *call, enum pinion_err err, const struct redisReply *reply)
{
    struct settle_call *s = container_of(call, struct settle_call, call);
    struct consumer *c = s->consumer;

    if (!err) err = settle_read(reply, outboxes[s->outbox].script, s->items, s->count);
    c->unsettled -= (unsigned)s->count;
    for (size_t i = 0; i < s->count; i++) {
        if (err == PINION_UNAVAILABLE) {
            list_push(&c->outbox[s->outbox], &s->attempts[i]->node);
            continue;
        }
        if (!err) settled_one(c, s->attempts[i], s->items[i].settled);
        attempt_free(s->attempts[i]);
    }
    if (err && err != PINION_UNAVAILABLE)
        log_error("outcomes_lost", LOG_TEXT("queue", c->queue), LOG_INT("jobs", s->count),
                  LOG_TEXT("error", error_name(err))); /* their leases will lapse */
    request_deinit(&s->call.request);
    free(s);
    workers_progress(c->w);
}

static void send_batch(struct consumer *c, enum outbox outbox)
{
    struct settle_call *s = xmalloc(sizeof *s);
    size_t bytes = 0;

    s->call.request = REQUEST_INIT;
    s->consumer = c;
    s->outbox = outbox;
    s->count = 0;
    while (s->count < BATCH_ITEMS_MAX && bytes < BATCH_BYTES_MAX &&
           !list_empty(&c->outbox[outbox])) {
        struct attempt *a = container_of(list_pop(&c->outbox[outbox]), struct attempt, node);
        s->attempts[s->count] = a;
        s->items[s->count++] = (struct settle_item){
            .id = a->job.id,
            .token = a->token,
            .started_ms = a->started_ms,
            .text = {a->text ? a->text : "", a->text_len},
            .pack_size = a->pack_size,
            .delay_ms = outbox == OUTBOX_FAIL ? delay_of(a) : 0,
            .uncharged = a->outcome == OUTCOME_POSTPONE,
        };
        bytes += a->text_len + 64;
    }
    c->unsettled += (unsigned)s->count;
    outboxes[outbox].build(&s->call.request, consumer_key(c), s->items, s->count);
    link_send(c->w->link, &s->call, on_settled);
}

void outcomes_send(struct consumer *c)
{
    if (!link_is_up(c->w->link)) return;
    for (enum outbox o = 0; o < OUTBOXES; o++)
        while (!list_empty(&c->outbox[o])) send_batch(c, o);
}
