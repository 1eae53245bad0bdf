/* control/cron_ask.h — what somebody asks about a cron expression, and the answer. Pure.
 *
 * Shown by `pinion cron` and GET /v1/cron alike: {"spec","tz","next","explain","notes"}.
 */
#ifndef PINION_CONTROL_CRON_ASK_H
#define PINION_CONTROL_CRON_ASK_H

#include <jansson.h>
#include "scheduler/rule.h"

struct cron_ask {
    const char *spec;
    const char *from, *dst, *name; /* NULL: now, vixie, none */
    const char *prefix;            /* of their names in what is said: "--" or "?" */
    struct rule rule;
    int64_t     from_ms;
};

/* Fills the rest; `zone` is borrowed as long as it is asked. */
enum pinion_err cron_ask_read(struct cron_ask *, const struct zone *, int64_t now_ms,
                              struct error *why) must_use;
int64_t cron_ask_next(const struct cron_ask *, int64_t after_ms); /* RULE_NEVER: there is none */
json_t *cron_ask_shape(const struct cron_ask *, uint64_t count) must_use;

#endif
