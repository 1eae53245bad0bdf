/* tests/unit/test_time_text.c — durations and times, against a calendar that counts day by day. */
#include "base/time_text.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NONE INT64_MIN
#define NOW  INT64_C(1795428000250) /* 2026-11-23T10:00:00.250Z */

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static int64_t time_of(const char *text)
{
    int64_t ms = NONE;
    struct error why = {0};
    enum pinion_err err = time_parse(span_of(text), NOW, &ms, &why);

    assert_int_equal(why.code, err);
    if (err) assert_non_null(strstr(why.text, "expected"));
    if (err) assert_int_equal(ms, NONE);
    return ms;
}

static int64_t duration_of(const char *text)
{
    uint64_t ms = 77;
    struct error why = {0};

    if (!duration_parse(span_of(text), &ms, &why)) return (int64_t)ms;
    assert_int_equal(ms, 77);
    assert_non_null(strstr(why.text, "expected"));
    return NONE;
}

TEST(durations_are_parsed)
{
    assert_int_equal(duration_of("0"), 0);
    assert_int_equal(duration_of("0s"), 0);
    assert_int_equal(duration_of("250ms"), 250);
    assert_int_equal(duration_of("10s"), 10000);
    assert_int_equal(duration_of("5m"), 300000);
    assert_int_equal(duration_of("2h"), 7200000);
    assert_int_equal(duration_of("3d"), 259200000);
    assert_int_equal(duration_of("1h30m"), 5400000);
    assert_int_equal(duration_of("1d2h3m4s5ms"), 93784005);
    assert_int_equal(duration_of("90m"), 5400000);
    assert_int_equal(duration_of("36500d"), DURATION_MS_MAX);
}

TEST(nonsense_durations_are_refused)
{
    static const char *const bad[] = {
        "",     "5",     "s",      "-5s",      "+5s",  " 5s",  "5s ", "5 s", "1.5h", "5S",
        "5sec", "5mss",  "30m1h",  "1h1h",     "1hm",  "1h30", "00",  "5\n", "0x5s", "5w",
        "36501d", "36500d1ms", "18446744073709551616s", "18446744073709551615d", "1h\xff"};

    for (size_t i = 0; i < countof(bad); i++)
        if (duration_of(bad[i]) != NONE) fail_msg("accepted \"%s\"", bad[i]);
    assert_int_equal(duration_parse((struct span){0}, &(uint64_t){0}, NULL), PINION_INVALID);
}

TEST(durations_are_printed_in_two_units)
{
    char text[DURATION_TEXT_MAX];

    assert_string_equal(duration_format(0, text), "0s");
    assert_string_equal(duration_format(250, text), "250ms");
    assert_string_equal(duration_format(2500, text), "2s500ms");
    assert_string_equal(duration_format(5400000, text), "1h30m");
    assert_string_equal(duration_format(5400001, text), "1h30m");
    assert_string_equal(duration_format(3605000, text), "1h5s");
    assert_string_equal(duration_format(UINT64_MAX, text), "213503982334d14h");
}

TEST(durations_of_two_units_come_back)
{
    struct prng prng = {property_seed("PINION_TIME_SEED")};
    char text[DURATION_TEXT_MAX], again[DURATION_TEXT_MAX];

    for (int i = 0; i < 20000; i++) {
        uint64_t ms = prng_magnitude(&prng) % (DURATION_MS_MAX + 1);
        int64_t found = duration_of(duration_format(ms, text));

        assert_true(found >= 0 && (uint64_t)found <= ms);
        assert_true(ms - (uint64_t)found <= ms / 25 + 1); /* 1d1h59m... is worst */
        assert_string_equal(duration_format((uint64_t)found, again), text);
    }
}

TEST(times_with_a_zone)
{
    set_zone("Asia/Tokyo"); /* must not matter */
    assert_int_equal(time_of("2026-11-23T10:00:00.250Z"), NOW);
    assert_int_equal(time_of("2026-11-23t10:00:00.25z"), NOW);
    assert_int_equal(time_of("2026-11-23 12:00:00.250999999+02:00"), NOW);
    assert_int_equal(time_of("2026-11-23T00:30:00.250-09:30"), NOW);
    assert_int_equal(time_of("2026-11-23T10:00:00-00:00"), NOW - 250);
    assert_int_equal(time_of("2026-11-23T10:00Z"), NOW - 250);
    assert_int_equal(time_of("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(time_of("1970-01-01T01:00:00+01:00"), 0);
    assert_int_equal(time_of("9999-12-31T23:59:59.999Z"), INT64_C(253402300799999));
    assert_int_equal(time_of("2024-02-29T00:00:00Z"), INT64_C(1709164800000));
    assert_int_equal(time_of("2000-02-29T00:00:00Z"), INT64_C(951782400000));
}

TEST(local_times)
{
    set_zone("Europe/Berlin");
    assert_int_equal(time_of("2026-11-23 11:00:00.250"), NOW);
    assert_int_equal(time_of("2026-11-23T11:00"), NOW - 250);
    assert_int_equal(time_of("2026-07-01 12:00"), INT64_C(1782900000000)); /* 10:00Z */
}

TEST(a_time_of_day_is_the_next_one)
{
    const int64_t day = 86400000;

    set_zone("Europe/Berlin"); /* now it is 11:00:00.250 there */
    assert_int_equal(time_of("11:00:00.251"), NOW + 1);
    assert_int_equal(time_of("11:00:00.250"), NOW + day);
    assert_int_equal(time_of("11:00"), NOW - 250 + day);
    assert_int_equal(time_of("11:01"), NOW - 250 + 60000);
    assert_int_equal(time_of("23:59:59"), NOW - 250 + 13 * 3600000 - 1000);
    assert_int_equal(time_of("00:00"), NOW - 250 + 13 * 3600000);
}

/* 2026-03-29: from 02:00 the clocks of Berlin jump to 03:00. */
TEST(a_local_time_that_the_clocks_jump_over)
{
    const int64_t midnight = INT64_C(1774738800000), hour = 3600000;
    int64_t ms = NONE;

    set_zone("Europe/Berlin");
    assert_int_equal(time_of("2026-03-29 00:00"), midnight);
    assert_int_equal(time_of("2026-03-29 01:59"), midnight + 2 * hour - 60000);
    assert_int_equal(time_of("2026-03-29 02:30"), NONE);
    assert_int_equal(time_of("2026-03-29 03:00"), midnight + 2 * hour);
    assert_int_equal(time_parse(span_of("02:30"), midnight, &ms, NULL), PINION_OK);
    assert_int_equal(ms, midnight + 23 * hour + 2 * hour + hour / 2);
}

TEST(nonsense_times_are_refused)
{
    static const char *const bad[] = {
        "", "now", "tomorrow", "2026", "2026-11-23", "1795428000", "24:00", "10:60", "10:00:60",
        "1:00", "10", "10:", "10:00:", "10:00:00.", "10:00:00.1234567890", "10:00Z", " 10:00",
        "10:00 ", "2026-02-30T00:00:00Z", "2025-02-29T00:00:00Z", "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-11-23T10:00:60Z",
        "2026-11-23T24:00:00Z", "2026-11-23T10:00:00ZZ", "2026-11-23T10:00:00Z ",
        "2026-11-23T10:00:00+2:00", "2026-11-23T10:00:00+0200", "2026-11-23T10:00:00+24:00",
        "2026-11-23T10:00:00+02:60", "2026-11-23T10:00:00.Z", "2026-11-23  10:00",
        "2026-11-23_10:00", "2026-11-23T10:00.5Z", "26-11-23T10:00:00Z", "+2026-11-23T10:00:00Z",
        "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "2026-11-23T10:00:00Z\xff"};

    set_zone("UTC");
    for (size_t i = 0; i < countof(bad); i++)
        if (time_of(bad[i]) != NONE) fail_msg("accepted \"%s\"", bad[i]);
    assert_int_equal(time_parse((struct span){0}, NOW, &(int64_t){0}, NULL), PINION_INVALID);
    assert_int_equal(time_parse((struct span){"2026-11-23T10:00:00Z\0", 21}, NOW, &(int64_t){0},
                                NULL), PINION_INVALID);
}

/* Every day of the range, counted one by one. */
TEST(every_day_is_where_the_calendar_has_it)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t day = 0;
    char text[40], printed[TIME_TEXT_MAX];

    for (int year = 1970; year <= 2410; year++)
        for (int month = 1; month <= 12; month++) {
            int leap = month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

            for (int d = 1; d <= days[month - 1] + leap; d++, day++) {
                snprintf(text, sizeof(text), "%04d-%02d-%02dT12:34:56.789Z", year, month, d);
                assert_int_equal(time_of(text), day * 86400000 + 45296789);
                assert_string_equal(time_format_utc(day * 86400000 + 45296789, printed), text);
            }
        }
}

TEST(times_come_back)
{
    struct prng prng = {property_seed("PINION_TIME_SEED")};
    const int64_t day = 86400000;
    char text[TIME_TEXT_MAX];

    set_zone("<-0330>3:30"); /* no summer time: an hour that comes twice could not come back */
    for (int i = 0; i < 20000; i++) {
        int64_t ms = day + (int64_t)prng_below(&prng, UINT64_C(253402200000000));
        char *blank;

        assert_int_equal(time_of(time_format_utc(ms, text)), ms);
        time_format_local(ms, text);
        blank = strrchr(text, ' '); /* before the zone: for people only */
        memmove(blank, blank + 1, strlen(blank));
        assert_int_equal(time_of(text), ms);
        *strrchr(text, '-') = '\0'; /* without the zone: local time */
        assert_int_equal(time_of(text), ms);
    }
}

TEST(times_are_printed)
{
    char text[TIME_TEXT_MAX];

    assert_string_equal(time_format_utc(NOW, text), "2026-11-23T10:00:00.250Z");
    assert_string_equal(time_format_utc(-1, text), "1969-12-31T23:59:59.999Z");
    set_zone("Europe/Berlin");
    assert_string_equal(time_format_local(NOW, text), "2026-11-23 11:00:00.250 +01:00");
    set_zone("America/St_Johns");
    assert_string_equal(time_format_local(NOW, text), "2026-11-23 06:30:00.250 -03:30");
    assert_true(strlen(time_format_local(INT64_MAX, text)) < TIME_TEXT_MAX);
    assert_true(strlen(time_format_local(INT64_MIN, text)) < TIME_TEXT_MAX);
    assert_true(strlen(time_format_utc(INT64_MIN, text)) < TIME_TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_parsed),
        cmocka_unit_test(nonsense_durations_are_refused),
        cmocka_unit_test(durations_are_printed_in_two_units),
        cmocka_unit_test(durations_of_two_units_come_back),
        cmocka_unit_test(times_with_a_zone),
        cmocka_unit_test(local_times),
        cmocka_unit_test(a_time_of_day_is_the_next_one),
        cmocka_unit_test(a_local_time_that_the_clocks_jump_over),
        cmocka_unit_test(nonsense_times_are_refused),
        cmocka_unit_test(every_day_is_where_the_calendar_has_it),
        cmocka_unit_test(times_come_back),
        cmocka_unit_test(times_are_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
