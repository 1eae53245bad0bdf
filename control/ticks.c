#include "control/ticks.h"

#include "include/pinion.h"
#include "scheduler/rule.h"

/* A fixed time does not come again after a step back of up to that much; the bound is that of the
 * gaps of daylight saving. */
#define REPEAT_MS INT64_C(10800000)

static int64_t grid_until(const struct ticks *t, int64_t ms)
{
    int64_t past_ms = (ms - t->origin_ms) % t->interval_ms;

    return ms - (past_ms < 0 ? past_ms + t->interval_ms : past_ms);
}

int64_t ticks_after(const struct ticks *t, int64_t ms)
{
    return t->rule ? rule_next(t->rule, ms) : grid_until(t, ms) + t->interval_ms;
}

int64_t ticks_until(const struct ticks *t, int64_t ms)
{
    return t->rule ? rule_previous(t->rule, ms + 1) : grid_until(t, ms);
}

uint64_t ticks_between(const struct ticks *t, int64_t from_ms, int64_t until_ms)
{
    uint64_t count = 0;

    if (until_ms <= from_ms) return 0;
    if (!t->rule) return (uint64_t)((grid_until(t, until_ms) - from_ms) / t->interval_ms);
    while (count < PINION_TIMER_MISSED_MAX && (from_ms = rule_next(t->rule, from_ms)) <= until_ms)
        count++;
    return count;
}

static bool are_fixed_times(const struct ticks *t)
{
    return t->rule && t->rule->kind == RULE_CRON && !t->rule->cron.follows_clock;
}

int64_t ticks_next(const struct ticks *t, int64_t last_ms, int64_t now_ms)
{
    int64_t next_ms = ticks_after(t, now_ms);

    if (now_ms >= last_ms) return next_ms;
    if (are_fixed_times(t) && last_ms - now_ms <= REPEAT_MS) return ticks_after(t, last_ms);
    return next_ms == last_ms ? ticks_after(t, next_ms) : next_ms;
}
