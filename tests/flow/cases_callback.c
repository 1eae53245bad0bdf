/* Orders for a handler on the loop: it answers at once, or when an alarm of its own goes off. */
#include "tests/flow/cases.h"

#include <stdlib.h>
#include "base/memory.h"
#include "control/service.h"
#include "include/pinion.h"
#include "tests/support/check.h"
#include "workers/attempt.h"
#include "workers/callback.h"

struct slow {
    struct alarm alarm;
    struct attempt *attempt;
    bool deaf;
};

static struct ticker *ticker;

static void end_slow(struct slow *slow)
{
    struct attempt *a = slow->attempt;

    ticker_cancel(ticker, &slow->alarm);
    free(slow);
    attempt_finish(a, OUTCOME_DONE, NULL, 0, 0);
}

static void on_alarm(struct alarm *alarm)
{
    end_slow(container_of(alarm, struct slow, alarm));
}

static void begin_slow(struct pinion_attempt *self, uint64_t ms, bool deaf)
{
    struct attempt *a = (struct attempt *)self;
    struct slow *slow = xcalloc(1, sizeof *slow);

    slow->attempt = a;
    slow->deaf = deaf;
    a->work_state = slow;
    alarm_init(&slow->alarm, on_alarm);
    ticker_set_in(ticker, &slow->alarm, ms);
}

static void stop(struct attempt *a, void *ctx)
{
    struct slow *slow = a->work_state;
    struct pinion_attempt *self = (struct pinion_attempt *)a;

    (void)ctx;
    assert_int_equal(pinion_attempt_stopping(self), 1);
    if (slow->deaf) return;
    ticker_cancel(ticker, &slow->alarm);
    free(slow);
    pinion_attempt_fail(self, "stopped");
}

static void run(struct attempt *a, void *ctx)
{
    (void)ctx;
    order_obey((struct pinion_attempt *)a, begin_slow);
}

static void add(struct service *service)
{
    struct error why = {0};

    ticker = service_ticker(service);
    if (service_add_handler(service, callback_new("case.callback", run, stop, NULL), &why))
        fail_msg("%s", why.text);
}

const struct case_runner callback_cases = {
    .name = "callback",
    .can = CASE_REJECTS | CASE_LATER | CASE_TELLS | CASE_HEARS | CASE_CUTS |
           CASE_DEAFENS,
    .add = add,
};
