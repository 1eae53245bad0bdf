/* The rule at the end of a zone file, and real nights on which clocks change. */
#include "scheduler/zone_footer.h"
#include "tests/support/check.h"
#include "tests/unit/zone_checks.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"

TEST(a_footer_rules_behind_the_table_only)
{
    struct tzif t = {
        .version = '2',
        .changes = {{when(1990, 1, 1, 0, 0), 1}, {when(2010, 1, 1, 0, 0), 0}},
        .changes_count = 2,
        .types = {{HOUR, "AAT"},               {3 * HOUR, "AAST"}         },
        .types_count = 2,
        .footer = "AAT-1AAST-3,M3.5.0,M10.5.0/4"
    };
    struct zone *z = zone_of(&t);

    assert_offset(z, when(2009, 7, 1, 0, 0), 3 * HOUR, "AAST"); /* the table says so all year */
    assert_offset(z, when(2009, 12, 1, 0, 0), 3 * HOUR, "AAST");
    assert_change(z, when(2010, 1, 1, 0, 0), 3 * HOUR, HOUR);
    assert_change(z, when(2010, 3, 28, 1, 0), HOUR, 3 * HOUR);
    assert_change(z, when(2010, 10, 31, 1, 0), 3 * HOUR, HOUR);
    assert_change(z, when(9999, 3, 28, 1, 0), HOUR, 3 * HOUR);
    assert_int_equal(zone_next_change(z, when(9999, 12, 1, 0, 0)), ZONE_NEVER);
    assert_offset(z, INT64_MAX, HOUR, "AAT");
    zone_free(z);
}

TEST(a_footer_without_table_rules_always)
{
    struct zone *z = zone_with_footer("<+0545>-5:45");

    assert_offset(z, INT64_MIN, 5 * HOUR + 45 * 60, "+0545");
    assert_int_equal(zone_next_change(z, INT64_MIN), ZONE_NEVER);
    zone_free(z);

    z = zone_with_footer("EST5EDT,M3.2.0,M11.1.0");
    assert_change(z, when(1600, 3, 12, 7, 0), -5 * HOUR, -4 * HOUR);
    assert_change(z, when(2023, 3, 12, 7, 0), -5 * HOUR, -4 * HOUR);
    assert_change(z, when(2023, 11, 5, 6, 0), -4 * HOUR, -5 * HOUR);
    assert_offset(z, INT64_MIN, -5 * HOUR, "EST");
    assert_int_equal(zone_previous_change(z, INT64_MIN), -ZONE_NEVER);
    assert_int_equal(zone_next_change(z, INT64_MIN), when(1, 3, 11, 7, 0));
    zone_free(z);
}

static const struct {
    const char *footer;
    int year;
    unsigned month, day, hour, minute; /* of a change, UTC */
    int32_t before, after;
} footers[] = {
    {"AAA0BBB,J59,J300", 2023, 2, 28, 2, 0, 0, HOUR},
    {"AAA0BBB,J60,J300", 2024, 3, 1, 2, 0, 0, HOUR}, /* the 29th is never counted */
    {"AAA0BBB,J60,J300", 2023, 3, 1, 2, 0, 0, HOUR},
    {"AAA0BBB,59,300", 2024, 2, 29, 2, 0, 0, HOUR}, /* here it is */
    {"AAA0BBB,59,300", 2023, 3, 1, 2, 0, 0, HOUR},
    {"AAA0BBB,J1/0,J365/1", 2023, 1, 1, 0, 0, 0, HOUR},
    {"AAA0BBB,0/0,364/1", 2023, 12, 31, 0, 0, HOUR, 0},
    {"AAA0BBB,M2.5.4/0,M6.1.0", 2024, 2, 29, 0, 0, 0, HOUR}, /* week 5: the last one there is */
    {"AAA0BBB,M2.5.4/0,M6.1.0", 2023, 2, 23, 0, 0, 0, HOUR},
    {"AAA0BBB,M4.1.6/0,M6.1.0", 2023, 4, 1, 0, 0, 0, HOUR},
    {"AAA0BBB,M4.2.6/0,M6.1.0", 2023, 4, 8, 0, 0, 0, HOUR},
    {"EET-2EEST,M3.4.4/50,M10.4.4/50", 2030, 3, 30, 0, 0, 2 * HOUR, 3 * HOUR}, /* Gaza */
    {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 2024, 3, 31, 1, 0, -2 * HOUR, -HOUR}, /* Nuuk */
    {"AAA0BBB,M1.1.0/-167,M6.1.0", 2024, 12, 29, 1, 0, 0, HOUR}, /* the year before */
    {"AAA0BBB,M6.1.0,M12.5.0/167", 2024, 1, 6, 22, 0, HOUR, 0}, /* the year after */
    {"IST-1GMT0,M10.5.0,M3.5.0/1", 2024, 10, 27, 1, 0, HOUR, 0}, /* Dublin: winter is the other */
    {"IST-1GMT0,M10.5.0,M3.5.0/1", 2024, 3, 31, 1, 0, 0, HOUR},
    {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 2024, 4, 6, 15, 0, 11 * HOUR, 10 * HOUR + 1800},
    {"AAA-1:02:03BBB,M3.1.0/2:30:15,M9.1.0", 2024, 3, 3, 1, 28, 3723, 3723 + HOUR},
    {"AAA+3BBB+1,M3.1.0,M9.1.0", 2024, 3, 3, 5, 0, -3 * HOUR, -HOUR},
};

TEST(footers_change_when_they_say)
{
    for (size_t i = 0; i < countof(footers); i++) {
        struct zone *z = zone_with_footer(footers[i].footer);
        int64_t at = when(footers[i].year, footers[i].month, footers[i].day, footers[i].hour,
                          footers[i].minute);

        if (strstr(footers[i].footer, ":15,")) at += 12; /* 2:30:15 less 1:02:03 */
        if (zone_next_change(z, at - 1) != at)
            fail_msg("'%s': %lld, expected %lld", footers[i].footer,
                     (long long)zone_next_change(z, at - 1), (long long)at);
        assert_change(z, at, footers[i].before, footers[i].after);
        zone_free(z);
    }
}

TEST(summer_all_year_is_no_change)
{
    static const char *const all_year[] = {"EST5EDT,0/0,J365/25", "XXX3EDT4,0/0,J365/23",
                                           "EDT4EDT4,M3.2.0,M11.1.0"};

    for (size_t i = 0; i < countof(all_year); i++) {
        struct zone *z = zone_with_footer(all_year[i]);

        assert_int_equal(zone_next_change(z, 0), ZONE_NEVER);
        assert_int_equal(zone_previous_change(z, when(2100, 7, 1, 0, 0)), -ZONE_NEVER);
        assert_offset(z, when(2023, 1, 1, 4, 30), -4 * HOUR, "EDT");
        assert_offset(z, when(2023, 7, 1, 0, 0), -4 * HOUR, "EDT");
        zone_free(z);
    }
}

TEST(bad_footers_are_refused)
{
    static const char *const bad[] = {
        "x",
        "ab1",
        "ABC",
        "ABC25",
        "ABC1:60",
        "ABC1:00:60",
        "ABC1:",
        "ABC1 ",
        "<AB1",
        "<>1",
        "<A B>1",
        "<ABC>",
        "ABC1DEF",
        "ABC1DEF,",
        "ABC1DEF,M3.2.0",
        "ABC1DEF,M3.2.0,",
        "ABC1DEF,M0.2.0,M3.2.0",
        "ABC1DEF,M13.2.0,M3.2.0",
        "ABC1DEF,M3.0.0,M3.2.0",
        "ABC1DEF,M3.6.0,M3.2.0",
        "ABC1DEF,M3.2.7,M3.2.0",
        "ABC1DEF,M3.2,M3.2.0",
        "ABC1DEF,J0,J2",
        "ABC1DEF,J366,J2",
        "ABC1DEF,366,2",
        "ABC1DEF,J1/168,J2",
        "ABC1DEF,J1/-168,J2",
        "ABC1DEF,J1,J2x",
        "ABC1DEF,J1,J2,J3",
        "A1C1",
        "ABC--1",
        "ABC99999999999999999999",
        "sixteenlettersab1",
        "ABC1D\xc3\xa9,J1,J2",
    };

    for (size_t i = 0; i < countof(bad); i++) {
        struct zone_footer f;
        struct error why = {0};

        if (footer_parse(span_of(bad[i]), &f, &why) != PINION_INVALID) fail_msg("'%s'", bad[i]);
        assert_non_null(strstr(why.text, "expected a rule such as"));
        assert_non_null(strstr(why.text, bad[i]));
    }
}
TEST(changes_of_every_size)
{
    static const struct {
        const char *zone;
        int year;
        unsigned month, day, hour, minute;
        int32_t before, after;
    } nights[] = {
        {"Australia/Lord_Howe", 2024, 10, 5, 15, 30, 37800, 39600}, /* half an hour */
        {"Australia/Lord_Howe", 2024, 4, 6, 15, 0, 39600, 37800},
        {"Antarctica/Troll", 2024, 3, 31, 1, 0, 0, 7200}, /* two hours */
        {"Antarctica/Troll", 2024, 10, 27, 1, 0, 7200, 0},
        {"America/Havana", 2024, 3, 10, 5, 0, -18000, -14400}, /* no midnight */
        {"Asia/Beirut", 2024, 3, 30, 22, 0, 7200, 10800},
        {"Pacific/Apia", 2011, 12, 30, 10, 0, -36000, 50400}, /* no 30th */
        {"Pacific/Kwajalein", 1993, 8, 21, 12, 0, -43200, 43200},
        {"Asia/Kathmandu", 1985, 12, 31, 18, 30, 19800, 20700}, /* a quarter, no DST */
        {"Asia/Pyongyang", 2015, 8, 14, 15, 0, 32400, 30600},
        {"America/Caracas", 2007, 12, 9, 7, 0, -14400, -16200},
        {"Europe/Moscow", 2014, 10, 25, 22, 0, 14400, 10800},
        {"Africa/Monrovia", 1972, 1, 7, 0, 44, -2670, 0}, /* and 30 seconds */
    };

    for (size_t i = 0; i < countof(nights); i++) {
        struct zone *z = load_zone(nights[i].zone);
        int64_t at =
            when(nights[i].year, nights[i].month, nights[i].day, nights[i].hour, nights[i].minute);

        if (nights[i].before == -2670) at += 30;
        assert_change(z, at, nights[i].before, nights[i].after);
        zone_free(z);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_footer_rules_behind_the_table_only),
        cmocka_unit_test(a_footer_without_table_rules_always),
        cmocka_unit_test(footers_change_when_they_say),
        cmocka_unit_test(summer_all_year_is_no_change),
        cmocka_unit_test(bad_footers_are_refused),
        cmocka_unit_test(changes_of_every_size),
    };
    unsetenv("TZDIR");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
