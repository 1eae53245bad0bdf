/* Orders as every handler in C obeys them, by the functions of pinion.h alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "include/pinion.h"
#include "tests/flow/cases.h"

static void answer(struct pinion_attempt *self, const char *result)
{
    pinion_attempt_done(self, result, strlen(result));
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

    if (pinion_attempt_progress(self, percent, note + 1)) pinion_attempt_fail(self, "refused");
    else pinion_attempt_done(self, NULL, 0);
}

static void obey(struct pinion_attempt *self, const char *verb, const char *text)
{
    const struct pinion_work *work = pinion_attempt_work(self);
    char line[256];

    if (strcmp(verb, "fail") == 0) pinion_attempt_fail(self, text);
    else if (strcmp(verb, "reject") == 0) pinion_attempt_reject(self, text);
    else if (strcmp(verb, "again") == 0 && work->attempt == 1) pinion_attempt_fail(self, text);
    else if (strcmp(verb, "later") == 0 && work->attempt == 1)
        pinion_attempt_retry_in(self, "later", strtoul(text, NULL, 10));
    else if (strcmp(verb, "tell") == 0) tell(self, text);
    else if (strcmp(verb, "flood") == 0) flood(self, strtoul(text, NULL, 10));
    else if (strcmp(verb, "bytes") == 0) answer(self, "\xff\xfe\x01\x80");
    else if (strcmp(verb, "count") == 0) {
        snprintf(line, sizeof line, "%zu", work->payload_len);
        answer(self, line);
    } else if (strcmp(verb, "who") == 0) {
        snprintf(line, sizeof line, "%s %s %u", work->id, work->kind, work->attempt);
        answer(self, line);
    } else answer(self, strcmp(verb, "done") == 0 ? text : "");
}

void order_obey(struct pinion_attempt *self, order_slow_fn *slow)
{
    const struct pinion_work *work = pinion_attempt_work(self);
    struct order order = order_read(work->payload, work->payload_len);
    char *text = order.text_len ? xmemdup(order.text, order.text_len) : xstrdup("");
    bool deaf = strcmp(order.verb, "deaf") == 0;

    if (deaf || strcmp(order.verb, "slow") == 0) slow(self, strtoul(text, NULL, 10), deaf);
    else obey(self, order.verb, text);
    free(text);
}
