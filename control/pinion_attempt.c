/* control/pinion_attempt.c — what handlers call: struct pinion_attempt is struct attempt. */
#include "control/pinion_shared.h"

#include "base/time_text.h"
#include "workers/attempt.h"
#include "workers/limits.h"
#include "workers/thread.h"

static struct attempt *attempt_of(struct pinion_attempt *a)
{
    return (struct attempt *)a;
}

const struct pinion_work *pinion_attempt_work(const struct pinion_attempt *a)
{
    return &((const struct attempt *)a)->work;
}

int pinion_attempt_stopping(const struct pinion_attempt *opaque)
{
    const struct attempt *a = (const struct attempt *)opaque;

    return a->thread ? thread_stopping(a) : a->at == AT_STOP;
}

_Static_assert(PINION_PROGRESS_NOTE_MAX == PROGRESS_NOTE_MAX, "both are what progress.lua takes");

enum pinion_err pinion_attempt_progress(struct pinion_attempt *a, unsigned percent,
                                        const char *note)
{
    struct span text = span_of(note ? note : "");

    return attempt_of(a)->thread ? thread_tell(attempt_of(a), percent, text)
                                 : attempt_tell(attempt_of(a), percent, text);
}

static void finish(struct attempt *a, enum outcome outcome, struct span text, int64_t delay_ms)
{
    if (a->thread) thread_finish(a, outcome, text.data, text.len, delay_ms);
    else attempt_finish(a, outcome, text.data, text.len, delay_ms);
}

static void fail(struct pinion_attempt *a, const char *error, int64_t delay_ms)
{
    finish(attempt_of(a), OUTCOME_FAIL, span_of(error), delay_ms);
}

void pinion_attempt_done(struct pinion_attempt *a, const void *result, size_t len)
{
    finish(attempt_of(a), OUTCOME_DONE, (struct span){result, len}, 0);
}

void pinion_attempt_fail(struct pinion_attempt *a, const char *error)
{
    fail(a, error ? error : "failed", RETRY_BY_BACKOFF);
}

void pinion_attempt_retry_in(struct pinion_attempt *a, const char *error, uint64_t ms)
{
    fail(a, error ? error : "failed", (int64_t)(ms < DURATION_MS_MAX ? ms : DURATION_MS_MAX));
}

void pinion_attempt_reject(struct pinion_attempt *a, const char *error)
{
    fail(a, error ? error : "rejected", RETRY_NEVER);
}
