/* Orders for a service elsewhere: a server of this program's own. */
#include "tests/flow/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/config.h"
#include "tests/support/check.h"
#include "tests/support/responder.h"

static struct responder *responder;

static void answer(struct visit *v, unsigned status, const char *text)
{
    visit_answer(v, status, NULL, text, strlen(text));
}

static void flood(struct visit *v, size_t bytes)
{
    char *text = xmalloc(bytes);

    memset(text, 'x', bytes);
    visit_answer(v, 200, NULL, text, bytes);
    free(text);
}

static int put(char *line, const struct visit *v, const char *name)
{
    struct span s = visit_header(v, name);

    return sprintf(line, " %.*s", (int)s.len, s.data);
}

static void who(struct visit *v)
{
    char line[512];
    int at = put(line, v, "Pinion-Job-Id");

    at += put(line + at, v, "Pinion-Kind");
    put(line + at, v, "Pinion-Attempt");
    answer(v, 200, line + 1);
}

static void slow(struct visit *v, const char *text)
{
    if (v->waited) answer(v, 200, "");
    else visit_wait(v, (unsigned)strtoul(text, NULL, 10));
}

static void respond(struct visit *v, void *ctx)
{
    struct order order = order_read(v->body, v->body_len);
    char *text = order.text_len ? xmemdup(order.text, order.text_len) : xstrdup(""), line[32];
    bool first = span_is(visit_header(v, "Pinion-Attempt"), "1");

    (void)ctx;
    if (strcmp(order.verb, "done") == 0) answer(v, 200, text);
    else if (strcmp(order.verb, "slow") == 0) slow(v, text);
    else if (strcmp(order.verb, "deaf") == 0) slow(v, text);
    else if (strcmp(order.verb, "fail") == 0) answer(v, 500, text);
    else if (strcmp(order.verb, "reject") == 0) answer(v, 422, text);
    else if (strcmp(order.verb, "again") == 0 && first) answer(v, 500, text);
    else if (strcmp(order.verb, "later") == 0 && first)
        visit_answer(v, 503, "Retry-After: 1\r\n", "later", 5);
    else if (strcmp(order.verb, "flood") == 0) flood(v, strtoul(text, NULL, 10));
    else if (strcmp(order.verb, "bytes") == 0) visit_answer(v, 200, NULL, "\xff\xfe\x01\x80", 4);
    else if (strcmp(order.verb, "who") == 0) who(v);
    else if (strcmp(order.verb, "count") == 0) {
        snprintf(line, sizeof line, "%zu", v->body_len);
        answer(v, 200, line);
    } else answer(v, 200, "");
    free(text);
}

static void set(struct config *config, const char *key, const char *value)
{
    struct error why = {0};

    if (config_set(config, key, value, &why)) fail_msg("%s", why.text);
}

static void configure(struct config *config)
{
    char *value;

    responder = responder_open(NULL, 0, respond, NULL);
    assert_non_null(responder);
    value = xasprintf("case.webhook=http://127.0.0.1:%u/orders", responder_port(responder));
    set(config, "webhook", value);
    set(config, "webhook-allow", "127.0.0.0/8");
    free(value);
}

static void end(void)
{
    responder_close(responder);
}

const struct case_runner webhook_cases = {
    .name = "webhook",
    .can = CASE_REJECTS | CASE_LATER | CASE_STOPS | CASE_HEARS | CASE_CUTS,
    .configure = configure,
    .end = end,
};
