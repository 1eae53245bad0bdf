/* control/pinion_attempt.c — what handlers call: struct pinion_attempt is struct attempt. */
#include "control/pinion_shared.h"

#include <string.h>
#include "base/time_text.h"
#include "workers/attempt.h"
#include "workers/limits.h"

static struct attempt *attempt_of(struct pinion_attempt *a)
{
    return (struct attempt *)a;
}

const struct pinion_work *pinion_attempt_work(const struct pinion_attempt *a)
{
    return &((const struct attempt *)a)->work;
}

int pinion_attempt_stopping(const struct pinion_attempt *a)
{
    return ((const struct attempt *)a)->at == AT_STOP;
}

_Static_assert(PINION_PROGRESS_NOTE_MAX == PROGRESS_NOTE_MAX, "both are what progress.lua takes");

enum pinion_err pinion_attempt_progress(struct pinion_attempt *a, unsigned percent,
                                        const char *note)
{
    return attempt_tell(attempt_of(a), percent, span_of(note ? note : ""));
}

void pinion_attempt_done(struct pinion_attempt *a, const void *result, size_t len)
{
    attempt_finish(attempt_of(a), OUTCOME_DONE, result, len, 0);
}

void pinion_attempt_fail(struct pinion_attempt *a, const char *error)
{
    const char *text = error ? error : "failed";

    attempt_finish(attempt_of(a), OUTCOME_FAIL, text, strlen(text), RETRY_BY_BACKOFF);
}

void pinion_attempt_retry_in(struct pinion_attempt *a, const char *error, uint64_t ms)
{
    const char *text = error ? error : "failed";

    attempt_finish(attempt_of(a), OUTCOME_FAIL, text, strlen(text),
                   (int64_t)(ms < DURATION_MS_MAX ? ms : DURATION_MS_MAX));
}

void pinion_attempt_reject(struct pinion_attempt *a, const char *error)
{
    const char *text = error ? error : "rejected";

    attempt_finish(attempt_of(a), OUTCOME_FAIL, text, strlen(text), RETRY_NEVER);
}
