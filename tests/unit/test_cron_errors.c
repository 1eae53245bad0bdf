/* What people get to read: of expressions that are refused, and of those that are not. */
#include "scheduler/cron.h"
#include "tests/support/check.h"

#include <string.h>

static const struct refusal {
    const char *expression, *why;
} refusals[] = {
#define FIELDS "expected five fields, six with seconds or seven with years"
    {"", "column 1: " FIELDS ", found 0"},
    {"   ", "column 4: " FIELDS ", found 0"},
    {"* * * *", "column 8: " FIELDS ", found 4"},
    {"5", "column 2: " FIELDS ", found 1"},
    {"* * * * * * * *", "column 15: " FIELDS ", found '*'"},
    {"* * * * * root /bin/true", "day-of-week, column 11: expected 0 to 7 or SUN to SAT, "
                                 "found 'root'"},
    /* numbers out of range */
    {"60 * * * *", "minute, column 1: expected 0 to 59, found '60'"},
    {"* 24 * * *", "hour, column 3: expected 0 to 23, found '24'"},
    {"0 0 32 * *", "day-of-month, column 5: expected 1 to 31, L or nW, found '32'"},
    {"0 0 0 * *", "day-of-month, column 5: expected 1 to 31, L or nW, found '0'"},
    {"* * * 13 *", "month, column 7: expected 1 to 12 or JAN to DEC, found '13'"},
    {"* * * 0 *", "month, column 7: expected 1 to 12 or JAN to DEC, found '0'"},
    {"* * * * 8", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found '8'"},
    {"60 * * * * *", "second, column 1: expected 0 to 59, found '60'"},
    {"* * * * * * 1969", "year, column 13: expected 1970 to 2199, found '1969'"},
    {"* * * * * * 2200", "year, column 13: expected 1970 to 2199, found '2200'"},
    {"18446744073709551616 * * * *",
     "minute, column 1: expected 0 to 59, found '18446744073709551616'"},
    {"4294967296 * * * *", "minute, column 1: expected 0 to 59, found '4294967296'"},
    {"111111111111111111111111111111 * * * *",
     "minute, column 1: expected 0 to 59, found '111111111111111111111111'"},
    {"-1 * * * *", "minute, column 1: expected 0 to 59, found '-'"},
    {"1.5 * * * *", "minute, column 2: expected ',' or the end of the field, found '.'"},
    /* every entry of a list is looked at */
    {"*,*,61 * * * *", "minute, column 5: expected 0 to 59, found '61'"},
    {"1,,2 * * * *", "minute, column 3: expected 0 to 59, found ','"},
    {",1 * * * *", "minute, column 1: expected 0 to 59, found ','"},
    {"1, * * * *", "minute, column 3: expected 0 to 59, found nothing"},
    {"*5 * * * *", "minute, column 2: expected ',' or the end of the field, found '5'"},
    {"5* * * * *", "minute, column 2: expected ',' or the end of the field, found '*'"},
    {"** * * * *", "minute, column 2: expected ',' or the end of the field, found '*'"},
    /* ranges */
    {"* 22-2 * * *", "hour, column 3: expected a range that does not go backwards, "
                     "like 22-23,0-2, found '22-2'"},
    {"0 0 10-5 * *", "day-of-month, column 5: expected a range that does not go backwards, "
                     "like 10-31,1-5, found '10-5'"},
    {"* * * * FRI-MON", "day-of-week, column 9: expected a range that does not go backwards, "
                        "like 5-7,0-1, found 'FRI-MON'"},
    {"* * * NOV-feb *", "month, column 7: expected a range that does not go backwards, "
                        "like 11-12,1-2, found 'NOV-feb'"},
    {"1- * * * *", "minute, column 3: expected 0 to 59, found nothing"},
    {"1-60 * * * *", "minute, column 3: expected 0 to 59, found '60'"},
    {"1-2-3 * * * *", "minute, column 4: expected ',' or the end of the field, found '-'"},
    {"*-5 * * * *", "minute, column 2: expected ',' or the end of the field, found '-'"},
    {"1-* * * * *", "minute, column 3: expected 0 to 59, found '*'"},
    {"6~15 * * * *", "minute, column 2: expected ',' or the end of the field, found '~'"},
    {"0 0 0 1 1 * 2030-2020", "year, column 13: expected a range that does not go backwards, "
                              "like 2030-2199,1970-2020, found '2030-2020'"},
    /* steps */
    {"/30 * * * *", "minute, column 1: expected * or a range before '/', like 0-59/2, found '/'"},
    {"0/15 * * * *", "minute, column 2: expected * or a range before '/', like 0-59/2, found '/'"},
    {"5/15 * * * *", "minute, column 2: expected * or a range before '/', like 5-59/2, found '/'"},
    {"0 0 /30 * *",
     "day-of-month, column 5: expected * or a range before '/', like 1-31/2, found '/'"},
    {"*/0 * * * *", "minute, column 3: expected a step of 1 to 9999 behind '/', found '0'"},
    {"*/ * * * *", "minute, column 3: expected a step of 1 to 9999 behind '/', found nothing"},
    {"*/-2 * * * *", "minute, column 3: expected a step of 1 to 9999 behind '/', found '-'"},
    {"*/10000 * * * *", "minute, column 3: expected a step of 1 to 9999 behind '/', found '10000'"},
    {"1-5/0 * * * *", "minute, column 5: expected a step of 1 to 9999 behind '/', found '0'"},
    {"*/5/5 * * * *", "minute, column 4: expected ',' or the end of the field, found '/'"},
    {"*//5 * * * *", "minute, column 3: expected a step of 1 to 9999 behind '/', found '/'"},
    /* names */
    {"* * * * MONDAY", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found 'MONDAY'"},
    {"* * * * MO", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found 'MO'"},
    {"* * * MON *", "month, column 7: expected 1 to 12 or JAN to DEC, found 'MON'"},
    {"* * JAN * *", "day-of-month, column 5: expected 1 to 31, L or nW, found 'JAN'"},
    {"* * * JANL *", "month, column 7: expected 1 to 12 or JAN to DEC, found 'JANL'"},
    {"* * * * MON2", "day-of-week, column 12: expected ',' or the end of the field, found '2'"},
    /* L, W and # */
    {"L * * * *", "minute, column 1: expected 0 to 59, found 'L'"},
    {"0 0 l * *", "day-of-month, column 5: expected 1 to 31, L or nW, found 'l'"},
    {"0 0 L- * *", "day-of-month, column 7: expected 1 to 30 days before the last behind L-, "
                   "found nothing"},
    {"0 0 L-31 * *", "day-of-month, column 7: expected 1 to 30 days before the last behind L-, "
                     "found '31'"},
    {"0 0 L-0 * *", "day-of-month, column 7: expected 1 to 30 days before the last behind L-, "
                    "found '0'"},
    {"0 0 L-3W * *", "day-of-month, column 8: expected ',' or the end of the field, found 'W'"},
    {"0 0 L/2 * *", "day-of-month, column 6: expected ',' or the end of the field, found '/'"},
    {"0 0 5L * *", "day-of-month, column 6: expected ',' or the end of the field, found 'L'"},
    {"0 0 LW,15 * *", "day-of-month, column 6: expected LW alone, not in a list, found 'W'"},
    {"0 0 15W,L * *", "day-of-month, column 7: expected nW alone, not in a list, found 'W'"},
    {"0 0 1,15W * *", "day-of-month, column 9: expected nW alone, not in a list, found 'W'"},
    {"0 12 1-15W * *", "day-of-month, column 10: expected nW alone, not in a range, found 'W'"},
    {"0 0 15w * *", "day-of-month, column 7: expected ',' or the end of the field, found 'w'"},
    {"0 0 W * *", "day-of-month, column 5: expected 1 to 31, L or nW, found 'W'"},
    {"0 0 15W/2 * *", "day-of-month, column 8: expected ',' or the end of the field, found '/'"},
    {"0 0 * * 15W", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found '15'"},
    {"0 0 * * L", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found 'L'"},
    {"0 0 * * 5l", "day-of-week, column 10: expected ',' or the end of the field, found 'l'"},
    {"0 0 * * MON#6", "day-of-week, column 13: expected 1 to 5 or L behind '#', found '6'"},
    {"0 0 * * MON#0", "day-of-week, column 13: expected 1 to 5 or L behind '#', found '0'"},
    {"0 0 * * MON#", "day-of-week, column 13: expected 1 to 5 or L behind '#', found nothing"},
    {"0 0 * * #2", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found '#'"},
    {"0 0 * * *#2", "day-of-week, column 10: expected ',' or the end of the field, found '#'"},
    {"0 0 * * 1-5#2", "day-of-week, column 12: expected ',' or the end of the field, found '#'"},
    {"0 0 * * 1#2-3", "day-of-week, column 12: expected ',' or the end of the field, found '-'"},
    {"0 0 1#2 * *", "day-of-month, column 6: expected ',' or the end of the field, found '#'"},
    /* + and ? */
    {"0 12 +1 * MON", "day-of-month, column 6: expected 1 to 31, L or nW, found '+'"},
    {"0 12 1 * MON,+TUE", "day-of-week, column 14: expected 0 to 7 or SUN to SAT, found '+'"},
    {"0 12 1 * MON+", "day-of-week, column 13: expected ',' or the end of the field, found '+'"},
    {"0 12 1 * ++MON", "day-of-week, column 11: expected 0 to 7 or SUN to SAT, found '+'"},
    {"0 12 1 * +", "day-of-week, column 11: expected 0 to 7 or SUN to SAT, found nothing"},
    {"? 12 * * *", "minute, column 1: expected *: ? is for day-of-month and day-of-week, "
                   "found '?'"},
    {"0 12 * ? *", "month, column 8: expected *: ? is for day-of-month and day-of-week, "
                   "found '?'"},
    {"0 12 ?? * *", "day-of-month, column 7: expected ',' or the end of the field, found '?'"},
    /* H */
    {"h * * * *", "minute, column 1: expected 0 to 59, found 'h'"},
    {"H( * * * *", "minute, column 3: expected 0 to 59, found nothing"},
    {"H(5) * * * *", "minute, column 4: expected '-', like H(0-10), found ')'"},
    {"H(5-60) * * * *", "minute, column 5: expected 0 to 59, found '60'"},
    {"H(9-5) * * * *", "minute, column 3: expected a range that does not go backwards, "
                       "like 9-59,0-5, found '9-5'"},
    {"H(0-29 * * * *", "minute, column 7: expected ')', found nothing"},
    {"H(0-29)/ * * * *", "minute, column 9: expected a step of 1 to 9999 behind '/', "
                         "found nothing"},
    {"H-5 * * * *", "minute, column 2: expected ',' or the end of the field, found '-'"},
    {"0 0 0 1 1 * H", "year, column 13: expected 1970 to 2199, found 'H'"},
    /* nicknames */
#define NICKNAMES                                                                                  \
    "expected @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @reboot or "      \
    "@every DURATION, found "
    {"@Daily", "column 1: " NICKNAMES "'@Daily'"},
    {"@", "column 1: " NICKNAMES "'@'"},
    {"  @minutely", "column 3: " NICKNAMES "'@minutely'"},
    {"@daily 0 0 * * *", "column 8: expected nothing more, found '0'"},
    {"@reboot now", "column 9: expected nothing more, found 'now'"},
    {"@every", "column 7: expected a duration behind @every, like 90s, found nothing"},
    {"@every 1h 30m", "column 11: expected nothing more, found '30m'"},
    {"@every 9ms", "column 8: expected a duration of at least 10ms, found '9ms'"},
    {"@every 0", "column 8: expected a duration of at least 10ms, found '0'"},
    {"@every 5x", "column 8: duration \"5x\": expected numbers with d, h, m, s or ms, in this "
                  "order, like 1h30m or 250ms"},
    {"* * * * @daily", "day-of-week, column 9: expected 0 to 7 or SUN to SAT, found '@'"},
    /* what is not ASCII */
    {"\xc3\xa4 * * * *", "minute, column 1: expected 0 to 59, found '\xc3\xa4'"},
    {"1\xff * * * *", "minute, column 2: expected ',' or the end of the field, found '?'"},
    {"* * * * *\n", "day-of-week, column 10: expected ',' or the end of the field, found ' '"},
    {"*\xc2\xa0* * * *", "column 11: " FIELDS ", found 4"},
};

TEST(every_refusal_says_where_and_what)
{
    for (size_t i = 0; i < countof(refusals); i++) {
        struct error why = {0};
        struct cron c = {.every_ms = 77};

        if (cron_parse(span_of(refusals[i].expression), "x", &c, &why) != PINION_INVALID)
            fail_msg("'%s' is taken", refusals[i].expression);
        if (strcmp(why.text, refusals[i].why) != 0)
            fail_msg("'%s':\n%s, expected\n%s", refusals[i].expression, why.text, refusals[i].why);
        assert_int_equal(c.every_ms, 77); /* untouched */
        assert_int_equal(cron_parse(span_of(refusals[i].expression), "x", &c, NULL),
                         PINION_INVALID);
    }
}

TEST(length_has_a_limit)
{
    char text[CRON_TEXT_MAX + 2];
    struct error why = {0};
    struct cron c;

    memset(text, ' ', sizeof(text));
    memcpy(text, "* * * * *", 9);
    assert_int_equal(cron_parse((struct span){text, CRON_TEXT_MAX}, NULL, &c, &why), PINION_OK);
    assert_int_equal(cron_parse((struct span){text, CRON_TEXT_MAX + 1}, NULL, &c, &why),
                     PINION_INVALID);
    assert_string_equal(why.text, "cron: expected at most 512 bytes, found 513");
    assert_int_equal(cron_parse((struct span){NULL, 0}, NULL, &c, &why), PINION_INVALID);
    assert_int_equal(cron_parse((struct span){"* * * * *\0", 10}, NULL, &c, &why), PINION_INVALID);
}

static const struct words {
    const char *expression, *words;
} explained[] = {
    {"* * * * *", "every minute"},
    {"*/5 * * * *", "every 5 minutes"},
    {"0,30 * * * *", "every 30 minutes"},
    {"0 * * * *", "at minute 0 of every hour"},
    {"5,10 * * * *", "at minutes 5 and 10 of every hour"},
    {"*/7 * * * *", "at every 7th minute from 0 to 56 of every hour"},
    {"5-7,9 * * * *", "at minutes 5 to 7 and 9 of every hour"},
    {"*/90 * * * *", "at minute 0 of every hour"},
    {"0 0 * * *", "at 00:00 every day"},
    {"15 30 2 * * *", "at 02:30:15 every day"},
    {"0 6,18 * * *", "at 06:00 and 18:00 every day"},
    {"0,30 8-10 * * *", "at 08:00, 08:30, 09:00, 09:30, 10:00 and 10:30 every day"},
    {"0 */2 * * *", "every 2 hours from 00:00 to 22:00"},
    {"30 9-17 * * *", "every hour from 09:30 to 17:30"},
    {"*/15 9-17 * * 1-5", "every 15 minutes from 09:00 to 17:45 on Monday to Friday"},
    {"* 9 * * *", "every minute from 09:00 to 09:59"},
    {"*/5 9,14 * * *", "every 5 minutes of hours 9 and 14"},
    {"* */2 * * *", "every minute of every 2nd hour from 0 to 22"},
    {"5,10,15,20 1,5,6,20 * * *",
     "at every 5th minute from 5 to 20 of hours 1, 5, 6 and 20"},
    {"* * * * * *", "every second"},
    {"*/10 * * * * *", "every 10 seconds"},
    {"5 * * * * *", "at second 5 of every minute"},
    {"5 * 9-17 * * *", "at second 5 of every minute from 09:00 to 17:59:05"},
    {"*/10 * 9-17 * * *", "every 10 seconds from 09:00 to 17:59:50"},
    {"* 0,30 9-17 * * *", "every second of minutes 0 and 30 of hours 9 to 17"},
    {"30 */5 * * * *", "at second 30 of every 5th minute from 0 to 55 of every hour"},
    {"30 2 * MAR MON-FRI", "at 02:30 on Monday to Friday, in March"},
    {"0 0 1 1 *", "at 00:00 on the 1st of the month, in January"},
    {"0 0 2,3,11-13,21,22,23 * *",
     "at 00:00 on the 2nd, 3rd, 11th to 13th and 21st to 23rd of the month"},
    {"0 0 1,15,L * *", "at 00:00 on the 1st and 15th and the last day of the month"},
    {"0 0 L-1,L-3 * *",
     "at 00:00 on the day before the last and the day 3 days before the last of the month"},
    {"0 0 */2 * *", "at 00:00 on every 2nd day from the 1st to the 31st of the month"},
    {"0 0 15W * *",
     "at 00:00 on the weekday (Monday to Friday) nearest to the 15th of the month"},
    {"0 0 LW * *", "at 00:00 on the last weekday (Monday to Friday) of the month"},
    {"0 0 * * 0,6", "at 00:00 on Saturday and Sunday"},
    {"0 0 * * 5-7,1", "at 00:00 on Monday and Friday to Sunday"},
    {"0 0 * * MON#2", "at 00:00 on the 2nd Monday of the month"},
    {"0 0 * * 1#1,1#3,5L",
     "at 00:00 on the 1st Monday, the 3rd Monday and the last Friday of the month"},
    {"0 0 * * TUE,FRI#L", "at 00:00 on Tuesday and the last Friday of the month"},
    {"0 0 13 * FRI", "at 00:00 on the 13th of the month and also on Friday"},
    {"0 0 13 * +FRI", "at 00:00 on the 13th of the month, if that is Friday"},
    {"0 0 1-7 * +MON,TUE",
     "at 00:00 on the 1st to 7th of the month, if that is Monday or Tuesday"},
    {"0 0 1-31 * MON", "at 00:00 every day"},
    {"0 0 1-31 * +MON", "at 00:00 on Monday"},
    {"0 0 13 * 1-7", "at 00:00 every day"},
    {"0 0 13 * +1-7", "at 00:00 on the 13th of the month"},
    {"0 0 ? * ?", "at 00:00 every day"},
    {"* * * 6-8,12 *", "every minute, in June to August and December"},
    {"0 0 0 1 * * 2027-2030,2040",
     "at 00:00 on the 1st of the month, in 2027 to 2030 and 2040"},
    {"0 0 0 * * * 2030-2050/5", "at 00:00 every day, in every 5th year from 2030 to 2050"},
    {"0 0 0 * 1 * */100", "at 00:00 every day, in January, in 1970, 2070 and 2170"},
    {"0 0 30 2 *",
     "at 00:00 on the 30th of the month, in February: never, there is no such day"},
    {"@weekly", "at 00:00 on Sunday"},
    {"@hourly", "at minute 0 of every hour"},
    {"@reboot", "once, when a server starts"},
    {"@every 1h", "every hour"},
    {"@every 250ms", "every 250 milliseconds"},
    {"@every 1h30m", "every 1 hour and 30 minutes"},
    {"@every 1d1h1m1s1ms", "every 1 day, 1 hour, 1 minute, 1 second and 1 millisecond"},
};

TEST(explained_in_words)
{
    struct buffer out = BUFFER_INIT;

    for (size_t i = 0; i < countof(explained); i++) {
        struct error why = {0};
        struct cron c;

        if (cron_parse(span_of(explained[i].expression), "x", &c, &why))
            fail_msg("'%s': %s", explained[i].expression, why.text);
        buffer_clear(&out);
        cron_explain(&c, &out);
        if (strcmp(out.data, explained[i].words) != 0)
            fail_msg("'%s':\n%s, expected\n%s", explained[i].expression, out.data,
                     explained[i].words);
    }
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_says_where_and_what),
        cmocka_unit_test(length_has_a_limit),
        cmocka_unit_test(explained_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
