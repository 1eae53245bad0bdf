/* When rules fire: the eight cases of the nights on which clocks change, odd zones, limits; and the
 * same table in docs/schedules.md. */
#include "scheduler/rule.h"
#include "tests/support/check.h"
#include "tests/unit/zone_checks.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"

#define DAY_MS     (DAY * 1000)
#define NIGHT      (16 * HOUR)
#define POLICIES   4
#define DOCS_CASES 8

static struct rule cron_rule(const char *spec, const struct zone *zone, enum rule_dst dst)
{
    struct rule r = {.kind = RULE_CRON, .zone = zone, .dst = dst};
    struct error why = {0};

    if (cron_parse(span_of(spec), NULL, &r.cron, &why)) fail_msg("'%s': %s", spec, why.text);
    return r;
}

static void add_time(struct buffer *out, const struct zone *zone, int64_t utc)
{
    struct civil c = civil_of_seconds(utc + zone_offset(zone, utc, NULL));

    buffer_printf(out, "%02u:%02u", c.hour, c.minute);
}

/* "00:00 01:00 EST, 03:00 EDT", or "-": all that fires in [from, until), found forth and back. */
static char *fires_in(const struct rule *r, int64_t from, int64_t until)
{
    struct buffer out = BUFFER_INIT;
    const char *last = NULL, *abbreviation;
    int64_t before = from * 1000 - 1;

    for (int64_t t; (t = rule_next(r, before)) < until * 1000; before = t) {
        int64_t utc = t / 1000;

        assert_true(t > before);
        assert_int_equal(rule_previous(r, t + 1), t);
        if (before >= from * 1000) assert_int_equal(rule_previous(r, t), before);
        (void)zone_offset(r->zone, utc, &abbreviation);
        if (last && strcmp(last, abbreviation) != 0) buffer_printf(&out, " %s,", last);
        if (last) buffer_add_char(&out, ' ');
        add_time(&out, r->zone, utc);
        last = abbreviation;
    }
    buffer_printf(&out, last ? " %s" : "-", last);
    return buffer_take(&out, NULL);
}

struct night {
    const char *name, *zone;
    int64_t from, until; /* UTC */
};

static void assert_fires(const struct night *night, const char *spec, enum rule_dst dst,
                         const char *expected)
{
    struct zone *zone = load_zone(night->zone);
    struct rule r = cron_rule(spec, zone, dst);
    char *got = fires_in(&r, night->from, night->until);

    if (strcmp(got, expected) != 0)
        fail_msg("%s, '%s', %s: %s, expected %s", night->name, spec, rule_dst_names[dst], got,
                 expected);
    free(got);
    zone_free(zone);
}

/* ---- the eight cases ---- */

enum { MARCH, NOVEMBER };
static struct night new_york[] = {
    {"March",    "America/New_York", 0, 0},
    {"November", "America/New_York", 0, 0}
};

#define HOURLY_IN_MARCH "00:00 01:00 EST, 03:00 04:00 EDT"
#define EVEN_IN_MARCH   "00:00 EST, 04:00 EDT"
#define HOURLY          "00:00 01:00 EDT, 01:00 02:00 EST"
#define HALF_HOURLY     "00:00 00:30 01:00 01:30 EDT, 01:00 01:30 02:00 02:30 EST"
#define HALF_HOURLY_ONCE "00:00 00:30 01:00 01:30 EDT, 02:00 02:30 EST"
#define HALVES_OF_ONE   "01:00 01:30 EDT, 01:00 01:30 EST"

static const struct {
    int night;
    const char *spec;
    const char *fires[POLICIES];
} cases[DOCS_CASES] = {
    {MARCH, "30 2 * * *", {"03:00 EDT", "-", "03:00 EDT", "03:00 EDT"}},
    {MARCH, "0 * * * *", {HOURLY_IN_MARCH, HOURLY_IN_MARCH, HOURLY_IN_MARCH, HOURLY_IN_MARCH}},
    {MARCH, "*/30 2 * * *", {"-", "-", "-", "-"}},
    {MARCH, "0 */2 * * *", {EVEN_IN_MARCH, EVEN_IN_MARCH, EVEN_IN_MARCH, EVEN_IN_MARCH}},
    {NOVEMBER, "30 1 * * *", {"01:30 EDT", "01:30 EDT", "01:30 EST", "01:30 EDT, 01:30 EST"}},
    {NOVEMBER, "0 * * * *", {HOURLY, "00:00 01:00 EDT, 02:00 EST", HOURLY, HOURLY}},
    {NOVEMBER, "*/30 * * * *", {HALF_HOURLY, HALF_HOURLY_ONCE, HALF_HOURLY, HALF_HOURLY}},
    {NOVEMBER, "*/30 1 * * *", {HALVES_OF_ONE, "01:00 01:30 EDT", HALVES_OF_ONE, HALVES_OF_ONE}},
};

TEST(the_eight_cases_under_every_policy)
{
    for (size_t i = 0; i < countof(cases); i++)
        for (int dst = 0; dst < POLICIES; dst++)
            assert_fires(&new_york[cases[i].night], cases[i].spec, (enum rule_dst)dst,
                         cases[i].fires[dst]);
}

/* ---- the same in the docs ---- */

static struct span trim(struct span s)
{
    while (s.len && strchr(" `\n", s.data[0])) s.data++, s.len--;
    while (s.len && strchr(" `\n", s.data[s.len - 1])) s.len--;
    return s;
}

static void next_cell(struct span *rest, char out[256])
{
    struct span cell = trim(span_cut(rest, '|'));

    assert_true(cell.len < 256);
    memcpy(out, cell.data, cell.len);
    out[cell.len] = '\0';
}

/* "| March | `30 2 * * *` | 03:00 EDT | - | 03:00 EDT | 03:00 EDT |"; false: another line. */
static bool check_line(const char *line)
{
    struct span rest = span_of(line);
    char name[256], spec[256], fires[256];

    (void)span_cut(&rest, '|');
    next_cell(&rest, name);
    for (size_t i = 0; i < countof(new_york); i++) {
        if (strcmp(name, new_york[i].name) != 0) continue;
        next_cell(&rest, spec);
        for (int dst = 0; dst < POLICIES; dst++) {
            next_cell(&rest, fires);
            assert_fires(&new_york[i], spec, (enum rule_dst)dst, fires);
        }
        return true;
    }
    return false;
}

TEST(the_table_of_the_docs_is_true)
{
    static const char header[] =
        "| night | expression | `vixie` | `skip` | `once-late` | `both` |\n";
    FILE *f = fopen(SCHEDULES_DOC, "r");
    char *line = NULL;
    size_t size = 0, checked = 0;
    bool in_table = false;

    if (!f) fail_msg("cannot open %s", SCHEDULES_DOC);
    while (getline(&line, &size, f) > 0) {
        if (strcmp(line, header) == 0) in_table = true;
        if (line[0] != '|') in_table = false;
        if (in_table && check_line(line)) checked++;
    }
    assert_int_equal(checked, DOCS_CASES);
    free(line);
    fclose(f);
}

/* ---- other nights ---- */

TEST(changes_of_every_size_and_hour)
{
    static const struct {
        const char *zone;
        int64_t hours_from; /* the 16 hours that begin so long after midnight UTC of that day */
        int year;
        unsigned month, day;
        const char *spec;
        enum rule_dst dst;
        const char *fires;
    } nights[] = {
  /* half an hour: 02:00 to 02:30 never comes, 01:30 to 02:00 comes twice */
        {"Australia/Lord_Howe", 10, 2024, 10, 5, "15 2 * * *", DST_VIXIE, "02:30 +11"},
        {"Australia/Lord_Howe", 10, 2024, 10, 5, "15 2 * * *", DST_SKIP, "-"},
        {"Australia/Lord_Howe", 10, 2024, 10, 5, "45 2 * * *", DST_VIXIE, "02:45 +11"},
        {"Australia/Lord_Howe", 10, 2024, 4, 6, "45 1 * * *", DST_VIXIE, "01:45 +11"},
        {"Australia/Lord_Howe", 10, 2024, 4, 6, "45 1 * * *", DST_ONCE_LATE, "01:45 +1030"},
        {"Australia/Lord_Howe", 10, 2024, 4, 6, "15 1 * * *", DST_BOTH, "01:15 +11"},
        {"Australia/Lord_Howe", 10, 2024, 4, 6, "45 1 * * *", DST_BOTH, "01:45 +11, 01:45 +1030"},
 /* two hours */
        {"Antarctica/Troll", 0, 2024, 3, 31, "30 1,2 * * *", DST_VIXIE, "03:00 +02"},
        {"Antarctica/Troll", 0, 2024, 3, 31, "0 1-3 * * *", DST_VIXIE, "03:00 +02"},
        {"Antarctica/Troll", -6, 2024, 10, 27, "30 1,2 * * *", DST_BOTH,
         "01:30 02:30 +02, 01:30 02:30 +00"},
        {"Antarctica/Troll", -6, 2024, 10, 27, "30 1,2 * * *", DST_ONCE_LATE, "01:30 02:30 +00"},
 /* no midnight, or two of them */
        {"America/Havana", 0, 2024, 3, 10, "@daily", DST_VIXIE, "01:00 CDT"},
        {"America/Havana", 0, 2024, 3, 10, "@daily", DST_SKIP, "-"},
        {"America/Havana", 0, 2024, 11, 3, "@daily", DST_VIXIE, "00:00 CDT"},
        {"America/Havana", 0, 2024, 11, 3, "@daily", DST_ONCE_LATE, "00:00 CST"},
        {"America/Havana", 0, 2024, 11, 3, "0 0 * * *", DST_BOTH, "00:00 CDT, 00:00 CST"},
        {"Asia/Beirut", 12, 2024, 3, 30, "@daily", DST_VIXIE, "01:00 EEST"},
        {"Asia/Beirut", 12, 2024, 10, 26, "59 23 * * *", DST_VIXIE, "23:59 EEST"},
        {"Asia/Beirut", 12, 2024, 10, 26, "30 23 * * *", DST_BOTH, "23:30 EEST, 23:30 EET"},
 /* the night belongs to the day that was to begin */
        {"America/Havana", 0, 2024, 3, 10, "0 0 * * SUN", DST_VIXIE, "01:00 CDT"},
        {"America/Havana", 0, 2024, 3, 10, "0 0 9 * *", DST_VIXIE, "-"},
 /* a day that never was: too long to be made up for */
        {"Pacific/Apia", -20, 2011, 12, 30, "0 8 * * *", DST_VIXIE, "08:00 -10"},
        {"Pacific/Apia", 4, 2011, 12, 30, "0 8 * * *", DST_VIXIE, "08:00 +14"},
        {"Pacific/Apia", 4, 2011, 12, 30, "0 8 30 12 *", DST_VIXIE, "-"},
 /* standard time itself changes */
        {"Asia/Pyongyang", 0, 2015, 8, 14, "45 23 * * *", DST_BOTH, "23:45 23:45 KST"},
        {"Asia/Kathmandu", 12, 1985, 12, 31, "5 0 1 1 *", DST_VIXIE, "00:15 +0545"},
        {"America/Caracas", 0, 2007, 12, 9, "45 2 * * *", DST_VIXIE, "02:45 -04"},
    };

    for (size_t i = 0; i < countof(nights); i++) {
        int64_t from = when(nights[i].year, nights[i].month, nights[i].day, 0, 0) +
                       nights[i].hours_from * HOUR;
        struct night night = {nights[i].zone, nights[i].zone, from, from + NIGHT};
        assert_fires(&night, nights[i].spec, nights[i].dst, nights[i].fires);
    }
}

TEST(gaps_of_up_to_three_hours_are_made_up_for)
{
    static const struct {
        const char *footer, *fires;
    } sizes[] = {
        {"AAA0BBB-3,M3.2.0,M11.1.0",    "05:00 BBB"},
        {"AAA0BBB-3:01,M3.2.0,M11.1.0", "-"        },
        {"AAA0BBB-0:31,M3.2.0,M11.1.0", "02:31 BBB"},
        {"AAA0BBB-0:30,M3.2.0,M11.1.0", "02:30 BBB"},
    };

    for (size_t i = 0; i < countof(sizes); i++) {
        struct zone *zone = zone_with_footer(sizes[i].footer);
        struct rule r = cron_rule("15,30 2 * * *", zone, DST_VIXIE);
        int64_t day = when(2024, 3, 10, 0, 0);
        char *got = fires_in(&r, day, day + NIGHT);

        assert_string_equal(got, sizes[i].fires);
        free(got);
        zone_free(zone);
    }
}

TEST(seconds_are_seconds_on_such_nights_too)
{
    struct zone *zone = load_zone("America/New_York");
    struct rule r = cron_rule("59 59 1 * * *", zone, DST_BOTH);
    int64_t jump = when(2023, 11, 5, 6, 0); /* 02:00 EDT is 01:00 EST */

    assert_int_equal(rule_next(&r, jump * 1000 - 3600001), (jump - 1) * 1000);
    assert_int_equal(rule_next(&r, (jump - 1) * 1000), (jump + 3599) * 1000);
    r = cron_rule("1 30 2 * * *", zone, DST_VIXIE);
    jump = when(2023, 3, 12, 7, 0);
    assert_int_equal(rule_next(&r, (jump - HOUR) * 1000), jump * 1000);
    assert_int_equal(rule_next(&r, jump * 1000 - 1), jump * 1000);
    assert_int_equal(rule_next(&r, jump * 1000), when(2023, 3, 13, 6, 30) * 1000 + 1000);
    zone_free(zone);
}

/* ---- notes ---- */

static void assert_note(const struct rule *r, int64_t utc, enum rule_note expected)
{
    assert_int_equal(rule_note(r, utc * 1000), expected);
}

TEST(notes_tell_what_is_special)
{
    struct zone *zone = load_zone("America/New_York");
    struct rule fixed = cron_rule("30 2 * * *", zone, DST_BOTH);
    struct rule early = cron_rule("30 1 * * *", zone, DST_BOTH);
    struct rule hourly = cron_rule("0 * * * *", zone, DST_VIXIE);
    struct rule three = cron_rule("0 2,3 * * *", zone, DST_VIXIE);
    struct rule every = {.kind = RULE_EVERY, .every_ms = 1000, .zone = zone};

    assert_note(&fixed, when(2023, 3, 11, 7, 30), NOTE_NONE);
    assert_note(&fixed, when(2023, 3, 12, 7, 0), NOTE_GAP);
    assert_note(&hourly, when(2023, 3, 12, 7, 0), NOTE_NONE);
    assert_note(&three, when(2023, 3, 12, 7, 0), NOTE_GAP); /* stands for two of its times */
    three = cron_rule("0 3 * * *", zone, DST_VIXIE);
    assert_note(&three, when(2023, 3, 12, 7, 0), NOTE_NONE); /* it is at three, gap or not */
    assert_note(&early, when(2023, 11, 5, 5, 30), NOTE_OVERLAP_FIRST);
    assert_note(&early, when(2023, 11, 5, 6, 30), NOTE_OVERLAP_SECOND);
    assert_note(&early, when(2023, 11, 6, 6, 30), NOTE_NONE);
    assert_note(&hourly, when(2023, 11, 5, 5, 0), NOTE_OVERLAP_FIRST);
    assert_note(&hourly, when(2023, 11, 5, 6, 0), NOTE_OVERLAP_SECOND);
    assert_note(&hourly, when(2023, 11, 5, 7, 0), NOTE_NONE);
    assert_note(&every, when(2023, 11, 5, 5, 30), NOTE_NONE);
    zone_free(zone);
}

/* ---- names, intervals, moments, limits ---- */

TEST(names_of_policies)
{
    enum rule_dst dst = DST_VIXIE;
    struct error why = {0};

    for (int i = 0; i < POLICIES; i++) {
        assert_int_equal(rule_dst_parse(span_of(rule_dst_names[i]), &dst, &why), PINION_OK);
        assert_int_equal(dst, i);
    }
    assert_int_equal(rule_dst_parse(span_of("Vixie"), &dst, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "expected vixie, skip, once-late or both, got 'Vixie'"));
    assert_int_equal(rule_dst_parse(span_of(NULL), &dst, &why), PINION_INVALID);
}

TEST(intervals_are_aligned_to_1970)
{
    struct rule r = {.kind = RULE_EVERY, .every_ms = 90000};

    assert_int_equal(rule_next(&r, 0), 90000);
    assert_int_equal(rule_next(&r, -1), 0);
    assert_int_equal(rule_next(&r, -90001), -90000);
    assert_int_equal(rule_next(&r, 89999), 90000);
    assert_int_equal(rule_next(&r, 90000), 180000);
    assert_int_equal(rule_previous(&r, 90001), 90000);
    assert_int_equal(rule_previous(&r, 90000), 0);
    assert_int_equal(rule_previous(&r, 0), -90000);
    r.phase_ms = 5000;
    assert_int_equal(rule_next(&r, 0), 5000);
    assert_int_equal(rule_next(&r, 5000), 95000);
    assert_int_equal(rule_previous(&r, 5000), -85000);
    assert_int_equal(rule_next(&r, INT64_MAX - 10), RULE_NEVER);
    assert_int_equal(rule_previous(&r, INT64_MIN), RULE_NEVER);
    assert_int_equal(rule_previous(&r, INT64_MIN + 10), RULE_NEVER);
}

TEST(a_moment_is_once)
{
    struct rule r = {.kind = RULE_AT, .at_ms = 12345};

    assert_int_equal(rule_next(&r, 12344), 12345);
    assert_int_equal(rule_next(&r, 12345), RULE_NEVER);
    assert_int_equal(rule_previous(&r, 12346), 12345);
    assert_int_equal(rule_previous(&r, 12345), RULE_NEVER);
}

TEST(nicknames_without_fields)
{
    struct rule r = cron_rule("@every 90s", NULL, DST_VIXIE);

    assert_int_equal(rule_next(&r, 1), 90000);
    assert_int_equal(rule_previous(&r, 90000), 0);
    r = cron_rule("@reboot", NULL, DST_VIXIE);
    assert_int_equal(rule_next(&r, 0), RULE_NEVER);
    assert_int_equal(rule_previous(&r, INT64_MAX), RULE_NEVER);
}

TEST(the_ends_of_time)
{
    struct zone *zones[] = {load_zone("America/New_York"), load_zone("Pacific/Apia"),
                            load_zone("UTC")};

    for (size_t i = 0; i < countof(zones); i++) {
        struct rule daily = cron_rule("0 12 * * *", zones[i], DST_VIXIE);
        struct rule last = cron_rule("0 0 12 31 12 * 2199", zones[i], DST_VIXIE);
        struct rule impossible = cron_rule("0 12 30 2 *", zones[i], DST_VIXIE);
        int64_t local = when(2199, 12, 31, 12, 0), first = rule_next(&daily, INT64_MIN);
        int64_t end = zone_find(zones[i], local).first * 1000;

        assert_int_equal(first, zone_find(zones[i], 12 * HOUR).first * 1000);
        assert_int_equal(rule_previous(&daily, first), RULE_NEVER);
        assert_int_equal(rule_previous(&daily, INT64_MAX), end);
        assert_int_equal(rule_next(&daily, end), RULE_NEVER);
        assert_int_equal(rule_next(&daily, INT64_MAX), RULE_NEVER);
        assert_int_equal(rule_previous(&daily, INT64_MIN), RULE_NEVER);
        assert_int_equal(rule_next(&last, 0), end);
        assert_int_equal(rule_previous(&last, INT64_MAX), end);
        assert_int_equal(rule_previous(&last, end), RULE_NEVER);
        assert_int_equal(rule_next(&impossible, 0), RULE_NEVER);
        assert_int_equal(rule_previous(&impossible, DAY_MS * 50000), RULE_NEVER);
        zone_free(zones[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_eight_cases_under_every_policy),
        cmocka_unit_test(the_table_of_the_docs_is_true),
        cmocka_unit_test(changes_of_every_size_and_hour),
        cmocka_unit_test(gaps_of_up_to_three_hours_are_made_up_for),
        cmocka_unit_test(seconds_are_seconds_on_such_nights_too),
        cmocka_unit_test(notes_tell_what_is_special),
        cmocka_unit_test(names_of_policies),
        cmocka_unit_test(intervals_are_aligned_to_1970),
        cmocka_unit_test(a_moment_is_once),
        cmocka_unit_test(nicknames_without_fields),
        cmocka_unit_test(the_ends_of_time),
    };
    unsetenv("TZDIR");
    new_york[MARCH].from = when(2023, 3, 12, 5, 0);
    new_york[MARCH].until = when(2023, 3, 12, 9, 0);
    new_york[NOVEMBER].from = when(2023, 11, 5, 4, 0);
    new_york[NOVEMBER].until = when(2023, 11, 5, 8, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
