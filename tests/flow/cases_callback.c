/* Orders for a handler on the loop: it answers at once, or when an alarm of its own goes off. */
#include "tests/flow/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void begin_slow(struct attempt *a, uint64_t ms, bool deaf)
{
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

static char *text_of(struct order order)
{
    return order.text_len ? xmemdup(order.text, order.text_len) : xstrdup("");
}

static void flood(struct pinion_attempt *self, size_t bytes)
{
    char *text = xmalloc(bytes);

    memset(text, 'x', bytes);
    pinion_attempt_done(self, text, bytes);
    free(text);
}

static void tell(struct pinion_attempt *self, const char *text)
{
    char *note;
    unsigned percent = (unsigned)strtoul(text, &note, 10);

    assert_int_equal(pinion_attempt_progress(self, percent, note + 1), PINION_OK);
    pinion_attempt_done(self, NULL, 0);
}

static void answer(struct pinion_attempt *self, const char *result)
{
    pinion_attempt_done(self, result, strlen(result));
}

static void run(struct attempt *a, void *ctx)
{
    struct pinion_attempt *self = (struct pinion_attempt *)a;
    const struct pinion_work *work = pinion_attempt_work(self);
    struct order order = order_read(work->payload, work->payload_len);
    char *text = text_of(order), line[256];

    (void)ctx;
    if (strcmp(order.verb, "done") == 0) answer(self, text);
    else if (strcmp(order.verb, "slow") == 0) begin_slow(a, strtoul(text, NULL, 10), false);
    else if (strcmp(order.verb, "deaf") == 0) begin_slow(a, strtoul(text, NULL, 10), true);
    else if (strcmp(order.verb, "fail") == 0) pinion_attempt_fail(self, text);
    else if (strcmp(order.verb, "reject") == 0) pinion_attempt_reject(self, text);
    else if (strcmp(order.verb, "again") == 0 && work->attempt == 1)
        pinion_attempt_fail(self, text);
    else if (strcmp(order.verb, "later") == 0 && work->attempt == 1)
        pinion_attempt_retry_in(self, "later", strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "tell") == 0) tell(self, text);
    else if (strcmp(order.verb, "flood") == 0) flood(self, strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "bytes") == 0) answer(self, "\xff\xfe\x01\x80");
    else if (strcmp(order.verb, "count") == 0) {
        snprintf(line, sizeof line, "%zu", work->payload_len);
        answer(self, line);
    } else if (strcmp(order.verb, "who") == 0) {
        snprintf(line, sizeof line, "%s %s %u", work->id, work->kind, work->attempt);
        answer(self, line);
    } else answer(self, "");
    free(text);
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
