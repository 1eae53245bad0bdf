/* Between two changes of the offset ("a piece"), a local time is an instant plus a constant, and a
 * cron expression can be searched directly. What is special happens at the borders only:
 *
 *            piece            change            piece
 *     ---------------------------+---------------------------> UTC
 *      forward (a gap):          ^ a fixed time that the clocks jumped over fires here, once
 *      back (an overlap):  [####]|[####]
 *                          first   second of two such local times: the policy keeps one, or both
 *
 * So each piece is searched within what the policy keeps of it. An expression that matches nothing
 * in a whole long piece is not looked for in the next one, but about where it matches again: no
 * search visits more than a few pieces.
 */
#include "scheduler/rule.h"

#include <assert.h>
#include "base/macros.h"
#include "scheduler/civil.h"

#define HOUR         INT64_C(3600)
#define SECOND_MS    1000
#define GAP_MAX      (3 * HOUR)  /* longer ones are no daylight saving: nothing is made up for */
#define OFFSET_MAX   (26 * HOUR) /* of any zone */
#define PIECE_LONG   (4 * OFFSET_MAX) /* the overlaps at its two ends do not touch */
#define CRON_UTC_MIN (-OFFSET_MAX)
#define CRON_UTC_MAX (INT64_C(7258118400) + OFFSET_MAX) /* 2200-01-01 */

const char *const rule_dst_names[] = {
    [DST_VIXIE] = "vixie", [DST_SKIP] = "skip", [DST_ONCE_LATE] = "once-late", [DST_BOTH] = "both"};

enum pinion_err rule_dst_parse(struct span text, enum rule_dst *ret, struct error *why)
{
    for (unsigned i = 0; i < countof(rule_dst_names); i++) {
        if (!span_is(text, rule_dst_names[i])) continue;
        *ret = (enum rule_dst)i;
        return PINION_OK;
    }
    return error_set(why, PINION_INVALID,
                     "expected vixie, skip, once-late or both, got '%.*s'", (int)text.len,
                     text.data ? text.data : "");
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* ---- intervals ---- */

/* The last instant of the rhythm at or before; RULE_NEVER where no int64_t holds it. */
static int64_t beat_before(int64_t every_ms, int64_t phase_ms, int64_t at_ms)
{
    int64_t since, beat;

    assert(every_ms > 0);
    if (__builtin_sub_overflow(at_ms, phase_ms, &since)) return RULE_NEVER;
    if (__builtin_mul_overflow(floor_div(since, every_ms), every_ms, &beat)) return RULE_NEVER;
    return __builtin_add_overflow(beat, phase_ms, &beat) ? RULE_NEVER : beat;
}

static int64_t every_next(int64_t every_ms, int64_t phase_ms, int64_t after_ms)
{
    int64_t beat = beat_before(every_ms, phase_ms, after_ms);

    if (beat == RULE_NEVER || __builtin_add_overflow(beat, every_ms, &beat)) return RULE_NEVER;
    return beat;
}

static int64_t every_previous(int64_t every_ms, int64_t phase_ms, int64_t before_ms)
{
    return before_ms == INT64_MIN ? RULE_NEVER : beat_before(every_ms, phase_ms, before_ms - 1);
}

/* ---- pieces ---- */

struct piece {
    int64_t start, end;            /* UTC; -ZONE_NEVER, ZONE_NEVER */
    int32_t before, offset, after; /* of the piece before, of this one, of the one after */
};

static struct piece piece_at(const struct zone *zone, int64_t utc)
{
    struct piece p = {.start = zone_previous_change(zone, utc),
                      .end = zone_next_change(zone, utc),
                      .offset = zone_offset(zone, utc, NULL)};

    p.before = p.start == -ZONE_NEVER ? p.offset : zone_offset(zone, p.start - 1, NULL);
    p.after = p.end == ZONE_NEVER ? p.offset : zone_offset(zone, p.end, NULL);
    return p;
}

static bool is_fixed_time(const struct rule *r)
{
    return !r->cron.follows_clock;
}

/* Of a local time that comes twice: is the first one kept, is the second? */
static bool keeps_first(const struct rule *r)
{
    return !(r->dst == DST_ONCE_LATE && is_fixed_time(r));
}

static bool keeps_second(const struct rule *r)
{
    if (r->dst == DST_SKIP) return false;
    return !is_fixed_time(r) || r->dst != DST_VIXIE;
}

/* What the policy keeps of a piece, from `start` to before `end`. */
static struct piece kept(const struct rule *r, struct piece p)
{
    if (p.before > p.offset && !keeps_second(r)) p.start += p.before - p.offset;
    if (p.after < p.offset && !keeps_first(r)) p.end -= p.offset - p.after;
    return p;
}

static bool next_local(const struct cron *c, int64_t from, int64_t *ret_local)
{
    struct civil next;

    if (!cron_next(c, civil_of_seconds(from - 1), &next)) return false;
    *ret_local = civil_seconds(next);
    return true;
}

static bool previous_local(const struct cron *c, int64_t before, int64_t *ret_local)
{
    struct civil previous;

    if (!cron_previous(c, civil_of_seconds(before), &previous)) return false;
    *ret_local = civil_seconds(previous);
    return true;
}

/* Did the clocks, when they jumped to the start of this piece, jump over a fixed time? */
static bool fires_for_gap(const struct rule *r, const struct piece *p)
{
    int64_t local;

    if (r->dst == DST_SKIP || !is_fixed_time(r)) return false;
    if (p->before >= p->offset || p->offset - p->before > GAP_MAX) return false;
    return next_local(&r->cron, p->start + p->before, &local) && local < p->start + p->offset;
}

static bool is_long(const struct piece *p)
{
    return p->start == -ZONE_NEVER || p->end == ZONE_NEVER || p->end - p->start >= PIECE_LONG;
}

static int64_t greater(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- cron ---- */

/* The first fire at or after `from`. In seconds, as all below. */
static int64_t cron_fire_from(const struct rule *r, int64_t from)
{
    from = greater(from, CRON_UTC_MIN);
    while (from <= CRON_UTC_MAX) {
        struct piece p = piece_at(r->zone, from), k = kept(r, p);
        bool whole = from <= p.start && is_long(&p);
        int64_t local = 0;

        if (from <= p.start && fires_for_gap(r, &p)) return p.start;
        bool found = next_local(&r->cron, greater(from, k.start) + p.offset, &local);
        if (found && local - p.offset < k.end) return local - p.offset;
        if (p.end == ZONE_NEVER || (whole && !found)) return RULE_NEVER;
        from = whole ? greater(p.end, local - OFFSET_MAX) : p.end;
    }
    return RULE_NEVER;
}

/* The last fire at or before `until`. */
static int64_t cron_fire_until(const struct rule *r, int64_t until)
{
    until = lesser(until, CRON_UTC_MAX);
    while (until >= CRON_UTC_MIN) {
        struct piece p = piece_at(r->zone, until), k = kept(r, p);
        bool whole = until == p.end - 1 && is_long(&p);
        int64_t local = 0;

        bool found = previous_local(&r->cron, lesser(until + 1, k.end) + p.offset, &local);
        if (found && local - p.offset >= k.start) return local - p.offset;
        if (fires_for_gap(r, &p)) return p.start;
        if (p.start == -ZONE_NEVER || (whole && !found)) return RULE_NEVER;
        until = whole ? lesser(p.start - 1, local + OFFSET_MAX) : p.start - 1;
    }
    return RULE_NEVER;
}

static int64_t to_ms(int64_t seconds)
{
    return seconds == RULE_NEVER ? RULE_NEVER : seconds * SECOND_MS;
}

static int64_t cron_rule_next(const struct rule *r, int64_t after_ms)
{
    assert(r->zone || r->cron.kind != CRON_FIELDS);
    switch (r->cron.kind) {
    case CRON_EVERY: return every_next((int64_t)r->cron.every_ms, r->phase_ms, after_ms);
    case CRON_REBOOT: return RULE_NEVER;
    case CRON_FIELDS: break;
    }
    return to_ms(cron_fire_from(r, floor_div(after_ms, SECOND_MS) + 1));
}

static int64_t cron_rule_previous(const struct rule *r, int64_t before_ms)
{
    assert(r->zone || r->cron.kind != CRON_FIELDS);
    switch (r->cron.kind) {
    case CRON_EVERY: return every_previous((int64_t)r->cron.every_ms, r->phase_ms, before_ms);
    case CRON_REBOOT: return RULE_NEVER;
    case CRON_FIELDS: break;
    }
    if (before_ms == INT64_MIN) return RULE_NEVER;
    return to_ms(cron_fire_until(r, floor_div(before_ms - 1, SECOND_MS)));
}

/* ---- rules ---- */

int64_t rule_next(const struct rule *r, int64_t after_ms)
{
    switch (r->kind) {
    case RULE_CRON: return cron_rule_next(r, after_ms);
    case RULE_EVERY: return every_next(r->every_ms, r->phase_ms, after_ms);
    case RULE_AT: return r->at_ms > after_ms ? r->at_ms : RULE_NEVER;
    }
    return RULE_NEVER;
}

int64_t rule_previous(const struct rule *r, int64_t before_ms)
{
    switch (r->kind) {
    case RULE_CRON: return cron_rule_previous(r, before_ms);
    case RULE_EVERY: return every_previous(r->every_ms, r->phase_ms, before_ms);
    case RULE_AT: return r->at_ms < before_ms ? r->at_ms : RULE_NEVER;
    }
    return RULE_NEVER;
}

enum rule_note rule_note(const struct rule *r, int64_t at_ms)
{
    int64_t utc = floor_div(at_ms, SECOND_MS);

    if (r->kind != RULE_CRON || r->cron.kind != CRON_FIELDS) return NOTE_NONE;
    struct piece p = piece_at(r->zone, utc);
    if (utc == p.start && fires_for_gap(r, &p)) return NOTE_GAP;
    struct zone_moment m = zone_find(r->zone, utc + p.offset);
    if (m.kind != ZONE_OVERLAP) return NOTE_NONE;
    return utc == m.first ? NOTE_OVERLAP_FIRST : NOTE_OVERLAP_SECOND;
}
