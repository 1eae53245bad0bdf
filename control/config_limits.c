/* control/config_limits.c — the limits and bounds of a [queue], by the words of the command:
 *
 *     concurrency, rate, burst      of the queue; behind kind.KIND., group.GROUP. or groups., of a
 *                                   kind, a group, or each group that has none of its own
 *     max-jobs, max-bytes, keep-jobs, keep-for
 */
#include "control/config_parts.h"
#include "base/memory.h"
#include "base/time_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *prefix;
    enum limit_scope scope;
    bool named; /* what follows is a name, and then the word */
} scopes[] = {
    {"kind.",   LIMIT_KIND,       true },
    {"group.",  LIMIT_GROUP,      true },
    {"groups.", LIMIT_EACH_GROUP, false},
    {"",        LIMIT_QUEUE,      false},
};

/* "kind.mail.send.rate" is `rate` of the kind mail.send: a word has no point. */
static struct limit split(const char *key, const char **ret_word)
{
    struct limit l = {.keep_concurrency = true, .keep_rate = true};
    size_t i = 0;

    while (!span_starts(span_of(key), scopes[i].prefix)) i++; /* the empty prefix always fits */
    const char *rest = key + strlen(scopes[i].prefix);
    const char *point = scopes[i].named ? strrchr(rest, '.') : NULL;
    l.scope = scopes[i].scope;
    l.name = (struct span){rest, point ? (size_t)(point - rest) : 0};
    *ret_word = point ? point + 1 : rest;
    return l;
}

static struct limit *limit_at(struct config_queue *q, const struct limit *wanted,
                              struct error *why)
{
    for (size_t i = 0; i < q->limit_count; i++)
        if (q->limits[i].scope == wanted->scope && span_equal(q->limits[i].name, wanted->name))
            return &q->limits[i];
    if (limit_check(wanted, why)) return NULL;
    if (q->limit_count == LIMITS_MAX) {
        error_set(why, PINION_INVALID,
                  "expected at most %d limits of a queue; groups can share one", LIMITS_MAX);
        return NULL;
    }
    q->limits = xrealloc(q->limits, (q->limit_count + 1) * sizeof *q->limits);
    struct limit *l = &q->limits[q->limit_count++];
    *l = *wanted;
    l->name.data = xmemdup(wanted->name.data, wanted->name.len);
    return l;
}

static enum pinion_err parse_number(const char *key, const char *value, uint64_t max,
                                    uint64_t *ret, struct error *why)
{
    if (text_parse_u64(span_of(value), 0, max, ret))
        return error_set(why, PINION_INVALID,
                         "%s: expected a whole number from 0 to %" PRIu64 ", not '%.60s'", key, max,
                         value);
    return PINION_OK;
}

static enum pinion_err set_limit(struct config_queue *q, const char *key, const char *value,
                                 struct error *why)
{
    const char *word;
    struct limit wanted = split(key, &word), *l;
    bool concurrency = strcmp(word, "concurrency") == 0, rate = strcmp(word, "rate") == 0;

    if (!concurrency && !rate && strcmp(word, "burst") != 0) return PINION_NOT_FOUND;
    if (!(l = limit_at(q, &wanted, why))) return PINION_INVALID;
    if (rate) {
        enum pinion_err err = rate_parse(span_of(value), &l->count, &l->per_ms, why);
        l->keep_rate = err != PINION_OK;
        return err;
    }
    if (concurrency) l->keep_concurrency = false;
    return config_parse_count(key, value, LIMIT_VALUE_MAX,
                              concurrency ? &l->concurrency : &l->burst, why);
}

enum pinion_err config_queue_limit(struct config_queue *q, const char *key, const char *value,
                                   struct error *why)
{
    struct bounds *b = &q->bounds;

    if (strcmp(key, "max-jobs") == 0)
        return parse_number(key, value, BOUND_MAX, &b->max_jobs, why);
    if (strcmp(key, "max-bytes") == 0)
        return parse_number(key, value, BOUND_MAX, &b->max_bytes, why);
    if (strcmp(key, "keep-jobs") == 0)
        return parse_number(key, value, BOUND_MAX, &b->keep_jobs, why);
    if (strcmp(key, "keep-for") == 0)
        return config_parse_duration(key, value, 0, DURATION_MS_MAX, &b->keep_ms, why);
    return set_limit(q, key, value, why);
}

enum pinion_err config_limits_check(const struct config *c, struct error *why)
{
    for (size_t i = 0; i < c->queue_count; i++) {
        const struct config_queue *q = &c->queues[i];
        struct error bad;
        for (size_t k = 0; k < q->limit_count; k++)
            if (limit_check(&q->limits[k], &bad))
                return error_set(why, bad.code, "queue '%s': %s", q->name, bad.text);
    }
    return PINION_OK;
}

bool config_queue_bounded(const struct config_queue *q)
{
    const struct bounds *b = &q->bounds;

    return b->max_jobs != BOUND_KEPT || b->max_bytes != BOUND_KEPT || b->keep_jobs != BOUND_KEPT ||
           b->keep_ms != BOUND_KEPT;
}

void config_limits_deinit(struct config_queue *q)
{
    for (size_t i = 0; i < q->limit_count; i++) free((char *)(uintptr_t)q->limits[i].name.data);
    free(q->limits);
}
