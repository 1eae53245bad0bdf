/* Zone files made by hand: sound ones, odd ones, and damaged ones. */
#include "scheduler/zone.h"
#include "tests/support/check.h"
#include "tests/unit/zone_checks.h"

#include <stdlib.h>
#include <string.h>

#define FAR (INT64_C(1) << 59)

static void assert_refused(const struct buffer *b, const char *words)
{
    struct error why = {0};
    struct zone *z = NULL;

    assert_int_equal(zone_parse("Test/Zone", b->data, b->len, &z, &why), PINION_INVALID);
    if (!strstr(why.text, words)) fail_msg("\"%s\" does not say \"%s\"", why.text, words);
    assert_non_null(strstr(why.text, "Test/Zone"));
    assert_null(z);
}

static void assert_refused_spec(const struct tzif *t, const char *words)
{
    struct buffer b = BUFFER_INIT;

    tzif_write(t, &b);
    assert_refused(&b, words);
    buffer_deinit(&b);
}

static const struct tzif three_changes = {
    .version = '2',
    .changes = {{1000 * DAY, 1}, {2000 * DAY, 2}, {3000 * DAY, 1}   },
    .changes_count = 3,
    .types = {{-HOUR, "LMT"},  {HOUR, "AAT"},   {3 * HOUR, "AAST"}},
    .types_count = 3,
};

TEST(a_table_without_footer_ends_with_its_last_change)
{
    struct zone *z = zone_of(&three_changes);

    assert_string_equal(zone_name(z), "Test/Zone");
    assert_offset(z, INT64_MIN, -HOUR, "LMT");
    assert_offset(z, 1000 * DAY - 1, -HOUR, "LMT");
    assert_offset(z, 1000 * DAY, HOUR, "AAT");
    assert_offset(z, 2500 * DAY, 3 * HOUR, "AAST");
    assert_offset(z, INT64_MAX, HOUR, "AAT");
    assert_change(z, 1000 * DAY, -HOUR, HOUR);
    assert_change(z, 2000 * DAY, HOUR, 3 * HOUR);
    assert_change(z, 3000 * DAY, 3 * HOUR, HOUR);
    assert_int_equal(zone_next_change(z, 3000 * DAY), ZONE_NEVER);
    assert_int_equal(zone_previous_change(z, 1000 * DAY - 1), -ZONE_NEVER);
    assert_int_equal(zone_next_change(z, INT64_MIN), 1000 * DAY);
    assert_int_equal(zone_previous_change(z, INT64_MAX), 3000 * DAY);
    assert_int_equal(zone_find(z, INT64_MAX).kind, ZONE_ONCE);
    assert_int_equal(zone_find(z, INT64_MIN).kind, ZONE_ONCE);
    assert_false(zone_is_stale(z));
    zone_free(z);
    zone_free(NULL);
}

TEST(all_versions_are_read)
{
    static const char versions[] = {'\0', '2', '3', '4'};

    for (size_t i = 0; i < sizeof versions; i++) {
        struct tzif t = three_changes;
        t.version = versions[i];
        t.flags = 3;
        struct zone *z = zone_of(&t);
        assert_change(z, 2000 * DAY, HOUR, 3 * HOUR);
        zone_free(z);
    }
    struct tzif t = three_changes;
    t.version = '1';
    assert_refused_spec(&t, "version 1 to 4");
    t.version = 'x';
    assert_refused_spec(&t, "version 1 to 4");
}

TEST(changes_of_the_name_alone_do_not_move_clocks)
{
    struct tzif t = {
        .version = '2',
        .changes = {{100 * DAY, 1}, {200 * DAY, 2}, {300 * DAY, 1}, {400 * DAY, 0}},
        .changes_count = 4,
        .types = {{0, "AAA"},              {0, "BBB"},                   {HOUR, "CCC"}         },
        .types_count = 3
    };
    struct zone *z = zone_of(&t);

    assert_offset(z, 100 * DAY, 0, "BBB");
    assert_int_equal(zone_next_change(z, 0), 200 * DAY);
    assert_int_equal(zone_previous_change(z, 150 * DAY), -ZONE_NEVER);
    assert_int_equal(zone_previous_change(z, 999 * DAY), 300 * DAY);
    assert_int_equal(zone_next_change(z, 300 * DAY), ZONE_NEVER);
    assert_once(z, 100 * DAY, 100 * DAY);
    zone_free(z);
}

/* No real zone does this: forth and back within one gap. Still nothing contradicts itself. */
TEST(changes_closer_than_their_size_are_answered_consistently)
{
    struct tzif t = {
        .version = '2',
        .changes = {{DAY, 1}, {DAY + 600, 0}, {DAY + 1200, 2}, {DAY + 1800, 0}},
        .changes_count = 4,
        .types = {{0, "AAA"},        {2 * HOUR, "BBB"},             {-2 * HOUR, "CCC"}   },
        .types_count = 3
    };
    struct zone *z = zone_of(&t);

    for (int64_t local = DAY - 5 * HOUR; local < DAY + 5 * HOUR; local += 60) {
        struct zone_moment m = zone_find(z, local);
        unsigned hits = 0;

        for (int64_t utc = DAY - 8 * HOUR; utc < DAY + 8 * HOUR; utc += 60)
            if (utc + zone_offset(z, utc, NULL) == local && hits++ == 0 && m.kind != ZONE_GAP)
                assert_int_equal(m.first, utc);
        assert_int_equal(m.kind, hits == 0 ? ZONE_GAP : hits == 1 ? ZONE_ONCE : ZONE_OVERLAP);
        if (m.kind == ZONE_GAP) {
            assert_true(m.first + m.before <= local && local < m.first + m.after);
            assert_int_equal(zone_previous_change(z, m.first), m.first);
        }
    }
    zone_free(z);
}

TEST(odd_files_are_refused_with_a_reason)
{
    struct tzif t = three_changes;

    t.changes[1].at = t.changes[0].at;
    assert_refused_spec(&t, "in order of time");
    t = three_changes;
    t.changes[0].at = -FAR - 1;
    assert_refused_spec(&t, "in order of time");
    t = three_changes;
    t.changes[2].at = FAR + 1;
    assert_refused_spec(&t, "in order of time");
    t = three_changes;
    t.changes[1].type = 3;
    assert_refused_spec(&t, "a kind that it does not have");
    t = three_changes;
    t.types[1].offset = 26 * HOUR + 1;
    assert_refused_spec(&t, "at most 26 hours");
    t.types[1].offset = -26 * HOUR - 1;
    assert_refused_spec(&t, "at most 26 hours");
    t = three_changes;
    t.types[0].name = "a\nb";
    assert_refused_spec(&t, "printable names");
    t.types[0].name = "sixteenletterspq";
    assert_refused_spec(&t, "short, printable names");
    t = three_changes;
    t.types_count = 0;
    t.changes_count = 0;
    assert_refused_spec(&t, "expected 1 to 256 kinds");
    t = three_changes;
    t.flags = 2;
    assert_refused_spec(&t, "contradict");
    t = three_changes;
    t.leaps = 1;
    assert_refused_spec(&t, "leap seconds");
}

TEST(limits_of_a_file_are_inclusive)
{
    struct tzif t = three_changes;

    t.changes[0].at = -FAR;
    t.changes[2].at = FAR;
    t.types[1].offset = 26 * HOUR;
    t.types[2].offset = -26 * HOUR;
    t.types[0].name = "fifteenletterso";
    struct zone *z = zone_of(&t);
    assert_offset(z, -FAR - 1, -HOUR, "fifteenletterso");
    assert_change(z, 2000 * DAY, 26 * HOUR, -26 * HOUR);
    zone_free(z);

    struct buffer b = BUFFER_INIT;
    tzif_write(&three_changes, &b);
    size_t used = b.len;
    memset(buffer_reserve(&b, ZONE_BYTES_MAX), 'x', ZONE_BYTES_MAX);
    b.len = ZONE_BYTES_MAX; /* what stands behind the rule is not ours to judge */
    assert_true(used < b.len);
    zone_free(zone_of_bytes(b.data, b.len));
    b.len++;
    assert_refused(&b, "at most 256 KiB");
    buffer_deinit(&b);
}

/* Copied to a block of exactly its length, so that reading one byte beyond it is noticed. */
static enum pinion_err try_bytes(const char *data, size_t len)
{
    char *exact = malloc(len ? len : 1);
    struct zone *z = NULL;
    struct error why = {0};

    assert_non_null(exact);
    memcpy(exact, data, len);
    enum pinion_err err = zone_parse("Test/Zone", len ? exact : NULL, len, &z, &why);
    if (!err) {
        for (int64_t utc = -4000 * DAY; utc < 4000 * DAY; utc += 777 * DAY) {
            struct zone_moment m = zone_find(z, utc + zone_offset(z, utc, NULL));
            assert_true(m.kind == ZONE_ONCE || m.kind == ZONE_OVERLAP);
            assert_true(zone_next_change(z, utc) > utc);
            assert_true(zone_previous_change(z, utc) <= utc);
        }
        zone_free(z);
    } else {
        assert_int_equal(err, PINION_INVALID);
        assert_string_not_equal(why.text, "");
    }
    free(exact);
    return err;
}

TEST(every_truncation_is_refused)
{
    struct tzif t = three_changes;

    t.footer = "CET-1CEST,M3.5.0,M10.5.0/3";
    for (int version = 0; version < 2; version++) {
        struct buffer b = BUFFER_INIT;

        if (version == 0) t.version = '\0';
        if (version == 1) t.version = '2';
        tzif_write(&t, &b);
        assert_int_equal(try_bytes(b.data, b.len), PINION_OK);
        for (size_t len = 0; len < b.len; len++)
            assert_int_equal(try_bytes(b.data, len), PINION_INVALID);
        buffer_deinit(&b);
    }
}

TEST(every_flipped_bit_is_survived)
{
    struct buffer b = BUFFER_INIT;
    struct tzif t = three_changes;
    size_t refused = 0;

    t.footer = "CET-1CEST,M3.5.0,M10.5.0/3";
    t.flags = 3;
    tzif_write(&t, &b);
    for (size_t i = 0; i < b.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
            if (try_bytes(b.data, b.len)) refused++;
            b.data[i] = (char)(b.data[i] ^ (1 << bit));
        }
        char kept = b.data[i];
        b.data[i] = (char)0xff;
        if (try_bytes(b.data, b.len)) refused++;
        b.data[i] = kept;
    }
    assert_true(refused > b.len);
    buffer_deinit(&b);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_without_footer_ends_with_its_last_change),
        cmocka_unit_test(all_versions_are_read),
        cmocka_unit_test(changes_of_the_name_alone_do_not_move_clocks),
        cmocka_unit_test(changes_closer_than_their_size_are_answered_consistently),
        cmocka_unit_test(odd_files_are_refused_with_a_reason),
        cmocka_unit_test(limits_of_a_file_are_inclusive),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
