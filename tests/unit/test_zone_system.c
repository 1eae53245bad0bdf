/* Every zone of the system against the C library, from 1970 to 2100: both read the same files, and
 * share no line of code. */
#include "scheduler/zone.h"
#include "tests/support/check.h"

#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/macros.h"
#include "base/memory.h"
#include "scheduler/civil.h"

#define FOLDER    "/usr/share/zoneinfo/"
#define DAY       INT64_C(86400)
#define FROM      INT64_C(0)
#define UNTIL     INT64_C(4102444800) /* 2100-01-01 */
#define GRID      (11 * DAY + 3607)   /* wanders through the hours of the day */
#define ZONES_MAX 2048
#define ZONES_MIN 300 /* fewer: this test looks at the wrong place */

static char *names[ZONES_MAX];
static size_t names_count;

static int on_file(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
    const char *name = path + strlen(FOLDER);
    char magic[4] = "";
    FILE *f;

    (void)s, (void)ftw;
    if (kind != FTW_F && kind != FTW_SL) return 0;
    if (strncmp(name, "right/", 6) == 0 || strncmp(name, "posix/", 6) == 0) return 0;
    f = fopen(path, "r"); /* links are zones, too */
    if (f && fread(magic, 1, 4, f) == 4 && memcmp(magic, "TZif", 4) == 0) {
        assert_true(names_count < ZONES_MAX);
        names[names_count++] = xstrdup(name);
    }
    if (f) fclose(f);
    return 0;
}

static void use(const char *name)
{
    char *tz = xasprintf(":%s", name);

    setenv("TZ", tz, 1);
    tzset();
    free(tz);
}

static struct zone *load(const char *name)
{
    struct error why = {0};
    struct zone *z = NULL;

    if (zone_load(name, &z, &why)) fail_msg("%s", why.text);
    return z;
}

static void compare(const struct zone *z, int64_t utc)
{
    time_t t = (time_t)utc;
    const char *abbreviation;
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    int32_t offset = zone_offset(z, utc, &abbreviation);
    if (offset != tm.tm_gmtoff || strcmp(abbreviation, tm.tm_zone) != 0)
        fail_msg("%s at %lld: %d %s, expected %ld %s", zone_name(z), (long long)utc, offset,
                 abbreviation, tm.tm_gmtoff, tm.tm_zone);
}

static struct tm tm_of(int64_t local)
{
    struct civil c = civil_of_seconds(local);

    return (struct tm){.tm_year = c.year - 1900,
                       .tm_mon = (int)c.month - 1,
                       .tm_mday = (int)c.day,
                       .tm_hour = (int)c.hour,
                       .tm_min = (int)c.minute,
                       .tm_sec = (int)c.second,
                       .tm_isdst = -1};
}

/* Of a time that comes twice, the C library gives one of both; of one that never comes, nothing
 * that it could be compared with. */
static void compare_local(const struct zone *z, int64_t local)
{
    struct zone_moment m = zone_find(z, local);
    struct tm tm = tm_of(local);
    int64_t utc = mktime(&tm);

    if (m.kind == ZONE_ONCE && utc != m.first)
        fail_msg("%s: local %lld is %lld, expected %lld", zone_name(z), (long long)local,
                 (long long)m.first, (long long)utc);
    if (m.kind == ZONE_OVERLAP) {
        assert_true(m.first < m.second);
        assert_true(utc == m.first || utc == m.second);
        assert_int_equal(m.first + zone_offset(z, m.first, NULL), local);
        assert_int_equal(m.second + zone_offset(z, m.second, NULL), local);
    }
}

static void compare_change(const struct zone *z, int64_t at)
{
    int32_t before = zone_offset(z, at - 1, NULL), after = zone_offset(z, at, NULL);
    int64_t low = at + (before < after ? before : after);
    int64_t high = at + (before < after ? after : before);
    const int64_t locals[] = {low - 1, low, (low + high) / 2, high - 1, high};

    for (int i = -1; i <= 1; i++) compare(z, at + i);
    assert_true(before != after);
    assert_int_equal(zone_previous_change(z, at), at);
    assert_int_equal(zone_next_change(z, at - 1), at);
    for (size_t i = 0; i < countof(locals); i++) {
        struct zone_moment m = zone_find(z, locals[i]);
        bool inside = locals[i] >= low && locals[i] < high;
        enum zone_local expected = before < after ? ZONE_GAP : ZONE_OVERLAP;

        assert_int_equal(m.kind, inside ? expected : ZONE_ONCE);
        if (inside) assert_int_equal(m.before, before);
        if (inside) assert_int_equal(m.after, after);
        if (m.kind == ZONE_GAP) assert_int_equal(m.first, at);
        if (m.kind == ZONE_OVERLAP) assert_int_equal(m.second - m.first, before - after);
        compare_local(z, locals[i]);
    }
}

static size_t compare_zone(const char *name)
{
    struct zone *z = load(name);
    size_t changes = 0;

    use(name);
    for (int64_t at = FROM; (at = zone_next_change(z, at)) < UNTIL; changes++)
        compare_change(z, at);
    for (int64_t t = FROM; t < UNTIL; t += GRID) {
        compare(z, t);
        if (t > FROM && t / GRID % 16 == 0) compare_local(z, t);
    }
    assert_false(zone_is_stale(z));
    zone_free(z);
    return changes;
}

TEST(all_zones_agree_with_the_c_library)
{
    size_t changes = 0;

    for (size_t i = 0; i < names_count; i++) changes += compare_zone(names[i]);
    print_message("%zu zones, %zu changes of their offset\n", names_count, changes);
    assert_true(changes > names_count * 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_zones_agree_with_the_c_library),
    };
    unsetenv("TZDIR");
    if (nftw(FOLDER, on_file, 16, FTW_PHYS) || names_count < ZONES_MIN) {
        fprintf(stderr, "%zu zones in %s, expected %d or more\n", names_count, FOLDER, ZONES_MIN);
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (size_t i = 0; i < names_count; i++) free(names[i]);
    return failed;
}
