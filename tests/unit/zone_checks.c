#include "tests/unit/zone_checks.h"
#include "tests/support/check.h"

#include "scheduler/civil.h"

int64_t when(int year, unsigned month, unsigned day, unsigned hour, unsigned minute)
{
    return civil_seconds((struct civil){year, month, day, hour, minute, 0});
}

struct zone *zone_of_bytes(const void *data, size_t len)
{
    struct error why = {0};
    struct zone *z = NULL;

    if (zone_parse("Test/Zone", data, len, &z, &why)) fail_msg("%s", why.text);
    return z;
}

struct zone *zone_of(const struct tzif *t)
{
    struct buffer b = BUFFER_INIT;

    tzif_write(t, &b);
    struct zone *z = zone_of_bytes(b.data, b.len);
    buffer_deinit(&b);
    return z;
}

struct zone *zone_with_footer(const char *footer)
{
    struct buffer b = BUFFER_INIT;

    tzif_write_footer(footer, &b);
    struct zone *z = zone_of_bytes(b.data, b.len);
    buffer_deinit(&b);
    return z;
}

struct zone *load_zone(const char *name)
{
    struct error why = {0};
    struct zone *z = NULL;

    if (zone_load(name, &z, &why)) fail_msg("%s", why.text);
    return z;
}

void assert_offset(const struct zone *z, int64_t utc, int32_t offset, const char *name)
{
    const char *abbreviation = NULL;

    assert_int_equal(zone_offset(z, utc, &abbreviation), offset);
    assert_string_equal(abbreviation, name);
    assert_int_equal(zone_offset(z, utc, NULL), offset);
}

void assert_once(const struct zone *z, int64_t local, int64_t utc)
{
    struct zone_moment m = zone_find(z, local);

    assert_int_equal(m.kind, ZONE_ONCE);
    assert_int_equal(m.first, utc);
}

void assert_change(const struct zone *z, int64_t at, int32_t before, int32_t after)
{
    int64_t low = at + (before < after ? before : after);
    int64_t high = at + (before < after ? after : before);

    assert_int_equal(zone_next_change(z, at - 1), at);
    assert_int_equal(zone_previous_change(z, at), at);
    assert_true(zone_previous_change(z, at - 1) < at);
    assert_true(zone_next_change(z, at) > at);
    assert_int_equal(zone_offset(z, at - 1, NULL), before);
    assert_int_equal(zone_offset(z, at, NULL), after);
    assert_once(z, low - 1, low - 1 - before);
    assert_once(z, high, high - after);
    for (int i = 0; i < 3; i++) {
        int64_t local = i == 0 ? low : i == 1 ? (low + high) / 2 : high - 1;
        struct zone_moment m = zone_find(z, local);

        assert_int_equal(m.kind, before < after ? ZONE_GAP : ZONE_OVERLAP);
        assert_int_equal(m.first, before < after ? at : local - before);
        if (m.kind == ZONE_OVERLAP) assert_int_equal(m.second, local - after);
        assert_int_equal(m.before, before);
        assert_int_equal(m.after, after);
    }
}
