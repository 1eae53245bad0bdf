#include "workers/attempt.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time_text.h"
#include "workers/consumer.h"
#include "workers/registry.h"
#include "workers/shared.h"
#include "workers/thread.h"

#define CLOCK_DOUBT_MS 1000 /* that much the clock that we estimate may be behind Redis's */

/* Copies `s` to *at and moves on; a NUL follows, for C handlers. */
static struct span put(char **at, struct span s)
{
    struct span copy = {*at, s.len};

    memcpy(*at, s.data, s.len);
    (*at)[s.len] = '\0';
    *at += s.len + 1;
    return copy;
}

/* NULL if it is absent, or longer than we ever write one: Redis's data is not trusted. */
static const char *put_some(char **at, struct span s, size_t len_max)
{
    return s.data && s.len <= len_max ? put(at, s).data : NULL;
}

struct attempt *attempt_new(struct consumer *consumer, const struct claimed *c, const char *queue,
                            uint64_t lease_ms)
{
    size_t queue_len = strlen(queue);
    size_t bytes =
        2 * (queue_len + 1) + c->id.len + 1 + c->token.len + 1 + c->record.len + 1 + KIND_MAX + 1 +
        LABEL_MAX + 1 + TRACEPARENT_LEN + 1;
    struct attempt *a = xmalloc(sizeof *a + bytes);
    char *at = a->bytes;

    memset(a, 0, sizeof *a);
    memcpy(at, queue, queue_len);
    at[queue_len] = ':';
    at += queue_len + 1;
    struct span id = put(&at, c->id);
    a->token = put(&at, c->token);
    if (job_decode(id, put(&at, c->record), &a->job)) {
        free(a);
        return NULL;
    }
    a->work = (struct pinion_work){
        .id = a->bytes,
        .queue = put(&at, span_of(queue)).data,
        .kind = put(&at, a->job.kind).data,
        .group = put_some(&at, a->job.group, LABEL_MAX),
        .traceparent = put_some(&at, a->job.traceparent, TRACEPARENT_LEN),
        .payload = a->job.payload.data,
        .payload_len = a->job.payload.len,
        .attempt = c->failures + 1,
        .run_at_ms = a->job.run_at_ms,
        .created_at_ms = a->job.created_ms,
    };
    a->consumer = consumer;
    a->failures = c->failures;
    a->pack_size = c->pack_size;
    a->rare = c->rare;
    a->lease_ms = a->job.lease_ms ? a->job.lease_ms : lease_ms;
    list_init(&a->node);
    return a;
}

void attempt_use(struct attempt *a, struct handler *h)
{
    if (h) handler_hold(h);
    handler_drop(a->handler);
    a->handler = h;
}

void attempt_free(struct attempt *a)
{
    if (a->renewal) *a->renewal = NULL;
    attempt_progress_free(a);
    handler_drop(a->handler);
    free(a->text);
    if (a->thread && thread_keeps(a->thread)) return;
    free(a);
}

static void on_deadline(struct alarm *alarm)
{
    attempt_stop(container_of(alarm, struct attempt, deadline), STOP_TIMEOUT);
}

static uint64_t timeout_of(const struct attempt *a)
{
    return a->handler->timeout_ms ? a->handler->timeout_ms : a->job.timeout_ms;
}

/* By Redis's clock, as we know it; but not before the claim, of which the token tells: it is when
 * the lease ends, with a seat in its last three digits. Else an attempt could seem to begin while
 * that whose slot it has is not over. A token that is far ahead is of a clock that stepped. */
static int64_t start_ms(const struct attempt *a, int64_t now_ms)
{
    uint64_t token;
    int64_t claimed_ms;

    if (text_parse_u64(a->token, 0, INT64_MAX, &token)) return now_ms;
    claimed_ms = (int64_t)(token / 1000) - (int64_t)a->lease_ms;
    return claimed_ms > now_ms && claimed_ms - now_ms < CLOCK_DOUBT_MS ? claimed_ms : now_ms;
}

void attempt_wait(struct attempt *a)
{
    ticker_cancel(consumer_workers(a->consumer)->o.ticker, &a->deadline);
}

void attempt_begin(struct attempt *a)
{
    struct workers *w = consumer_workers(a->consumer);

    a->started_mono_us = clock_mono_us();
    a->started_ms = start_ms(a, redis_clock_now_us(&w->clock) / 1000);
    a->work.deadline_ms = a->started_ms + (int64_t)timeout_of(a);
    ticker_set_in(w->o.ticker, &a->deadline, timeout_of(a));
}

void attempt_start(struct attempt *a)
{
    struct workers *w = consumer_workers(a->consumer);

    a->at = AT_RUN;
    alarm_init(&a->deadline, on_deadline);
    attempt_begin(a);
    a->renewed_mono_ms = a->started_mono_us / 1000;
    a->handler->running++;
    w->running++;
    a->handler->runner->start(a);
}

void attempt_stop(struct attempt *a, enum stop_reason reason)
{
    if (a->at != AT_RUN) return;
    a->at = AT_STOP;
    a->stop = reason;
    if (a->handler->runner->stop) a->handler->runner->stop(a);
}

static void keep_text(struct attempt *a, const void *text, size_t len, size_t len_max)
{
    if (len > len_max) len = len_max;
    if (!text || !len) return;
    a->text = xmemdup(text, len);
    a->text_len = len;
}

/* Errors are shown to people and kept as JSON: valid UTF-8, whatever the program wrote. */
static void keep_error(struct attempt *a, const void *text, size_t len)
{
    struct buffer clean = BUFFER_INIT;

    text_add_utf8(&clean, text ? text : "", len < ERROR_BYTES_MAX ? len : ERROR_BYTES_MAX);
    while (clean.len > ERROR_BYTES_MAX || !text_is_utf8(clean.data ? clean.data : "", clean.len))
        clean.len--;
    a->text = buffer_take(&clean, &a->text_len);
}

/* What an attempt that had to stop comes to, whatever its work answered. */
static void overrule(struct attempt *a)
{
    char text[64 + DURATION_TEXT_MAX], timeout[DURATION_TEXT_MAX];

    switch (a->stop) {
    case STOP_NOT: return;
    case STOP_TIMEOUT:
        snprintf(text, sizeof text, "timed out after %s", duration_format(timeout_of(a), timeout));
        break;
    case STOP_CANCEL:
        if (a->outcome == OUTCOME_DONE) return; /* it was done all the same */
        snprintf(text, sizeof text, "cancelled while it ran");
        break;
    case STOP_LOST: a->outcome = OUTCOME_NONE; return;
    case STOP_SHUTDOWN: a->outcome = OUTCOME_RELEASE; return;
    }
    free(a->text);
    a->text = xstrdup(text);
    a->text_len = strlen(text);
    a->outcome = OUTCOME_FAIL;
}

enum pinion_err progress_check(unsigned percent, struct span note)
{
    if (percent > PROGRESS_MAX || note.len > PROGRESS_NOTE_MAX ||
        (note.len && !text_is_utf8(note.data, note.len)))
        return PINION_INVALID;
    return PINION_OK;
}

enum pinion_err attempt_tell(struct attempt *a, unsigned percent, struct span note)
{
    enum pinion_err err = progress_check(percent, note);

    if (!err) attempt_progress_put(a, percent, note);
    return err;
}

void attempt_finish(struct attempt *a, enum outcome outcome, const void *text, size_t len,
                    int64_t delay_ms)
{
    struct workers *w = consumer_workers(a->consumer);

    assert(a->at != AT_SETTLE); /* an attempt is finished exactly once */
    if (a->handler->finished) a->handler->finished(a);
    ticker_cancel(w->o.ticker, &a->deadline);
    a->at = AT_SETTLE;
    a->outcome = outcome;
    a->delay_ms = delay_ms;
    if (outcome == OUTCOME_DONE && a->job.retain_ms) keep_text(a, text, len, RESULT_BYTES_MAX);
    if (outcome == OUTCOME_FAIL || outcome == OUTCOME_POSTPONE) keep_error(a, text, len);
    overrule(a);
    attempt_progress_end(a);
    a->handler->running--;
    w->running--;
    consumer_finished(a->consumer, a);
}
