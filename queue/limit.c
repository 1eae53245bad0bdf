#include "queue/limit.h"

#include <inttypes.h>
#include <stdio.h>
#include "base/time_text.h"
#include "queue/key.h"
#include "queue/reply.h"

/* How a scope is spelled in Redis, before the name. */
static const char *const prefixes[] = {
    [LIMIT_QUEUE] = "queue",
    [LIMIT_KIND] = "kind:",
    [LIMIT_GROUP] = "group:",
    [LIMIT_EACH_GROUP] = "groups",
};

static bool has_name(enum limit_scope scope)
{
    return scope == LIMIT_KIND || scope == LIMIT_GROUP;
}

/* ---- text ------------------------------------------------------------------------------------ */

static enum pinion_err expected_rate(struct span text, struct error *why)
{
    return error_set(why, PINION_INVALID,
                     "rate: expected N/DURATION like 100/1s, N of 1 to %d, a duration of 1ms to 1d,"
                     " not '%.*s'",
                     LIMIT_VALUE_MAX, (int)(text.len < 40 ? text.len : 40),
                     text.data ? text.data : "");
}

enum pinion_err rate_parse(struct span text, unsigned *ret_count, uint64_t *ret_per_ms,
                           struct error *why)
{
    struct span per = text, count = span_cut(&per, '/');
    uint64_t n, ms;

    if (text_parse_u64(count, 1, LIMIT_VALUE_MAX, &n) || !per.data ||
        duration_parse(per, &ms, &(struct error){0}) || ms < 1 || ms > LIMIT_PER_MAX_MS)
        return expected_rate(text, why);
    *ret_count = (unsigned)n;
    *ret_per_ms = ms;
    return PINION_OK;
}

const char *rate_format(unsigned count, uint64_t per_ms, char out[RATE_TEXT_MAX])
{
    char per[DURATION_TEXT_MAX];

    snprintf(out, RATE_TEXT_MAX, "%u/%s", count, duration_format(per_ms, per));
    return out;
}

static int shown(struct span s)
{
    return (int)(s.len > 40 ? 40 : s.len);
}

enum pinion_err limit_check(const struct limit *l, struct error *why)
{
    if (l->scope == LIMIT_KIND && !kind_ok(l->name))
        return error_set(why, PINION_INVALID,
                         "kind '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ : / -", shown(l->name),
                         l->name.data ? l->name.data : "", KIND_MAX);
    if (l->scope == LIMIT_GROUP && !label_ok(l->name))
        return error_set(why, PINION_INVALID,
                         "group '%.*s': expected 1 to %d of A-Z a-z 0-9 . _ : / @ + -",
                         shown(l->name), l->name.data ? l->name.data : "", LABEL_MAX);
    if (l->concurrency > LIMIT_VALUE_MAX)
        return error_set(why, PINION_INVALID, "concurrency: expected 1 to %d, or 0 for no limit",
                         LIMIT_VALUE_MAX);
    if (l->count > LIMIT_VALUE_MAX || (l->count && (!l->per_ms || l->per_ms > LIMIT_PER_MAX_MS)))
        return expected_rate((struct span){0}, why);
    if (l->burst > LIMIT_VALUE_MAX || (l->burst && !l->count))
        return error_set(why, PINION_INVALID, "burst: expected 1 to %d, and `rate` with it",
                         LIMIT_VALUE_MAX);
    return PINION_OK;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void add_kept(struct request *r, bool keep, uint64_t n)
{
    if (keep) request_add_text(r, "");
    else request_add_u64(r, n);
}

void limit_build(struct request *r, struct span key, bool replace, const struct limit limits[],
                 size_t count)
{
    char scope[sizeof "group:" + (KIND_MAX > LABEL_MAX ? KIND_MAX : LABEL_MAX)];

    request_script(r, SCRIPT_LIMIT, key);
    request_add_text(r, replace ? "replace" : "set");
    for (size_t i = 0; i < count; i++) {
        const struct limit *l = &limits[i];
        unsigned burst = l->count && !l->burst ? 1 : l->burst;
        snprintf(scope, sizeof scope, "%s%.*s", prefixes[l->scope],
                 has_name(l->scope) ? (int)l->name.len : 0, l->name.data ? l->name.data : "");
        request_add_text(r, scope);
        add_kept(r, l->keep_concurrency, l->concurrency);
        add_kept(r, l->keep_rate, l->count);
        add_kept(r, l->keep_rate, l->count ? l->per_ms * 1000 : 0);
        add_kept(r, l->keep_rate, burst);
    }
}

enum pinion_err limit_read(const struct redisReply *reply, struct error *why)
{
    struct span status = reply_span(reply_at(reply, 0));

    if (span_is(status, "ok")) return PINION_OK;
    if (span_is(status, "busy"))
        return error_set(why, PINION_BUSY,
                         "too many jobs run, or too many groups wait, to change limits now: pause "
                         "the queue until fewer do");
    if (span_is(status, "full"))
        return error_set(why, PINION_INVALID, "expected at most %d limits of a queue; groups "
                         "can share one", LIMITS_MAX);
    return error_set(why, PINION_INTERNAL, "an answer that this version does not understand");
}

/* ---- from stats ------------------------------------------------------------------------------ */

enum { LIMIT_FIELDS = 3, LIMIT_NUMBERS = 4 };

static const struct redisReply *all_limits(const struct redisReply *stats)
{
    return reply_at(stats, 6);
}

size_t stats_limits(const struct redisReply *stats)
{
    return reply_count(all_limits(stats)) / LIMIT_FIELDS;
}

static bool read_scope(struct span text, struct limit *l)
{
    for (size_t i = 0; i < countof(prefixes); i++) {
        l->scope = (enum limit_scope)i;
        if (!has_name(l->scope) && span_is(text, prefixes[i])) return true;
        if (!has_name(l->scope) || !span_starts(text, prefixes[i])) continue;
        l->name = text;
        span_cut(&l->name, ':');
        return true;
    }
    return false;
}

enum pinion_err stats_limit(const struct redisReply *stats, size_t i, struct limit *ret)
{
    const struct redisReply *limits = all_limits(stats);
    struct span text = reply_span(reply_at(limits, LIMIT_FIELDS * i + 1));
    struct limit l = {.running = reply_i64(reply_at(limits, LIMIT_FIELDS * i + 2), 0)};
    uint64_t n[LIMIT_NUMBERS];

    if (!read_scope(reply_span(reply_at(limits, LIMIT_FIELDS * i)), &l)) return PINION_INTERNAL;
    for (size_t k = 0; k < LIMIT_NUMBERS; k++)
        if (text_parse_u64(span_cut(&text, ' '), 0, LIMIT_PER_MAX_MS * 1000, &n[k]))
            return PINION_INTERNAL;
    l.concurrency = (unsigned)n[0];
    l.count = (unsigned)n[1];
    l.per_ms = n[2] / 1000;
    l.burst = (unsigned)n[3];
    *ret = l;
    return PINION_OK;
}
