#include "workers/callback.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "base/time_text.h"
#include "scheduler/ticker.h"
#include "workers/attempt.h"

/* ---- pinion.noop ----------------------------------------------------------------------------- */

static void noop(struct attempt *a, void *ctx)
{
    (void)ctx;
    attempt_finish(a, OUTCOME_DONE, NULL, 0, 0);
}

struct handler *noop_new(void)
{
    return callback_new("pinion.noop", noop, NULL, NULL);
}

/* ---- pinion.sleep ---------------------------------------------------------------------------- */

struct sleeper {
    struct alarm alarm;
    struct ticker *ticker;
    struct attempt *attempt;
};

static void end_sleep(struct attempt *a, enum outcome outcome, const char *text)
{
    struct sleeper *s = a->work_state;

    ticker_cancel(s->ticker, &s->alarm);
    free(s);
    attempt_finish(a, outcome, text, text ? strlen(text) : 0, RETRY_BY_BACKOFF);
}

static void on_slept(struct alarm *alarm)
{
    end_sleep(container_of(alarm, struct sleeper, alarm)->attempt, OUTCOME_DONE, NULL);
}

static void sleep_stop(struct attempt *a, void *ctx)
{
    (void)ctx;
    end_sleep(a, OUTCOME_FAIL, "stopped while asleep");
}

static void sleep_run(struct attempt *a, void *ctx)
{
    struct error why = {0};
    struct sleeper *s;
    uint64_t ms;

    if (duration_parse(a->job.payload, &ms, &why)) {
        attempt_finish(a, OUTCOME_FAIL, why.text, strlen(why.text), RETRY_NEVER);
        return;
    }
    s = xcalloc(1, sizeof *s);
    s->ticker = ctx;
    s->attempt = a;
    a->work_state = s;
    alarm_init(&s->alarm, on_slept);
    ticker_set_in(s->ticker, &s->alarm, ms);
}

struct handler *sleep_new(struct ticker *ticker)
{
    return callback_new("pinion.sleep", sleep_run, sleep_stop, ticker);
}
