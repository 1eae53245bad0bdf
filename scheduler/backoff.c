#include "scheduler/backoff.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include "base/macros.h"
#include "base/time_text.h"

#define HOUR_MS   UINT64_C(3600000)
#define SECOND_MS UINT64_C(1000)

enum rule_shape { RULE_EXPONENTIAL, RULE_FIXED, RULE_LINEAR, RULE_LIST };

/* What a spec says. `waits_ms` holds the base, the one wait, the step, or the whole list. */
struct rule {
    enum rule_shape shape;
    unsigned waits; /* 1 .. BACKOFF_LIST_MAX */
    uint64_t waits_ms[BACKOFF_LIST_MAX];
    uint64_t max_ms;
};

static const struct {
    const char *name;
    unsigned waits_min, waits_max; /* durations after the colon */
} shapes[] = {
    [RULE_EXPONENTIAL] = {"exponential", 0, 2},
    [RULE_FIXED] = {"fixed", 1, 1},
    [RULE_LINEAR] = {"linear", 1, 1},
    [RULE_LIST] = {"list", 1, BACKOFF_LIST_MAX},
};

static const struct rule standard = {
    .shape = RULE_EXPONENTIAL, .waits = 1, .waits_ms = {SECOND_MS}, .max_ms = HOUR_MS};

static enum pinion_err parse_shape(struct span name, enum rule_shape *ret_shape, struct error *why)
{
    for (unsigned i = 0; i < countof(shapes); i++) {
        if (!span_is(name, shapes[i].name)) continue;
        *ret_shape = (enum rule_shape)i;
        return PINION_OK;
    }
    return error_set(why, PINION_INVALID,
                     "backoff: expected exponential, fixed:D, linear:D or list:D,D,..., got '%.*s'",
                     (int)name.len, name.data);
}

/* "D,D,...": never empty between commas. */
static enum pinion_err parse_waits(struct span text, unsigned max, struct rule *r,
                                   struct error *why)
{
    bool more = true;

    for (r->waits = 0; more; r->waits++) {
        size_t before = text.len;
        struct span item = span_cut(&text, ',');
        enum pinion_err err;

        if (r->waits == max)
            return error_set(why, PINION_INVALID, "backoff: expected at most %u duration%s for %s",
                             max, max == 1 ? "" : "s", shapes[r->shape].name);
        more = item.len < before; /* there was a comma */
        err = duration_parse(item, &r->waits_ms[r->waits], why);
        if (err) return err;
        if (r->waits_ms[r->waits] > BACKOFF_MS_MAX)
            return error_set(why, PINION_INVALID, "backoff: expected at most 366d, got '%.*s'",
                             (int)item.len, item.data);
    }
    return PINION_OK;
}

static enum pinion_err parse(struct span spec, struct rule *ret_rule, struct error *why)
{
    struct rule r = standard;
    struct span rest = spec;
    struct span name = span_cut(&rest, ':');
    enum pinion_err err;

    if (spec.len > BACKOFF_TEXT_MAX)
        return error_set(why, PINION_INVALID, "backoff: expected at most %d bytes, got %zu",
                         BACKOFF_TEXT_MAX, spec.len);
    err = parse_shape(name, &r.shape, why);
    if (err) return err;

    if (name.len < spec.len) {
        err = parse_waits(rest, shapes[r.shape].waits_max, &r, why);
        if (err) return err;
    } else if (shapes[r.shape].waits_min) {
        return error_set(why, PINION_INVALID, "backoff: expected a duration after '%s:'",
                         shapes[r.shape].name);
    }
    if (r.shape == RULE_EXPONENTIAL && r.waits == 2) r.max_ms = r.waits_ms[1];
    if ((r.shape == RULE_EXPONENTIAL || r.shape == RULE_LINEAR) && r.waits_ms[0] > r.max_ms)
        return error_set(why, PINION_INVALID,
                         "backoff: expected %s to start at no more than its longest wait (%" PRIu64
                         " ms)",
                         shapes[r.shape].name, r.max_ms);
    *ret_rule = r;
    return PINION_OK;
}

/* base * 2^doublings, without overflow. */
static uint64_t doubled_ms(uint64_t base_ms, unsigned doublings, uint64_t max_ms)
{
    if (doublings >= 64 || base_ms > max_ms >> doublings) return base_ms ? max_ms : 0;
    return base_ms << doublings;
}

enum pinion_err backoff_check(struct span spec, struct error *why)
{
    struct rule ignored;

    if (!spec.data) return PINION_OK;
    return parse(spec, &ignored, why);
}

uint64_t backoff_ms(struct span spec, unsigned failures, double unit)
{
    struct rule r;
    uint64_t ms;

    assert(failures >= 1);
    assert(unit >= 0 && unit < 1);
    if (!spec.data || parse(spec, &r, NULL)) r = standard;

    switch (r.shape) {
    case RULE_FIXED: return r.waits_ms[0];
    case RULE_LIST: return r.waits_ms[failures < r.waits ? failures - 1 : r.waits - 1];
    case RULE_LINEAR:
        ms = r.waits_ms[0] * failures; /* 1 h * 2^32 fits */
        return ms < r.max_ms ? ms : r.max_ms;
    case RULE_EXPONENTIAL:
        /* Jobs that failed together must not come back together. */
        ms = doubled_ms(r.waits_ms[0], failures - 1, r.max_ms);
        return (uint64_t)((double)ms * (0.5 + unit / 2));
    }
    abort(); /* every shape has its case */
}
