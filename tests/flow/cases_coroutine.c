/* Orders for a coroutine: each is a function that reads from top to bottom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/pinion_shared.h"
#include "control/service.h"
#include "tests/flow/cases.h"
#include "tests/support/check.h"

static void answer(struct pinion_attempt *a, const char *result)
{
    pinion_attempt_done(a, result, strlen(result));
}

static void be_slow(struct pinion_attempt *a, uint64_t ms)
{
    if (!pinion_await_ms(a, ms)) {
        pinion_attempt_done(a, NULL, 0);
        return;
    }
    assert_int_equal(pinion_attempt_stopping(a), 1);
    assert_int_equal(pinion_await_ms(a, 0), PINION_STALE);
    pinion_attempt_fail(a, pinion_await_why(a));
}

static void flood(struct pinion_attempt *a, size_t bytes)
{
    char *text = xmalloc(bytes);

    memset(text, 'x', bytes);
    pinion_attempt_done(a, text, bytes);
    free(text);
}

static void tell(struct pinion_attempt *a, const char *text)
{
    char *note;
    unsigned percent = (unsigned)strtoul(text, &note, 10);

    assert_int_equal(pinion_attempt_progress(a, percent, note + 1), PINION_OK);
    assert_int_equal(pinion_await_ms(a, 1), PINION_OK);
    pinion_attempt_done(a, NULL, 0);
}

static void obey(struct pinion_attempt *a, const char *verb, const char *text)
{
    const struct pinion_work *work = pinion_attempt_work(a);
    char line[256];

    if (strcmp(verb, "slow") == 0) be_slow(a, strtoul(text, NULL, 10));
    else if (strcmp(verb, "fail") == 0) pinion_attempt_fail(a, text);
    else if (strcmp(verb, "reject") == 0) pinion_attempt_reject(a, text);
    else if (strcmp(verb, "again") == 0 && work->attempt == 1) pinion_attempt_fail(a, text);
    else if (strcmp(verb, "later") == 0 && work->attempt == 1)
        pinion_attempt_retry_in(a, "later", strtoul(text, NULL, 10));
    else if (strcmp(verb, "tell") == 0) tell(a, text);
    else if (strcmp(verb, "flood") == 0) flood(a, strtoul(text, NULL, 10));
    else if (strcmp(verb, "bytes") == 0) answer(a, "\xff\xfe\x01\x80");
    else if (strcmp(verb, "count") == 0) {
        snprintf(line, sizeof line, "%zu", work->payload_len);
        answer(a, line);
    } else if (strcmp(verb, "who") == 0) {
        snprintf(line, sizeof line, "%s %s %u", work->id, work->kind, work->attempt);
        answer(a, line);
    } else answer(a, strcmp(verb, "done") == 0 ? text : "");
}

static void run(struct pinion_attempt *a, void *ctx)
{
    const struct pinion_work *work = pinion_attempt_work(a);
    struct order order = order_read(work->payload, work->payload_len);
    char *text = order.text_len ? xmemdup(order.text, order.text_len) : xstrdup("");

    (void)ctx;
    obey(a, order.verb, text);
    free(text);
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
