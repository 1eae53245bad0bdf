/* Names of zones, the files behind them, and what the system is set to. */
#include "scheduler/zone.h"
#include "tests/support/check.h"
#include "tests/unit/zone_checks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/memory.h"

static void assert_unknown(const char *name, const char *words)
{
    struct error why = {0};
    struct zone *z = NULL;

    assert_int_equal(zone_load(name, &z, &why), PINION_INVALID);
    assert_null(z);
    if (!strstr(why.text, words))
        fail_msg("'%s': \"%s\" does not say \"%s\"", name, why.text, words);
}

TEST(an_unknown_name_is_told_the_nearest)
{
    assert_unknown("Europe/Berln", "unknown time zone 'Europe/Berln': did you mean Europe/Berlin?");
    assert_unknown("europe/berlin", "did you mean Europe/Berlin?");
    assert_unknown("America/New York", "did you mean America/New_York?");
    assert_unknown("New York", "did you mean America/New_York?");
    assert_unknown("Berlin", "did you mean Europe/Berlin?");
    assert_unknown("Eruope/Paris", "did you mean Europe/Paris?");
    assert_unknown("utc", "did you mean ");
    assert_unknown("", "expected a name such as Europe/Berlin, UTC, or local");
    assert_unknown("Middle-earth/Minas_Tirith", "expected a name such as");
    assert_unknown("Europe", "unknown time zone");
}

TEST(names_do_not_leave_the_folder)
{
    static const char *const bad[] = {
        "/etc/localtime",  "../zoneinfo/UTC", "Europe/../UTC",  "..",
        "Europe/./Berlin", ".hidden",         "Europe//Berlin", "Europe/Berlin/",
        "Europe/Berlin/x", "Europe\nBerlin"};
    char name[ZONE_NAME_MAX + 2];

    for (size_t i = 0; i < countof(bad); i++) assert_unknown(bad[i], "unknown time zone");
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_unknown(name, "unknown time zone");
    name[sizeof name - 2] = '\0';
    assert_unknown(name, "unknown time zone");
    assert_unknown("tzdata.zi", "expected a TZif file");
    assert_unknown("zone1970.tab", "expected a TZif file");
}
/* ---- a folder of our own ---- */

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pinion-zones-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    setenv("TZDIR", folder, 1);
    return 0;
}

static char *path_of(const char *name)
{
    return xasprintf("%s/%s", folder, name);
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"Mine", "Other", "New", "Fifo"};

    (void)state;
    for (size_t i = 0; i < countof(names); i++) {
        char *path = path_of(names[i]);
        unlink(path);
        free(path);
    }
    unsetenv("TZDIR");
    unsetenv("TZ");
    return rmdir(folder);
}

static void write_zone(const char *name, const char *footer)
{
    struct buffer b = BUFFER_INIT;
    char *path = path_of(name);
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    tzif_write_footer(footer, &b);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    fclose(f);
    buffer_deinit(&b);
    free(path);
}

TEST(another_file_makes_a_zone_stale)
{
    char *mine = path_of("Mine"), *new = path_of("New");
    struct zone *z;

    write_zone("Mine", "AAA-1");
    z = load_zone("Mine");
    assert_false(zone_is_stale(z));
    write_zone("New", "AAA-2"); /* as packages do it: a new file, then renamed */
    assert_false(zone_is_stale(z));
    assert_int_equal(rename(new, mine), 0);
    assert_true(zone_is_stale(z));
    zone_free(z);

    z = load_zone("Mine");
    assert_offset(z, 0, 2 * HOUR, "AAA");
    assert_false(zone_is_stale(z));
    write_zone("Mine", "AAAA-3"); /* in place, and longer */
    assert_true(zone_is_stale(z));
    assert_int_equal(unlink(mine), 0);
    assert_false(zone_is_stale(z));
    zone_free(z);

    write_zone("Other", "AAA-1");
    assert_int_equal(symlink("Other", mine), 0);
    z = load_zone("Mine");
    write_zone("New", "AAA-2");
    assert_int_equal(unlink(mine), 0);
    assert_int_equal(symlink("New", mine), 0);
    assert_true(zone_is_stale(z)); /* the link leads elsewhere */
    zone_free(z);
    free(mine);
    free(new);
}

TEST(what_is_no_zone_file_does_not_stop_us)
{
    char *fifo = path_of("Fifo");

    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_unknown("Fifo", "unknown time zone");
    write_zone("Mine", "no rule");
    assert_unknown("Mine", "expected a rule such as");
    setenv("TZDIR", "/nowhere", 1);
    assert_unknown("Mine", "no zone files in /nowhere");
    zone_free(load_zone("UTC")); /* needs no file */
    free(fifo);
}

TEST(local_is_what_TZ_says)
{
    static const struct {
        const char *tz, *name;
        int32_t offset;
    } cases[] = {
        {"Mine",    "Mine",    5 * HOUR},
        {":Mine",   "Mine",    5 * HOUR},
        {"",        "UTC",     0       },
        {":",       "UTC",     0       },
        {"UTC",     "UTC",     0       },
        {"<+03>-3", "<+03>-3", 3 * HOUR},
        {"ABC-7",   "ABC-7",   7 * HOUR},
    };

    write_zone("Mine", "AAA-5");
    for (size_t i = 0; i < countof(cases); i++) {
        setenv("TZ", cases[i].tz, 1);
        struct zone *z = load_zone("local");
        assert_string_equal(zone_name(z), cases[i].name);
        assert_int_equal(zone_offset(z, 0, NULL), cases[i].offset);
        zone_free(z);
    }
    char *path = path_of("Mine");
    setenv("TZ", path, 1);
    struct zone *z = load_zone("local");
    assert_int_equal(zone_offset(z, 0, NULL), 5 * HOUR);
    zone_free(z);
    free(path);
    setenv("TZ", "Mien", 1);
    assert_unknown("local", "unknown time zone 'Mien'");
}

TEST(local_without_TZ_is_the_systems)
{
    time_t t = 1700000000;
    struct tm tm;

    unsetenv("TZ");
    tzset();
    assert_non_null(localtime_r(&t, &tm));
    struct zone *z = load_zone("local");
    assert_int_equal(zone_offset(z, t, NULL), tm.tm_gmtoff);
    assert_string_not_equal(zone_name(z), "");
    assert_false(zone_is_stale(z));
    zone_free(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unknown_name_is_told_the_nearest),
        cmocka_unit_test(names_do_not_leave_the_folder),
        cmocka_unit_test_setup_teardown(another_file_makes_a_zone_stale, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_is_no_zone_file_does_not_stop_us, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(local_is_what_TZ_says, make_folder, remove_folder),
        cmocka_unit_test(local_without_TZ_is_the_systems),
    };
    unsetenv("TZDIR");
    unsetenv("TZ");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
