/* Rules against an oracle that knows nothing of pieces, gaps or overlaps: it steps through UTC,
 * asks for the offset at every step, and applies each policy by its definition. */
#include "scheduler/rule.h"
#include "tests/support/check.h"
#include "tests/support/property.h"
#include "tests/support/tzif.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"

#define HOUR         INT64_C(3600)
#define DAY          (24 * HOUR)
#define GAP_MAX      (3 * HOUR)
#define STEPS_MAX    12000
#define LOCALS_MAX   (STEPS_MAX + 26 * 3600 / 5)
#define FIRES_WALKED 150
#define SPEC_MAX     128
#define POLICIES     4

static struct prng prng;

/* ---- zones ---- */

static const char *const names[] = {
    "America/New_York",
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Nuuk",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Pacific/Apia",
    "Pacific/Kwajalein",
    "Pacific/Chatham",
    "UTC",
};
/* Sizes that no government chose yet: the longest gap that is made up for, one minute more, ... */
static const char *const footers[] = {
    "AAA0BBB-3,M3.2.0,M11.1.0",        "AAA0BBB-3:01,M3.2.0,M11.1.0",
    "AAA0BBB-6,M3.2.0/0,M11.1.0/0",    "AAA0BBB-0:01,M3.2.0,M11.1.0",
    "AAA-10BBB-9,M3.2.0/0,M11.1.0/23", "AAA12BBB-12,M4.1.0/0,M9.1.0/0",
    "AAA-1BBB,M1.1.1/-23,M12.5.0/30",  "AAA0BBB-1,M3.2.0/0,M3.2.2/0",
};
static struct zone *zones[countof(names) + countof(footers)];

static int load_zones(void **state)
{
    struct error why = {0};
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < countof(names); i++)
        if (zone_load(names[i], &zones[n++], &why)) fail_msg("%s", why.text);
    for (size_t i = 0; i < countof(footers); i++) {
        struct buffer b = BUFFER_INIT;
        tzif_write_footer(footers[i], &b);
        if (zone_parse(footers[i], b.data, b.len, &zones[n++], &why)) fail_msg("%s", why.text);
        buffer_deinit(&b);
    }
    return 0;
}

static int free_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < countof(zones); i++) zone_free(zones[i]);
    return 0;
}

/* ---- the oracle ---- */

/* Steps through UTC; what is said of fires holds between the margins only. */
static struct {
    const struct zone *zone;
    int64_t start, step, low_local;
    size_t count, margin;
    int32_t offset[STEPS_MAX];
    struct civil local[STEPS_MAX];
    bool came_before[STEPS_MAX], comes_again[STEPS_MAX]; /* the same local time */
    bool seen[LOCALS_MAX];
    bool fires[STEPS_MAX];
} w;

static int64_t utc_of(size_t i)
{
    return w.start + (int64_t)i * w.step;
}

static bool *seen_at(size_t i)
{
    int64_t n = (utc_of(i) + w.offset[i] - w.low_local) / w.step;

    assert_in_range(n, 0, LOCALS_MAX - 1);
    return &w.seen[n];
}

/* False: offsets here are not whole steps, or change by more than the margin reveals. */
static bool look_at(const struct zone *zone, int64_t start, int64_t step, size_t count,
                    size_t margin)
{
    w.zone = zone;
    w.start = start - ((start % step) + step) % step;
    w.step = step;
    w.count = count;
    w.margin = margin;
    int32_t low = INT32_MAX, high = INT32_MIN;
    for (size_t i = 0; i < count; i++) {
        w.offset[i] = zone_offset(zone, utc_of(i), NULL);
        if (w.offset[i] % step) return false;
        if (w.offset[i] < low) low = w.offset[i];
        if (w.offset[i] > high) high = w.offset[i];
        w.local[i] = civil_of_seconds(utc_of(i) + w.offset[i]);
    }
    if (high - low > (int64_t)margin * step) return false;
    w.low_local = w.start + low;
    memset(w.seen, 0, sizeof w.seen);
    for (size_t i = 0; i < count; i++) {
        w.came_before[i] = *seen_at(i);
        *seen_at(i) = true;
    }
    memset(w.seen, 0, sizeof w.seen);
    for (size_t i = count; i-- > 0;) {
        w.comes_again[i] = *seen_at(i);
        *seen_at(i) = true;
    }
    return true;
}

/* Is step i the end of a gap that a fixed time falls into? */
static bool makes_up(const struct rule *r, size_t i)
{
    if (r->cron.follows_clock || r->dst == DST_SKIP || i == 0) return false;
    if (w.offset[i] <= w.offset[i - 1] || w.offset[i] - w.offset[i - 1] > GAP_MAX) return false;
    for (int64_t t = utc_of(i) + w.offset[i - 1]; t < utc_of(i) + w.offset[i]; t += w.step)
        if (cron_matches(&r->cron, civil_of_seconds(t))) return true;
    return false;
}

static bool fires_at(const struct rule *r, size_t i)
{
    if (makes_up(r, i)) return true;
    if (!cron_matches(&r->cron, w.local[i])) return false;
    if (r->dst == DST_SKIP) return !w.came_before[i];
    if (r->cron.follows_clock || r->dst == DST_BOTH) return true;
    return r->dst == DST_VIXIE ? !w.came_before[i] : !w.comes_again[i];
}

static int64_t oracle_next(size_t from)
{
    for (size_t i = from; i < w.count - w.margin; i++)
        if (w.fires[i]) return utc_of(i) * 1000;
    return RULE_NEVER; /* or behind the window */
}

static int64_t oracle_previous(size_t until)
{
    for (size_t i = until; i-- > w.margin;)
        if (w.fires[i]) return utc_of(i) * 1000;
    return RULE_NEVER;
}

/* ---- expressions ---- */

static void add_some(char *out, unsigned low, unsigned high)
{
    unsigned a = low + (unsigned)prng_below(&prng, high - low + 1);
    unsigned b = a + (unsigned)prng_below(&prng, high - a + 1);
    char text[32];

    switch (prng_below(&prng, 6)) {
    case 0: snprintf(text, sizeof text, "*"); break;
    case 1:
        snprintf(text, sizeof text, "*/%u", 1 + (unsigned)prng_below(&prng, (high - low) / 2 + 1));
        break;
    case 2: snprintf(text, sizeof text, "%u-%u", a, b); break;
    case 3:
        if (a == b) b = a == low ? high : low;
        snprintf(text, sizeof text, "%u,%u", a, b);
        break;
    default: snprintf(text, sizeof text, "%u", a);
    }
    strcat(out, text);
    strcat(out, " ");
}

static void make_spec(char spec[SPEC_MAX], bool seconds)
{
    static const char *const days[] = {"*", "*", "*", "*", "*/2", "L", "1-15", "?", "15W"};
    static const char *const weekdays[] = {"*",       "*",   "*",   "*", "SUN",
                                           "MON-SAT", "0,6", "7#2", "0L"};

    spec[0] = '\0';
    if (seconds) add_some(spec, 0, 59);
    add_some(spec, 0, 59);
    add_some(spec, 0, prng_below(&prng, 3) ? 4 : 23); /* clocks change at night */
    strcat(spec, days[prng_below(&prng, countof(days))]);
    strcat(spec, " * ");
    strcat(spec, weekdays[prng_below(&prng, countof(weekdays))]);
}

/* ---- comparing ---- */

static void must(const struct rule *r, const char *spec, const char *what, int64_t from_ms,
                 int64_t got_ms, int64_t expected_ms)
{
    if (got_ms == expected_ms) return;
    fail_msg("'%s' in %s, %s: %s %lld is %lld, expected %lld", spec, zone_name(r->zone),
             rule_dst_names[r->dst], what, (long long)from_ms, (long long)got_ms,
             (long long)expected_ms);
}

/* From `i` on, until the window ends. A fire behind the window is a NEVER of the oracle. */
static void walk_forth(const struct rule *r, const char *spec, size_t i)
{
    int64_t end_ms = utc_of(w.count - w.margin) * 1000;
    int64_t t = utc_of(i) * 1000 + (int64_t)prng_below(&prng, 1000);

    for (int n = 0; n < FIRES_WALKED && t < end_ms; n++) {
        int64_t next = rule_next(r, t), expected;

        i = (size_t)(t / 1000 - w.start) / (size_t)w.step + 1;
        expected = oracle_next(i);
        must(r, spec, "next after", t, next >= end_ms ? RULE_NEVER : next, expected);
        if (next == RULE_NEVER) return;
        assert_true(next > t);
        must(r, spec, "previous before", next + 1, rule_previous(r, next + 1), next);
        t = next;
    }
}

static void walk_back(const struct rule *r, const char *spec, size_t i)
{
    int64_t start_ms = utc_of(w.margin) * 1000;
    int64_t t = utc_of(i) * 1000 - (int64_t)prng_below(&prng, 1000);

    for (int n = 0; n < FIRES_WALKED && t > start_ms; n++) {
        int64_t previous = rule_previous(r, t), expected;

        /* steps before t: all up to the last one whose instant is less */
        i = (size_t)((t - 1) / 1000 - w.start) / (size_t)w.step + 1;
        expected = oracle_previous(i);
        must(r, spec, "previous before", t,
             previous == RULE_NEVER || previous < start_ms ? RULE_NEVER : previous, expected);
        if (previous == RULE_NEVER) return;
        assert_true(previous < t);
        must(r, spec, "next after", previous - 1, rule_next(r, previous - 1), previous);
        t = previous;
    }
}

static size_t within(void)
{
    return w.margin + 1 + (size_t)prng_below(&prng, w.count - 2 * w.margin - 1);
}

static size_t compare_policies(const char *spec)
{
    struct rule r = {.kind = RULE_CRON, .zone = w.zone};
    struct error why = {0};
    size_t fires = 0;

    if (cron_parse(span_of(spec), NULL, &r.cron, &why)) fail_msg("'%s': %s", spec, why.text);
    for (int policy = 0; policy < POLICIES; policy++) {
        r.dst = (enum rule_dst)policy;
        for (size_t i = 0; i < w.count; i++) fires += w.fires[i] = fires_at(&r, i);
        walk_forth(&r, spec, within());
        walk_back(&r, spec, within());
    }
    return fires;
}

/* The eve of a change, mostly; some day, sometimes. */
static int64_t some_night(const struct zone *zone)
{
    int64_t t = (int64_t)prng_below(&prng, (uint64_t)(180 * 365 * DAY)) + 30 * DAY;
    int64_t change = zone_next_change(zone, t);

    if (change == ZONE_NEVER) change = zone_previous_change(zone, t);
    if (prng_below(&prng, 10) == 0 || change < 30 * DAY || change > 200 * 365 * DAY) return t;
    return change;
}

static void try_windows(int windows, int specs, int64_t step, int64_t margin, int64_t inner)
{
    size_t fires = 0;
    char spec[SPEC_MAX];

    while (windows > 0) {
        const struct zone *zone = zones[prng_below(&prng, countof(zones))];
        int64_t lead = margin + (int64_t)prng_below(&prng, (uint64_t)inner);
        int64_t count = (2 * margin + inner) / step;

        assert_in_range(count, 1, STEPS_MAX);
        if (!look_at(zone, some_night(zone) - lead, step, (size_t)count, (size_t)(margin / step)))
            continue;
        for (int i = 0; i < specs; i++) {
            make_spec(spec, step == 1);
            fires += compare_policies(spec);
        }
        windows--;
    }
    assert_true(fires > 0);
}

TEST(minutes_around_changes_agree_with_the_oracle)
{
    try_windows(150, 10, 60, 52 * HOUR, 60 * HOUR);
}

/* Larger changes than the margin are left to the minutes. */
TEST(seconds_around_changes_agree_with_the_oracle)
{
    try_windows(50, 8, 5, 6 * HOUR, 4 * HOUR);
}

/* Searching far away finds what searching step by step finds. */
TEST(rare_times_are_found_from_afar)
{
    static const char *const rare[] = {"30 2 29 2 *", "30 2 8-14 3 +SUN", "30 1 29 2 SUN",
                                       "15 2 31 3 *", "0 0 30 12 *",      "45 1 L 10 *"};

    for (int n = 0; n < 200; n++) {
        struct rule r = {.kind = RULE_CRON,
                         .zone = zones[prng_below(&prng, countof(zones))],
                         .dst = (enum rule_dst)prng_below(&prng, POLICIES)};
        const char *spec = rare[prng_below(&prng, countof(rare))];
        int64_t t = (int64_t)prng_below(&prng, (uint64_t)(150 * 365 * DAY)) * 1000;
        int64_t next, day;

        assert_int_equal(cron_parse(span_of(spec), NULL, &r.cron, NULL), PINION_OK);
        next = rule_next(&r, t);
        if (next == RULE_NEVER) { /* where the clocks jump over that very night, every year */
            assert_string_equal(spec, rare[1]);
            continue;
        }
        assert_true(next > t);
        for (day = t; day + DAY * 1000 < next; day += DAY * 1000)
            must(&r, spec, "next after", day, rule_next(&r, day), next);
        must(&r, spec, "previous before", next + 1, rule_previous(&r, next + 1), next);
        int64_t before = rule_previous(&r, next);
        assert_true(before == RULE_NEVER || before <= t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(minutes_around_changes_agree_with_the_oracle),
        cmocka_unit_test(seconds_around_changes_agree_with_the_oracle),
        cmocka_unit_test(rare_times_are_found_from_afar),
    };
    unsetenv("TZDIR");
    prng.state = property_seed("PINION_RULE_SEED");
    return cmocka_run_group_tests(tests, load_zones, free_zones);
}
