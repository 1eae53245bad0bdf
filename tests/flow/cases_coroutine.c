/* Orders for a coroutine: each is a function that reads from top to bottom. */
#include "control/pinion_shared.h"
#include "control/service.h"
#include "tests/flow/cases.h"
#include "tests/support/check.h"

static void be_slow(struct pinion_attempt *a, uint64_t ms, bool deaf)
{
    (void)deaf; /* its awaits return at once */
    if (!pinion_await_ms(a, ms)) {
        pinion_attempt_done(a, NULL, 0);
        return;
    }
    assert_int_equal(pinion_attempt_stopping(a), 1);
    assert_int_equal(pinion_await_ms(a, 0), PINION_STALE);
    pinion_attempt_fail(a, pinion_await_why(a));
}

/* Awaited first, so that every order is obeyed by one that has been away. */
static void run(struct pinion_attempt *a, void *ctx)
{
    (void)ctx;
    if (pinion_await_ms(a, 1)) pinion_attempt_fail(a, pinion_await_why(a)); /* it must stop */
    else order_obey(a, be_slow);
}

static void add(struct service *service)
{
    struct pinion_handler h = {.kind = "case.coroutine", .run = run, .runs = PINION_AS_COROUTINE};
    struct error why = {0};

    if (service_add_handler(service, adapt_handler(service, &h), &why)) fail_msg("%s", why.text);
}

const struct case_runner coroutine_cases = {
    .name = "coroutine",
    .can = CASE_REJECTS | CASE_LATER | CASE_TELLS | CASE_HEARS | CASE_CUTS,
    .heeds = true,
    .add = add,
};
