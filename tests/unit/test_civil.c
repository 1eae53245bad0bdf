/* Dates against a calendar that is turned over day by day, and against the C library. */
#include "scheduler/civil.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdbool.h>
#include <time.h>

#define DAY_SECONDS 86400

static unsigned month_days(int year, unsigned month)
{
    bool leap = year % 400 == 0 || (year % 100 != 0 && year % 4 == 0);

    switch (month) {
    case 2: return leap ? 29 : 28;
    case 4:
    case 6:
    case 9:
    case 11: return 30;
    default: return 31;
    }
}

static void assert_civil(struct civil found, struct civil expected)
{
    assert_int_equal(found.year, expected.year);
    assert_int_equal(found.month, expected.month);
    assert_int_equal(found.day, expected.day);
    assert_int_equal(found.hour, expected.hour);
    assert_int_equal(found.minute, expected.minute);
    assert_int_equal(found.second, expected.second);
}

TEST(known_dates)
{
    assert_true(civil_seconds((struct civil){1970, 1, 1, 0, 0, 0}) == 0);
    assert_true(civil_seconds((struct civil){1969, 12, 31, 23, 59, 59}) == -1);
    assert_true(civil_seconds((struct civil){2000, 2, 29, 12, 30, 15}) == 951827415);
    assert_true(civil_seconds((struct civil){2038, 1, 19, 3, 14, 8}) == INT64_C(2147483648));
    assert_true(civil_seconds((struct civil){0, 3, 1, 0, 0, 0}) == INT64_C(-719468) * DAY_SECONDS);
    assert_civil(civil_of_seconds(-1), (struct civil){1969, 12, 31, 23, 59, 59});
    assert_civil(civil_of_seconds(INT64_C(4107542399)), (struct civil){2100, 2, 28, 23, 59, 59});
    assert_civil(civil_of_seconds(INT64_C(4107542400)), (struct civil){2100, 3, 1, 0, 0, 0});
    assert_int_equal(civil_weekday(1970, 1, 1), 4);
    assert_int_equal(civil_weekday(2000, 1, 1), 6);
    assert_int_equal(civil_weekday(2026, 11, 23), 1);
    assert_int_equal(civil_weekday(1582, 10, 15), 5);
    assert_int_equal(civil_month_days(1900, 2), 28);
    assert_int_equal(civil_month_days(2000, 2), 29);
    assert_int_equal(civil_month_days(2024, 2), 29);
}

/* 1200 to 2800: four whole cycles of the calendar. */
TEST(every_day_of_sixteen_centuries)
{
    struct civil day = {1200, 1, 1, 0, 0, 0};
    int64_t seconds = civil_seconds(day);
    unsigned weekday = civil_weekday(1200, 1, 1);

    for (; day.year < 2800; seconds += DAY_SECONDS, weekday = (weekday + 1) % 7) {
        if (civil_seconds(day) != seconds || civil_weekday(day.year, day.month, day.day) != weekday)
            fail_msg("%d-%u-%u", day.year, day.month, day.day);
        assert_civil(civil_of_seconds(seconds), day);
        assert_int_equal(civil_month_days(day.year, day.month), month_days(day.year, day.month));
        if (++day.day <= month_days(day.year, day.month)) continue;
        day.day = 1;
        if (++day.month <= 12) continue;
        day.month = 1;
        day.year++;
    }
    assert_int_equal(weekday, civil_weekday(1200, 1, 1)); /* 400 years are whole weeks */
}

TEST(any_second_is_that_of_the_c_library)
{
    struct prng prng = {property_seed("PINION_CIVIL_SEED")};

    for (int i = 0; i < 200000; i++) {
        int64_t seconds = (int64_t)prng_below(&prng, UINT64_C(1) << 38) - (INT64_C(1) << 37);
        time_t t = (time_t)seconds;
        struct tm tm;

        assert_non_null(gmtime_r(&t, &tm));
        struct civil expected = {tm.tm_year + 1900,     (unsigned)tm.tm_mon + 1,
                                 (unsigned)tm.tm_mday,  (unsigned)tm.tm_hour,
                                 (unsigned)tm.tm_min,   (unsigned)tm.tm_sec};
        assert_civil(civil_of_seconds(seconds), expected);
        assert_true(civil_seconds(expected) == seconds);
        assert_int_equal(civil_weekday(expected.year, expected.month, expected.day), tm.tm_wday);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_dates),
        cmocka_unit_test(every_day_of_sixteen_centuries),
        cmocka_unit_test(any_second_is_that_of_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
