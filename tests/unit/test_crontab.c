/* tests/unit/test_crontab.c — what each line of a crontab becomes, and what is said of it. */
#include "control/crontab.h"
#include "tests/support/check.h"

#include <string.h>
#include "base/macros.h"

static struct zone_cache *zones;

static struct crontab read(const char *text, bool system)
{
    struct crontab_options options = {.system = system, .tz = "Europe/Berlin"};
    struct crontab c;
    struct error why;

    assert_int_equal(crontab_read(span_of(text), &options, zones, &c, &why), PINION_OK);
    return c;
}

static bool payload_is(const struct crontab *c, size_t i, const char *expected)
{
    const struct pinion_job *j = &c->entries[i].schedule.job.job;

    return j->payload_len == strlen(expected) && !memcmp(j->payload, expected, j->payload_len);
}

TEST(a_line_becomes_a_schedule_as_cron_would_run_it)
{
    struct crontab c = read("# nightly\n\n30 2 * * 1-5\t/opt/bin/backup --all\n", false);
    const struct new_schedule *s = &c.entries[0].schedule;

    assert_int_equal(c.count, 1);
    assert_int_equal(c.notes_count, 0);
    assert_int_equal(c.entries[0].line, 3);
    assert_int_equal(strncmp(c.entries[0].name, "backup-", 7), 0);
    assert_string_equal(s->timing, "{\"catch_up\":\"none\",\"cron\":\"30 2 * * 1-5\","
                                   "\"overlap\":\"allow\",\"tz\":\"Europe/Berlin\"}");
    assert_string_equal(s->job.job.kind, "pinion.exec");
    assert_int_equal(s->job.job.attempts_max, 1);
    assert_true(payload_is(&c, 0, "{\"argv\":[\"/bin/sh\",\"-c\",\"/opt/bin/backup --all\"]}"));
    crontab_deinit(&c);
}

TEST(percent_begins_stdin)
{
    static const struct { const char *line, *payload; } rows[] = {
        {"0 0 * * * mail a%one%two", "{\"argv\":[\"/bin/sh\",\"-c\",\"mail a\"],"
                                     "\"stdin\":\"one\\ntwo\\n\"}"},
        {"0 0 * * * date +\\%F", "{\"argv\":[\"/bin/sh\",\"-c\",\"date +%F\"]}"},
        {"0 0 * * * a\\%b%c\\%d", "{\"argv\":[\"/bin/sh\",\"-c\",\"a%b\"],\"stdin\":\"c%d\\n\"}"},
        {"0 0 * * * a%", "{\"argv\":[\"/bin/sh\",\"-c\",\"a\"]}"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct crontab c = read(rows[i].line, false);
        if (c.count != 1 || !payload_is(&c, 0, rows[i].payload)) fail_msg("%s", rows[i].line);
        crontab_deinit(&c);
    }
}

TEST(settings_hold_for_the_lines_below)
{
    struct crontab c = read("@daily one\nSHELL = /bin/bash\nPATH=/opt/bin:/bin\nA=\"x y\"\n"
                            "CRON_TZ=America/New_York\nRANDOM_DELAY=10\nMAILTO=me\n@daily two\n",
                            false);

    assert_int_equal(c.count, 2);
    assert_int_equal(c.bad_count, 0);
    assert_true(payload_is(&c, 0, "{\"argv\":[\"/bin/sh\",\"-c\",\"one\"]}"));
    assert_true(payload_is(&c, 1, "{\"argv\":[\"/bin/bash\",\"-c\",\"two\"],"
                                  "\"env\":{\"PATH\":\"/opt/bin:/bin\",\"A\":\"x y\"}}"));
    assert_non_null(strstr(c.entries[1].schedule.timing, "\"tz\":\"America/New_York\""));
    assert_non_null(strstr(c.entries[1].schedule.timing, "\"jitter_ms\":600000"));
    assert_int_equal(c.notes_count, 1);
    assert_int_equal(c.notes[0].line, 7);
    assert_non_null(strstr(c.notes[0].text, "--on-dead"));
    crontab_deinit(&c);
}

TEST(variables_that_no_job_can_have)
{
    struct buffer text = BUFFER_INIT;
    struct crontab c;

    buffer_add_text(&text, "PINION_KIND=x\n");
    for (int i = 0; i < PROGRAM_ENV_MAX + 1; i++) buffer_printf(&text, "V%d=x\n", i);
    buffer_add_text(&text, "V0=again\n@daily x\n");
    c = read(text.data, false);
    assert_int_equal(c.bad_count, 2);
    assert_int_equal(c.notes[0].line, 1);
    assert_non_null(strstr(c.notes[0].text, "does not begin with PINION_"));
    assert_int_equal(c.notes[1].line, PROGRAM_ENV_MAX + 2);
    assert_non_null(strstr(c.notes[1].text, "expected at most 64 variables"));
    assert_int_equal(c.count, 1);
    crontab_deinit(&c);
    buffer_deinit(&text);
}

TEST(a_system_crontab_has_users)
{
    struct crontab c =
        read("0 0 * * * root /usr/bin/tidy\n@reboot www start\n0 0 * * * root\n", true);

    assert_int_equal(c.count, 2);
    assert_true(payload_is(&c, 1, "{\"argv\":[\"/bin/sh\",\"-c\",\"start\"]}"));
    assert_int_equal(c.bad_count, 1);
    assert_int_equal(c.notes_count, 3);
    assert_non_null(strstr(c.notes[0].text, "user root"));
    assert_int_equal(c.notes[2].line, 3);
    crontab_deinit(&c);
}

TEST(days_mean_what_they_mean_to_cron)
{
    static const struct { const char *line, *cron; } rows[] = {
        {"0 0 */2 * 1 x", "\"0 0 */2 * +1\""}, /* both, for one begins with a star */
        {"0 0 1 * */2 x", "\"0 0 1 * +*/2\""},
        {"0 0 1 * 1 x", "\"0 0 1 * 1\""},      /* either */
        {"0 0 */2 * * x", "\"0 0 */2 * *\""},
        {"0 0 * * */2 x", "\"0 0 * * */2\""},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct crontab c = read(rows[i].line, false);
        if (c.count != 1 || !strstr(c.entries[0].schedule.timing, rows[i].cron))
            fail_msg("%s: %s", rows[i].line, c.count ? c.entries[0].schedule.timing : "none");
        crontab_deinit(&c);
    }
}

TEST(bad_lines_are_told_with_their_numbers)
{
    struct crontab c = read("0 0 * * * good\n0 0 * *\n61 0 * * * bad\n@fortnightly x\n@daily\n"
                            "0 0 * * * \xc3\x28\nCRON_TZ=Nowhere/At\n0 0 * * * zone\n", false);
    static const unsigned lines[] = {2, 3, 4, 5, 6, 8};

    assert_int_equal(c.count, 1);
    assert_int_equal(c.bad_count, countof(lines));
    for (size_t i = 0; i < countof(lines); i++) assert_int_equal(c.notes[i].line, lines[i]);
    crontab_deinit(&c);
}

TEST(names_stay_when_lines_move_and_differ_when_lines_agree)
{
    struct crontab a = read("@daily /bin/x\n@daily /bin/x\n", false);
    struct crontab b = read("# above\n@hourly y\n@daily /bin/x\n", false);

    assert_string_equal(a.entries[0].name, b.entries[1].name);
    assert_string_not_equal(a.entries[0].name, a.entries[1].name);
    crontab_deinit(&a);
    crontab_deinit(&b);
}

static int open_zones(void **state)
{
    (void)state;
    zones = zone_cache_new();
    return 0;
}

static int close_zones(void **state)
{
    (void)state;
    zone_cache_free(zones);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_schedule_as_cron_would_run_it),
        cmocka_unit_test(percent_begins_stdin),
        cmocka_unit_test(settings_hold_for_the_lines_below),
        cmocka_unit_test(variables_that_no_job_can_have),
        cmocka_unit_test(a_system_crontab_has_users),
        cmocka_unit_test(days_mean_what_they_mean_to_cron),
        cmocka_unit_test(bad_lines_are_told_with_their_numbers),
        cmocka_unit_test(names_stay_when_lines_move_and_differ_when_lines_agree),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
