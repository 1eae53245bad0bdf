/* What every element of the dialect means, by example. The vectors of the first table are those of
 * the Open Cron Pattern Specification, 1.0 to 1.4. */
#include "scheduler/cron.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <string.h>

enum { TIME_MAX = 80 };

static struct cron parsed(const char *text, const char *name)
{
    struct error why = {0};
    struct cron c;

    if (cron_parse(span_of(text), name, &c, &why)) fail_msg("'%s': %s", text, why.text);
    return c;
}

/* "2025-03-10 10:15" or with seconds */
static struct civil time_of(const char *text)
{
    struct civil t = {0};

    if (sscanf(text, "%d-%u-%u %u:%u:%u", &t.year, &t.month, &t.day, &t.hour, &t.minute,
               &t.second) < 5)
        fail_msg("'%s'", text);
    return t;
}

static const char *text_of(struct civil t, char out[TIME_MAX])
{
    snprintf(out, TIME_MAX, "%04d-%02u-%02u %02u:%02u:%02u", t.year, t.month, t.day, t.hour,
             t.minute, t.second);
    return out;
}

/* The next ones after `from`, then back again by cron_previous. */
static void assert_runs(const char *expression, const char *from, const char *const *expected,
                        size_t count)
{
    struct cron c = parsed(expression, NULL);
    struct civil t = time_of(from), back;
    char text[TIME_MAX];

    for (size_t i = 0; i < count; i++) {
        if (!cron_next(&c, t, &t)) fail_msg("'%s': nothing, expected %s", expression, expected[i]);
        if (strncmp(text_of(t, text), expected[i], strlen(expected[i])) != 0)
            fail_msg("'%s': %s, expected %s", expression, text, expected[i]);
        assert_true(cron_matches(&c, t));
    }
    for (size_t i = count; i-- > 1;) {
        if (!cron_previous(&c, t, &back)) fail_msg("'%s': nothing before", expression);
        t = back;
        if (strncmp(text_of(t, text), expected[i - 1], strlen(expected[i - 1])) != 0)
            fail_msg("'%s': before: %s, expected %s", expression, text, expected[i - 1]);
    }
}

#define RUNS(expression, from, ...)                                                                \
    assert_runs(expression, from, (const char *const[]){__VA_ARGS__},                              \
                countof(((const char *const[]){__VA_ARGS__})))

static void assert_never(const char *expression)
{
    struct cron c = parsed(expression, NULL);
    struct civil found = {1, 2, 3, 4, 5, 6};

    if (cron_next(&c, time_of("1969-12-31 23:59:59"), &found) ||
        cron_previous(&c, time_of("2200-01-01 00:00"), &found))
        fail_msg("'%s' has a time", expression);
    assert_int_equal(found.year, 1); /* untouched */
}

static void assert_same(const char *a, const char *b)
{
    struct cron x = parsed(a, NULL), y = parsed(b, NULL);
    struct civil s = time_of("2026-11-23 08:53"), t = s;
    char at_s[TIME_MAX], at_t[TIME_MAX];

    for (int i = 0; i < 500; i++) {
        bool more = cron_next(&x, s, &s);

        assert_int_equal(cron_next(&y, t, &t), more);
        if (!more) break;
        if (strcmp(text_of(s, at_s), text_of(t, at_t)) != 0)
            fail_msg("'%s' at %s, '%s' at %s", a, at_s, b, at_t);
    }
}

TEST(vectors_of_the_specification)
{
    static const struct vector {
        const char *expression, *matches[4], *misses[3];
    } vectors[] = {
        {"15 10 * * *", {"2025-03-10 10:15"}, {"2025-03-10 10:14", "2025-03-10 10:15:30"}},
        {"30 8 * jan Mon", {"2025-01-06 08:30"}, {"2025-02-03 08:30"}},
        {"5-59/15 9 * * *",
         {"2025-03-10 09:05", "2025-03-10 09:20", "2025-03-10 09:35", "2025-03-10 09:50"},
         {"2025-03-10 09:15"}},
        {"0 12 1 * MON",
         {"2025-10-01 12:00", "2025-10-06 12:00", "2025-09-01 12:00", "2025-09-08 12:00"},
         {"2025-10-07 12:00"}},
        {"0 12 * * MON", {"2025-10-06 12:00"}, {"2025-10-07 12:00"}},
        {"0 12 1-31 * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-08 11:00"}},
        {"@yearly", {"2026-01-01 00:00"}, {"2026-01-02 00:00"}},
        {"@monthly", {"2026-02-01 00:00"}, {"2026-02-02 00:00"}},
        {"@weekly", {"2025-10-05 00:00"}, {"2025-10-06 00:00"}},
        {"@daily",
         {"2025-10-07 00:00", "2025-10-08 00:00", "2025-10-09 00:00", "2025-11-01 00:00"},
         {"2025-10-08 00:00:01", "2025-10-08 23:59:59", "2025-11-01 00:01"}},
        {"@hourly", {"2025-10-07 10:00"}, {"2025-10-07 10:01"}},
        {"30 15 10 * * *", {"2025-03-10 10:15:30"}, {"2025-03-10 10:15:29"}},
        {"0 15 10 * * * 2025", {"2025-03-10 10:15"}, {"2026-03-10 10:15"}},
        {"0 0 0 1 1 * 1970-2199/2", {"2026-01-01 00:00"}, {"2025-01-01 00:00"}},
        {"0 0 L * *", {"2025-02-28 00:00", "2024-02-29 00:00"}, {"2025-02-27 00:00"}},
        {"0 0 * * FRI#L", {"2025-02-28 00:00"}, {"2025-02-21 00:00"}},
        {"0 0 * * TUE#3", {"2025-06-17 00:00"}, {"2025-06-10 00:00"}},
        {"0 12 15W * *", {"2025-06-16 12:00"}, {"2025-06-15 12:00"}},
        {"0 12 1W * *", {"2025-02-03 12:00"}, {"2025-02-01 12:00"}},
        {"0 12 1 * +MON", {"2025-09-01 12:00"}, {"2025-09-08 12:00", "2025-10-01 12:00"}},
        /* only a bare star is unrestricted */
        {"0 12 *,1 * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-07 11:00"}},
        {"0 12 1,* * MON", {"2025-10-06 12:00", "2025-10-07 12:00"}, {"2025-10-07 11:00"}},
    };

    for (size_t i = 0; i < countof(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct cron c = parsed(v->expression, NULL);

        for (size_t k = 0; k < countof(v->matches) && v->matches[k]; k++)
            if (!cron_matches(&c, time_of(v->matches[k])))
                fail_msg("'%s' does not match %s", v->expression, v->matches[k]);
        for (size_t k = 0; k < countof(v->misses) && v->misses[k]; k++)
            if (cron_matches(&c, time_of(v->misses[k])))
                fail_msg("'%s' matches %s", v->expression, v->misses[k]);
    }
    assert_int_equal(parsed("@reboot", NULL).kind, CRON_REBOOT);
    assert_same("@daily", "0 0 * * *");
}

TEST(lists_ranges_and_steps)
{
    RUNS("*/20 8-9 * * *", "2026-11-23 08:53", "2026-11-23 09:00", "2026-11-23 09:20",
         "2026-11-23 09:40", "2026-11-24 08:00");
    RUNS("7-30/10,59 23 * * *", "2026-11-23 00:00", "2026-11-23 23:07", "2026-11-23 23:17",
         "2026-11-23 23:27", "2026-11-23 23:59", "2026-11-24 23:07");
    RUNS("0 0 * 2,11-12 *", "2026-11-29 12:00", "2026-11-30 00:00", "2026-12-01 00:00");
    RUNS("*/90 * * * *", "2026-11-23 08:53", "2026-11-23 09:00", "2026-11-23 10:00");
    RUNS("59 59 23 31 12 * 2026-2199/100", "2026-11-23 00:00", "2026-12-31 23:59:59",
         "2126-12-31 23:59:59");
    assert_same("*/1 * * * *", "* * * * *");
    assert_same("0-59 0-23 * * *", "*,7 * * * *");
    assert_same("01 002 * * *", "1 2 * * *");
    assert_same(" \t5\t 4  * * * \t", "5 4 * * *");
}

TEST(names_and_both_sundays)
{
    assert_same("0 0 * jan-MAR,dec *", "0 0 * 1-3,12 *");
    assert_same("0 0 * * sun", "0 0 * * 7");
    assert_same("0 0 * * 0", "0 0 * * 7");
    assert_same("0 0 * * 5-7", "0 0 * * FRI,SAT,SUN");
    assert_same("0 0 * * Fri-Sun", "0 0 * * 5-7");
    assert_same("0 0 * * SUN-SUN", "0 0 * * 0");
    assert_same("0 0 * * SUN-SAT", "0 0 * * *");
    assert_same("0 0 * * 0-7", "0 0 * * *");
    assert_same("0 0 * * 1-7/2", "0 0 * * MON,WED,FRI,SUN");
    assert_same("0 0 * * */2", "0 0 * * 0,2,4,6");
    assert_same("0 0 * * MON-7", "0 0 * * *");
}

TEST(days_from_the_end_and_nearest_weekdays)
{
    RUNS("0 0 L * *", "2028-01-31 00:00", "2028-02-29 00:00", "2028-03-31 00:00",
         "2028-04-30 00:00");
    RUNS("0 0 L-3 * *", "2027-01-31 00:00", "2027-02-25 00:00", "2027-03-28 00:00");
    RUNS("0 0 L-30 * *", "2027-01-02 00:00", "2027-03-01 00:00", "2027-05-01 00:00");
    RUNS("0 0 1,L * *", "2027-02-02 00:00", "2027-02-28 00:00", "2027-03-01 00:00");
    RUNS("0 0 LW * *", "2026-01-01 00:00", "2026-01-30 00:00", "2026-02-27 00:00",
         "2026-03-31 00:00", "2026-04-30 00:00", "2026-05-29 00:00");
    RUNS("0 0 15W * *", "2026-07-31 00:00", "2026-08-14 00:00", "2026-09-15 00:00",
         "2026-10-15 00:00", "2026-11-16 00:00");
    RUNS("0 0 1W * *", "2026-07-31 00:00", "2026-08-03 00:00", "2026-09-01 00:00",
         "2026-10-01 00:00", "2026-11-02 00:00");
    /* Not into the next month, and not at all where there is no 31st. */
    RUNS("0 0 31W * *", "2026-04-30 00:00", "2026-05-29 00:00", "2026-07-31 00:00",
         "2026-08-31 00:00", "2026-10-30 00:00", "2026-12-31 00:00");
}

TEST(weekdays_of_a_month)
{
    RUNS("0 0 * * MON#2", "2026-11-23 00:00", "2026-12-14 00:00", "2027-01-11 00:00");
    RUNS("0 0 * * 5#5", "2026-11-23 00:00", "2027-01-29 00:00", "2027-04-30 00:00");
    RUNS("0 0 * * 5L", "2026-11-23 00:00", "2026-11-27 00:00", "2026-12-25 00:00");
    RUNS("0 0 * * 7#1", "2026-11-23 00:00", "2026-12-06 00:00", "2027-01-03 00:00");
    RUNS("0 0 * * MON#1,WED,FRI#L", "2026-11-23 00:00", "2026-11-25 00:00", "2026-11-27 00:00",
         "2026-12-02 00:00", "2026-12-07 00:00", "2026-12-09 00:00");
    assert_same("0 0 * * 5L", "0 0 * * FRI#L");
    assert_same("0 0 * * friL", "0 0 * * 5#L");
    assert_same("0 0 * * 0L", "0 0 * * 7#L");
}

TEST(both_fields_of_days)
{
    RUNS("0 0 13 * FRI", "2026-11-07 00:00", "2026-11-13 00:00", "2026-11-20 00:00",
         "2026-11-27 00:00", "2026-12-04 00:00", "2026-12-11 00:00", "2026-12-13 00:00");
    RUNS("0 0 13 * +FRI", "2026-11-07 00:00", "2026-11-13 00:00", "2027-08-13 00:00");
    RUNS("0 0 L * +FRI#L", "2026-11-07 00:00", "2027-04-30 00:00", "2027-12-31 00:00");
    assert_same("0 0 13 * ?", "0 0 13 * *");
    assert_same("0 0 ? * FRI", "0 0 * * FRI");
    assert_same("0 0 ?/2 * ?", "0 0 */2 * *");
    assert_same("0 0 13 * +*", "0 0 13 * *");
    assert_same("0 0 * * +FRI", "0 0 * * FRI");
    /* A step restricts: these are OR. */
    assert_same("0 0 */2 * 1-7", "0 0 * * *");
    assert_same("0 0 1 * */1", "0 0 * * *");
}

TEST(far_and_impossible_dates)
{
    static const char *const never[] = {
        "0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "* * 30-31 FEB *", "0 0 1 * +MON#2",
        "0 0 L * +1#1", "0 0 0 29 2 * 2027", "0 0 0 29 2 +1 2027-2043", "0 0 31W 4,6 *",
        "0 0 L-30 2,4 *", "0 0 L-29 2 *", "@reboot", "@every 1h"};

    for (size_t i = 0; i < countof(never); i++) assert_never(never[i]);
    RUNS("0 0 29 2 +MON", "2026-11-23 00:00", "2044-02-29 00:00", "2072-02-29 00:00",
         "2112-02-29 00:00", "2140-02-29 00:00");
    RUNS("0 0 29 2 *", "2096-02-28 00:00", "2096-02-29 00:00", "2104-02-29 00:00");
    RUNS("0 0 * 2 MON#5", "2026-01-01 00:00", "2044-02-29 00:00", "2072-02-29 00:00");
    RUNS("0 0 L-28 2 *", "2026-11-23 00:00", "2028-02-01 00:00", "2032-02-01 00:00");
}

TEST(the_edges_of_time)
{
    struct cron c = parsed("* * * * * *", NULL);
    struct civil t;
    char text[TIME_MAX];

    RUNS("* * * * *", "1800-06-15 12:00", "1970-01-01 00:00:00", "1970-01-01 00:01");
    RUNS("0 0 1 1 *", "1969-12-31 23:59:59", "1970-01-01 00:00");
    RUNS("0 0 1 1 *", "1970-01-01 00:00", "1971-01-01 00:00");
    RUNS("59 23 31 12 *", "2199-12-31 23:58:59", "2199-12-31 23:59:00");
    assert_false(cron_next(&c, time_of("2199-12-31 23:59:59"), &t));
    assert_false(cron_next(&c, time_of("2500-01-01 00:00"), &t));
    assert_false(cron_previous(&c, time_of("1970-01-01 00:00"), &t));
    assert_false(cron_previous(&c, time_of("1000-01-01 00:00"), &t));
    assert_true(cron_previous(&c, time_of("2200-01-01 00:00"), &t));
    assert_string_equal(text_of(t, text), "2199-12-31 23:59:59");
    assert_true(cron_previous(&c, time_of("2999-01-01 00:00"), &t));
    assert_string_equal(text_of(t, text), "2199-12-31 23:59:59");
    assert_false(cron_matches(&c, time_of("1969-12-31 23:59:59")));
    assert_false(cron_matches(&c, time_of("2200-01-01 00:00")));
}

TEST(next_is_strictly_after)
{
    RUNS("30 2 * * *", "2026-11-23 02:30", "2026-11-24 02:30");
    RUNS("30 2 * * *", "2026-11-23 02:29:59", "2026-11-23 02:30");
    RUNS("*/30 * * * * *", "2026-12-31 23:59:30", "2027-01-01 00:00:00", "2027-01-01 00:00:30");
}

TEST(nicknames_and_intervals)
{
    assert_same("@yearly", "0 0 1 1 *");
    assert_same("@annually", "0 0 1 1 *");
    assert_same("@monthly", "0 0 1 * *");
    assert_same("@weekly", "0 0 * * 0");
    assert_same("@midnight", "0 0 * * *");
    assert_same("@hourly", "0 * * * *");
    assert_same("\t@hourly  ", "0 * * * *");
    assert_int_equal(parsed("@every 90s", NULL).kind, CRON_EVERY);
    assert_int_equal(parsed("@every 90s", NULL).every_ms, 90000);
    assert_int_equal(parsed(" @every \t10ms ", NULL).every_ms, CRON_EVERY_MIN_MS);
    assert_int_equal(parsed("@every 1d2h", NULL).every_ms, 26 * 3600000);
}

TEST(what_follows_the_clock)
{
    static const struct { const char *expression; bool follows, with_seconds; } cases[] = {
        {"* * * * *", true, false},        {"*/5 2 * * *", true, false},
        {"30 * * * *", true, false},       {"0 */2 * * *", true, false},
        {"30 2 * * *", false, false},      {"0-59 0-23 * * *", false, false},
        {"@hourly", true, false},          {"@daily", false, false},
        {"* 30 2 * * *", false, true},     {"0 *,5 2 * * *", true, true},
        {"H H * * *", false, false},       {"H/5 2 * * *", false, false},
        {"5,* 2 * * *", false, false},     {"0 0 2 * * * *", false, true},
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct cron c = parsed(cases[i].expression, NULL);
        if (c.follows_clock != cases[i].follows || c.with_seconds != cases[i].with_seconds)
            fail_msg("'%s'", cases[i].expression);
    }
}

static unsigned only_bit(uint64_t set)
{
    assert_int_equal(__builtin_popcountll(set), 1);
    return (unsigned)__builtin_ctzll(set);
}

/* Documented, and kept in people's logs and heads: these values never change. */
TEST(hashes_stay)
{
    struct cron c = parsed("H H H H H H", "nightly"), same = parsed("H H H H H H", "nightly");
    const unsigned found[] = {only_bit(c.seconds), only_bit(c.minutes), only_bit(c.hours),
                              only_bit(c.days),    only_bit(c.months),  only_bit(c.weekdays)};
    const unsigned expected[] = {53, 26, 22, 13, 12, 6};

    assert_memory_equal(&c, &same, sizeof(c));
    for (size_t i = 0; i < countof(found); i++) assert_int_equal(found[i], expected[i]);
    assert_int_equal(only_bit(parsed("H * * * *", NULL).minutes),
                     only_bit(parsed("H * * * *", "").minutes));
}

TEST(hashes_keep_their_range_and_step)
{
    char name[16];

    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "job-%d", i);
        struct cron c = parsed("H(10-19) H(0-23)/6 H H(mar-may) H", name);

        assert_in_range(only_bit(c.minutes), 10, 19);
        assert_in_range(only_bit(c.days), 1, 28);
        assert_in_range(only_bit(c.months), 3, 5);
        assert_in_range(only_bit(c.weekdays), 0, 6);
        assert_int_equal(__builtin_popcount(c.hours), 4);
        assert_true(__builtin_ctz(c.hours) < 6);
        assert_int_equal(__builtin_popcountll(parsed("H/15 * * * *", name).minutes), 4);
        assert_int_equal(__builtin_popcountll(parsed("H(0-9)/50 * * * *", name).minutes), 1);
        c = parsed("H,H(30-59) 7-7,H(7-7) * * *", name);
        assert_in_range(__builtin_popcountll(c.minutes), 1, 2);
        assert_int_equal(only_bit(c.hours), 7);
    }
}

/* 14,400 names over the 1,440 minutes of a day: were minute and hour not independent, some minutes
 * would stay empty and others be crowded. */
TEST(hashes_spread)
{
    static unsigned jobs[24][60];
    unsigned empty = 0, crowded = 0;
    char name[16];

    for (int i = 0; i < 14400; i++) {
        snprintf(name, sizeof(name), "job-%d", i);
        struct cron c = parsed("H H * * *", name);
        jobs[only_bit(c.hours)][only_bit(c.minutes)]++;
    }
    for (int h = 0; h < 24; h++)
        for (int m = 0; m < 60; m++) {
            empty += jobs[h][m] == 0;
            crowded = jobs[h][m] > crowded ? jobs[h][m] : crowded;
        }
    assert_in_range(empty, 0, 2);
    assert_in_range(crowded, 10, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_specification),
        cmocka_unit_test(lists_ranges_and_steps),
        cmocka_unit_test(names_and_both_sundays),
        cmocka_unit_test(days_from_the_end_and_nearest_weekdays),
        cmocka_unit_test(weekdays_of_a_month),
        cmocka_unit_test(both_fields_of_days),
        cmocka_unit_test(far_and_impossible_dates),
        cmocka_unit_test(the_edges_of_time),
        cmocka_unit_test(next_is_strictly_after),
        cmocka_unit_test(nicknames_and_intervals),
        cmocka_unit_test(what_follows_the_clock),
        cmocka_unit_test(hashes_stay),
        cmocka_unit_test(hashes_keep_their_range_and_step),
        cmocka_unit_test(hashes_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
