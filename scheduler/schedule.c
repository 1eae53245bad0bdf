/* When a schedule fires, and what is to be done about times that have passed.
 *
 *      watermark        older than within, or      the last due one
 *          |            more than CATCH_UP_MAX           |
 *      ----+----x----x----x----x----x----x----x----x-----x----+---- now
 *          one:  `------------- missed -----------------'^ TICK
 *          none: the same, but MISS if it is late
 *          all:  `-- MISS ---'    TICK TICK TICK  ...   TICK
 *
 * Jitter never reaches the next logical time, so fires come in the order of their logical times and
 * what is due is all up to one of them.
 */
#include "scheduler/schedule.h"

#include <string.h>

/* ---- logical times --------------------------------------------------------------------------- */

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t schedule_next(const struct schedule *s, int64_t after_ms)
{
    int64_t next;

    if (s->reboot) return RULE_NEVER;
    next = rule_next(&s->rule, s->start_ms ? max_of(after_ms, s->start_ms - 1) : after_ms);
    return s->end_ms && next >= s->end_ms ? RULE_NEVER : next;
}

/* The last one strictly before; RULE_NEVER: none. */
static int64_t previous(const struct schedule *s, int64_t before_ms)
{
    int64_t last;

    if (s->reboot) return RULE_NEVER;
    last = rule_previous(&s->rule, s->end_ms ? min_of(before_ms, s->end_ms) : before_ms);
    return s->start_ms && last < s->start_ms ? RULE_NEVER : last;
}

/* FNV-1a, over the name and the eight bytes of the time. */
static uint64_t hash(const char *name, int64_t at_ms)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325), prime = UINT64_C(0x100000001b3);

    for (; *name; name++) h = (h ^ (unsigned char)*name) * prime;
    for (unsigned i = 0; i < 64; i += 8) h = (h ^ ((uint64_t)at_ms >> i & 0xff)) * prime;
    return h;
}

int64_t schedule_fire_ms(const struct schedule *s, int64_t at_ms)
{
    int64_t next;
    uint64_t room = s->jitter_ms;

    if (!room) return at_ms;
    next = schedule_next(s, at_ms);
    if (next != RULE_NEVER && (uint64_t)(next - at_ms) < room) room = (uint64_t)(next - at_ms);
    return at_ms + (int64_t)(hash(s->name, at_ms) % room);
}

/* The last one whose time to fire has come; RULE_NEVER: none. */
static int64_t last_due(const struct schedule *s, int64_t now_ms)
{
    int64_t last = previous(s, now_ms + 1);

    if (last == RULE_NEVER || schedule_fire_ms(s, last) <= now_ms) return last;
    return previous(s, last);
}

/* ---- how many -------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Logical times after `after` up to `last`, which is one of them. */
static uint64_t count_times(const struct schedule *s, int64_t after_ms, int64_t last_ms)
{
    const struct rule *r = &s->rule;
    uint64_t count = 0;

    if (last_ms == RULE_NEVER || last_ms <= after_ms) return 0;
    if (s->start_ms) after_ms = max_of(after_ms, s->start_ms - 1);
    if (r->kind == RULE_EVERY)
        return (uint64_t)(floor_div(last_ms - r->phase_ms, r->every_ms) -
                          floor_div(after_ms - r->phase_ms, r->every_ms));
    for (; last_ms != RULE_NEVER && last_ms > after_ms; last_ms = previous(s, last_ms))
        if (++count == MISSED_COUNT_MAX) break;
    return count;
}

/* So far back that just `count` of them follow, up to `last`; but not before `after`. */
static int64_t go_back(const struct schedule *s, int64_t after_ms, int64_t last_ms, unsigned count)
{
    if (s->rule.kind == RULE_EVERY)
        return max_of(after_ms, last_ms - (int64_t)count * s->rule.every_ms);
    while (count-- > 0 && last_ms != RULE_NEVER && last_ms > after_ms)
        last_ms = previous(s, last_ms);
    return last_ms == RULE_NEVER ? after_ms : max_of(after_ms, last_ms);
}

/* ---- what is due ----------------------------------------------------------------------------- */

static struct fire_item item(const struct schedule *s, enum fire_mode mode, int64_t at_ms,
                             uint64_t missed)
{
    return (struct fire_item){
        .name = span_of(s->name),
        .mode = mode,
        .at_ms = at_ms,
        .next_ms = schedule_next(s, at_ms),
        .missed = missed,
        .limit = s->limit,
        .overlap = s->overlap,
    };
}

/* The oldest that still count one by one; what is before them is passed over together. */
static size_t due_all(const struct schedule *s, int64_t watermark_ms, int64_t now_ms,
                      int64_t last_ms, struct fire_item *items, size_t max, bool *ret_more)
{
    int64_t within_ms = (int64_t)s->within_ms, from_ms = watermark_ms, at_ms;
    size_t count = 0;

    if (now_ms - within_ms > from_ms) from_ms = now_ms - within_ms - 1;
    from_ms = go_back(s, from_ms, last_ms, CATCH_UP_MAX);
    at_ms = previous(s, from_ms + 1);
    if (at_ms != RULE_NEVER && at_ms > watermark_ms)
        items[count++] =
            item(s, FIRE_MISS, at_ms, count_times(s, watermark_ms, previous(s, at_ms)));
    for (at_ms = schedule_next(s, from_ms); at_ms <= last_ms && count < max;
         at_ms = items[count - 1].next_ms)
        items[count++] = item(s, FIRE_TICK, at_ms, 0);
    *ret_more = at_ms <= last_ms;
    return count;
}

size_t schedule_due(const struct schedule *s, int64_t watermark_ms, int64_t now_ms,
                    struct fire_item *items, size_t max, bool *ret_more)
{
    int64_t last_ms = last_due(s, now_ms);
    enum fire_mode mode = FIRE_TICK;

    *ret_more = false;
    if (last_ms == RULE_NEVER || last_ms <= watermark_ms || max == 0) return 0;
    if (s->catch_up == CATCH_UP_ALL)
        return due_all(s, watermark_ms, now_ms, last_ms, items, max, ret_more);
    if (s->catch_up == CATCH_UP_NONE && now_ms - schedule_fire_ms(s, last_ms) > SCHEDULE_LATE_MS)
        mode = FIRE_MISS;
    items[0] = item(s, mode, last_ms, count_times(s, watermark_ms, previous(s, last_ms)));
    return 1;
}
