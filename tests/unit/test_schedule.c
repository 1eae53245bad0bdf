/* The timing of schedules: what is refused and in which words, what is due and what was missed. */
#include "scheduler/schedule.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/macros.h"
#include "base/time_text.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NOON   INT64_C(1795435200000) /* 2026-11-23T12:00:00Z */

static struct zone_cache *zones;

static int setup(void **state)
{
    (void)state;
    zones = zone_cache_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    zone_cache_free(zones);
    return 0;
}

static struct schedule *named(const char *name, const char *json)
{
    struct schedule *s = NULL;
    struct error why = {0};

    if (schedule_parse_text(span_of(name), span_of(json), zones, &s, &why))
        fail_msg("%s: %s", json, why.text);
    return s;
}

static struct schedule *parsed(const char *json)
{
    return named("nightly", json);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void assert_timing(const char *json, const char *expected)
{
    struct schedule *s = parsed(json);
    char *timing = schedule_timing(s);
    struct schedule *again = parsed(timing);
    char *same = schedule_timing(again);

    assert_string_equal(timing, expected);
    assert_string_equal(same, expected);
    free(timing);
    free(same);
    schedule_free(again);
    schedule_free(s);
}

TEST(every_key_is_read_and_written_the_same_way)
{
    assert_timing("{\"every_ms\":250}", "{\"every_ms\":250}");
    assert_timing("{\"every_ms\":1000,\"phase_ms\":999}", "{\"every_ms\":1000,\"phase_ms\":999}");
    assert_timing("{\"at\":\"2026-11-23T14:00:00+02:00\"}",
                  "{\"at\":\"2026-11-23T12:00:00.000Z\"}");
    assert_timing("{\"tz\":\"Europe/Berlin\",\"cron\":\"30 2 * * *\",\"dst\":\"both\"}",
                  "{\"cron\":\"30 2 * * *\",\"dst\":\"both\",\"tz\":\"Europe/Berlin\"}");
    assert_timing("{\"cron\":\"@every 90s\"}", "{\"every_ms\":90000}");
    assert_timing("{\"cron\":\"@reboot\"}", "{\"cron\":\"@reboot\"}");
    assert_timing("{\"limit\":3,\"end\":\"2027-01-01T00:00:00Z\",\"every_ms\":10,"
                  "\"start\":\"2026-01-01T00:00:00.5Z\",\"jitter_ms\":7,\"paused\":true}",
                  "{\"end\":\"2027-01-01T00:00:00.000Z\",\"every_ms\":10,\"jitter_ms\":7,"
                  "\"limit\":3,\"paused\":true,\"start\":\"2026-01-01T00:00:00.500Z\"}");
    assert_timing("{\"every_ms\":10,\"overlap\":\"queue\",\"catch_up\":\"all\",\"within_ms\":5}",
                  "{\"catch_up\":\"all\",\"every_ms\":10,\"overlap\":\"queue\",\"within_ms\":5}");
    assert_timing("{\"every_ms\":10,\"overlap\":\"replace\",\"catch_up\":\"none\"}",
                  "{\"catch_up\":\"none\",\"every_ms\":10,\"overlap\":\"replace\"}");
}

TEST(defaults_are_left_out)
{
    assert_timing("{\"every_ms\":10,\"tz\":\"UTC\",\"dst\":\"vixie\",\"overlap\":\"skip\","
                  "\"catch_up\":\"one\",\"jitter_ms\":0,\"phase_ms\":0,\"paused\":false}",
                  "{\"every_ms\":10}");
    assert_timing("{\"every_ms\":10,\"overlap\":\"allow\",\"catch_up\":\"all\","
                  "\"within_ms\":3600000}",
                  "{\"catch_up\":\"all\",\"every_ms\":10,\"overlap\":\"allow\"}");
}

static void assert_refused_of(struct span name, struct span json, enum pinion_err expected,
                              const char *words)
{
    struct schedule *s = NULL;
    struct error why = {0};

    if (schedule_parse_text(name, json, zones, &s, &why) != expected)
        fail_msg("%.*s: expected it to be refused as %s", (int)json.len, json.data, words);
    if (!strstr(why.text, words))
        fail_msg("%.*s: \"%s\" does not say \"%s\"", (int)json.len, json.data, why.text, words);
    assert_null(s);
}

TEST(bad_input_is_told_what_was_expected)
{
    static const struct {
        const char *json, *words;
    } bad[] = {
        {"", "a timing: column"},
        {"[]", "a timing: expected a JSON object"},
        {"{\"every_ms\":10", "a timing: column"},
        {"{\"every_ms\":10,\"every_ms\":10}", "duplicate"},
        {"{}", "`cron`, `every_ms` and `at`: expected one of them"},
        {"{\"every_ms\":1000,\"cron\":\"* * * * *\"}", "expected one of them"},
        {"{\"every_ms\":1000,\"at\":\"2026-11-23T10:00:00Z\"}", "expected one of them"},
        {"{\"cron\":\"* * * * *\",\"at\":\"2026-11-23T10:00:00Z\"}", "expected one of them"},
        {"{\"evry_ms\":1000}", "key evry_ms is unknown: expected cron, every_ms, at, tz"},
        {"{\"every_ms\":-5000}", "key every_ms: expected a whole number from 10 to"},
        {"{\"every_ms\":9}", "key every_ms: expected a whole number from 10 to"},
        {"{\"every_ms\":0}", "key every_ms: expected a whole number from 10 to"},
        {"{\"every_ms\":3153600000001}", "to 3153600000000"},
        {"{\"every_ms\":1e3}", "key every_ms: expected a whole number"},
        {"{\"every_ms\":\"10s\"}", "key every_ms: expected a whole number"},
        {"{\"every_ms\":null}", "key every_ms: expected a whole number"},
        {"{\"cron\":5}", "key cron: expected a string"},
        {"{\"cron\":\"61 * * * *\"}", "key cron: minute, column 1: expected"},
        {"{\"cron\":\"\"}", "key cron:"},
        {"{\"cron\":\"@every 9ms\"}", "key cron:"},
        {"{\"at\":5}", "key at: expected a time with its zone"},
        {"{\"at\":\"10:00\"}", "key at: expected a time with its zone"},
        {"{\"at\":\"2026-11-23 10:00:00\"}", "key at: expected a time with its zone"},
        {"{\"at\":\"2026-02-30T10:00:00Z\"}", "key at: expected a time with its zone"},
        {"{\"every_ms\":10,\"start\":\"soon\"}", "key start: expected a time with its zone"},
        {"{\"every_ms\":10,\"end\":\"\"}", "key end: expected a time with its zone"},
        {"{\"every_ms\":10,\"start\":\"2026-11-23T10:00:00Z\",\"end\":\"2026-11-23T10:00:00Z\"}",
         "key end: expected a time after `start`"},
        {"{\"every_ms\":10,\"start\":\"2026-11-23T10:00:00Z\",\"end\":\"2026-11-22T10:00:00Z\"}",
         "key end: expected a time after `start`"},
        {"{\"every_ms\":10,\"tz\":\"Europe/Berln\"}", "key tz: unknown time zone 'Europe/Berln'"},
        {"{\"cron\":\"* * * * *\",\"tz\":\"../../etc/passwd\"}", "key tz:"},
        {"{\"cron\":\"* * * * *\",\"tz\":1}", "key tz: expected a string"},
        {"{\"every_ms\":10,\"dst\":\"never\"}", "key dst:"},
        {"{\"every_ms\":10,\"overlap\":\"maybe\"}",
         "key overlap: expected skip, allow, queue or replace, found 'maybe'"},
        {"{\"every_ms\":10,\"overlap\":true}", "key overlap: expected a string"},
        {"{\"every_ms\":10,\"catch_up\":\"some\"}",
         "key catch_up: expected one, none or all, found 'some'"},
        {"{\"every_ms\":10,\"catch_up\":\"all\"}",
         "catch_up: all expects `overlap` allow or queue with it, for skip would drop"},
        {"{\"every_ms\":10,\"catch_up\":\"all\",\"overlap\":\"replace\"}",
         "for replace would drop"},
        {"{\"every_ms\":10,\"within_ms\":5}", "key within_ms: expected `catch_up` all with it"},
        {"{\"every_ms\":10,\"overlap\":\"allow\",\"catch_up\":\"all\",\"within_ms\":0}",
         "key within_ms: expected a whole number from 1"},
        {"{\"every_ms\":10,\"phase_ms\":10}",
         "key phase_ms: expected `every_ms` with it, and less"},
        {"{\"cron\":\"* * * * *\",\"phase_ms\":10}", "key phase_ms: expected `every_ms` with it"},
        {"{\"every_ms\":10,\"phase_ms\":-1}", "key phase_ms: expected a whole number from 0"},
        {"{\"every_ms\":10,\"jitter_ms\":86400001}", "from 0 to 86400000"},
        {"{\"every_ms\":10,\"jitter_ms\":-1}", "key jitter_ms: expected a whole number from 0"},
        {"{\"every_ms\":10,\"limit\":0}", "key limit: expected a whole number from 1"},
        {"{\"every_ms\":10,\"limit\":1000000001}", "from 1 to 1000000000"},
        {"{\"every_ms\":10,\"paused\":1}", "key paused: expected true or false"},
        {"{\"every_ms\":10,\"paused\":\"yes\"}", "key paused: expected true or false"},
    };

    for (size_t i = 0; i < countof(bad); i++)
        assert_refused_of(span_of("nightly"), span_of(bad[i].json), PINION_INVALID, bad[i].words);
}

TEST(names_have_an_alphabet)
{
    char long_name[66];

    memset(long_name, 'n', sizeof long_name);
    long_name[64] = '\0';
    schedule_free(named(long_name, "{\"every_ms\":10}"));
    long_name[64] = 'n';
    long_name[65] = '\0';
    assert_refused_of(span_of(long_name), span_of("{\"every_ms\":10}"), PINION_INVALID,
                      "expected 1 to 64 of A-Z a-z 0-9 . _ -");
    assert_refused_of(span_of("a/b"), span_of("{\"every_ms\":10}"), PINION_INVALID,
                      "schedule name 'a/b': expected 1 to 64");
    assert_refused_of(span_of(""), span_of("{\"every_ms\":10}"), PINION_INVALID,
                      "expected 1 to 64");
    assert_refused_of((struct span){0}, span_of("{\"every_ms\":10}"), PINION_INVALID,
                      "expected 1 to 64");
}

TEST(limits_hold_at_the_limit_and_one_past_it)
{
    char json[SCHEDULE_TIMING_MAX + 2];

    schedule_free(parsed("{\"every_ms\":10,\"limit\":1000000000,\"jitter_ms\":86400000}"));
    schedule_free(parsed("{\"every_ms\":3153600000000,\"phase_ms\":3153599999999}"));
    snprintf(json, sizeof json, "{\"every_ms\":10%*s}", SCHEDULE_TIMING_MAX - 15, "");
    assert_int_equal(strlen(json), SCHEDULE_TIMING_MAX);
    schedule_free(parsed(json));
    snprintf(json, sizeof json, "{\"every_ms\":10%*s}", SCHEDULE_TIMING_MAX - 14, "");
    assert_refused_of(span_of("n"), span_of(json), PINION_TOO_LARGE, "at most 4096");
}

TEST(same_times_are_known)
{
    static const struct {
        const char *a, *b;
        bool same;
    } pairs[] = {
        {"{\"every_ms\":90000}", "{\"cron\":\"@every 90s\"}", true},
        {"{\"every_ms\":90000}", "{\"every_ms\":90000,\"overlap\":\"allow\",\"paused\":true}",
         true},
        {"{\"every_ms\":90000}", "{\"every_ms\":90000,\"phase_ms\":1}", false},
        {"{\"every_ms\":90000}", "{\"every_ms\":90000,\"end\":\"2027-01-01T00:00:00Z\"}", false},
        {"{\"cron\":\"0 3 * * *\"}", "{\"cron\":\"0 3 * * *\",\"tz\":\"UTC\"}", true},
        {"{\"cron\":\"0 3 * * *\"}", "{\"cron\":\"0 3 * * *\",\"tz\":\"Asia/Tokyo\"}", false},
        {"{\"cron\":\"0 3 * * *\"}", "{\"cron\":\"0 3 * * *\",\"dst\":\"skip\"}", false},
        {"{\"cron\":\"0 3 * * *\"}", "{\"cron\":\"0 4 * * *\"}", false},
        {"{\"at\":\"2027-01-01T00:00:00Z\"}", "{\"at\":\"2027-01-01T01:00:00+01:00\"}", true},
        {"{\"at\":\"2027-01-01T00:00:00Z\"}", "{\"at\":\"2027-01-01T00:00:01Z\"}", false},
    };

    for (size_t i = 0; i < countof(pairs); i++) {
        struct schedule *a = parsed(pairs[i].a), *b = parsed(pairs[i].b);
        assert_int_equal(schedule_same_times(a, b), pairs[i].same);
        assert_int_equal(schedule_same_times(b, a), pairs[i].same);
        schedule_free(a);
        schedule_free(b);
    }
}

/* ---- times ----------------------------------------------------------------------------------- */

TEST(times_stay_between_start_and_end)
{
    struct schedule *s = parsed("{\"every_ms\":1000,\"start\":\"2026-11-23T12:00:00Z\","
                                "\"end\":\"2026-11-23T12:00:02Z\"}");

    assert_int_equal(schedule_next(s, 0), NOON);
    assert_int_equal(schedule_next(s, NOON - 1), NOON);
    assert_int_equal(schedule_next(s, NOON), NOON + SECOND);
    assert_int_equal(schedule_next(s, NOON + SECOND), RULE_NEVER); /* the end is exclusive */
    schedule_free(s);
}

TEST(a_reboot_has_no_times)
{
    struct schedule *s = parsed("{\"cron\":\"@reboot\"}");
    struct fire_item items[1];
    bool more = true;

    assert_true(s->reboot);
    assert_int_equal(schedule_next(s, 0), RULE_NEVER);
    assert_int_equal(schedule_due(s, 0, NOON, items, 1, &more), 0);
    assert_false(more);
    schedule_free(s);
}

TEST(jitter_is_the_same_for_all_and_never_reaches_the_next_time)
{
    struct schedule *s = parsed("{\"every_ms\":1000,\"jitter_ms\":86400000}");
    struct schedule *same = parsed("{\"every_ms\":1000,\"jitter_ms\":86400000}");
    struct schedule *other = named("other", "{\"every_ms\":1000,\"jitter_ms\":86400000}");
    unsigned differ = 0;

    for (int64_t at = NOON; at < NOON + 1000 * SECOND; at += SECOND) {
        int64_t fire = schedule_fire_ms(s, at);
        assert_true(fire >= at && fire < at + SECOND);
        assert_int_equal(fire, schedule_fire_ms(same, at));
        differ += fire != schedule_fire_ms(other, at);
    }
    assert_true(differ > 900);
    schedule_free(s);
    schedule_free(same);
    schedule_free(other);
}

/* ---- what is due ----------------------------------------------------------------------------- */

#define ITEMS_MAX 2000

/* As the timetable does: call by call, the last one's time is the next watermark. */
static size_t all_due(const struct schedule *s, int64_t watermark, int64_t now, size_t max,
                      struct fire_item *items)
{
    size_t count = 0;

    for (bool more = true; more;) {
        size_t got = schedule_due(s, watermark, now, items + count, max, &more);
        if (got) watermark = items[count + got - 1].at_ms;
        count += got;
        assert_true(count + max <= ITEMS_MAX);
        assert_true(got > 0 || !more);
    }
    return count;
}

TEST(catch_up_policies)
{
    static const struct {
        const char *json;
        int64_t watermark, now; /* against NOON */
        const char *expected;   /* T or M, seconds against NOON, +missed */
    } cases[] = {
        /* nothing is due, */
        {"{\"every_ms\":60000}", 0, 59 * SECOND, ""},
        {"{\"every_ms\":60000}", MINUTE, 30 * SECOND, ""},
        /* or just one, in time, */
        {"{\"every_ms\":60000}", 0, MINUTE, "T60+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"none\"}", 0, MINUTE + 5 * SECOND, "T60+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\"}", 0, MINUTE, "T60+0"},
        /* or one, late, */
        {"{\"every_ms\":60000}", 0, MINUTE + 50 * SECOND, "T60+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"none\"}", 0, MINUTE + 5 * SECOND + 1, "M60+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\"}", 0, MINUTE + 9 * SECOND,
         "T60+0"},
        /* or several, the last in time or late. */
        {"{\"every_ms\":60000}", 0, 4 * MINUTE, "T240+3"},
        {"{\"every_ms\":60000}", 0, 4 * MINUTE + 30 * SECOND, "T240+3"},
        {"{\"every_ms\":60000,\"catch_up\":\"none\"}", 0, 4 * MINUTE, "T240+3"},
        {"{\"every_ms\":60000,\"catch_up\":\"none\"}", 0, 4 * MINUTE + 30 * SECOND, "M240+3"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"queue\"}", 0, 4 * MINUTE,
         "T60+0 T120+0 T180+0 T240+0"},
        /* `all` looks back only so far: */
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\",\"within_ms\":120000}", 0,
         4 * MINUTE, "M60+0 T120+0 T180+0 T240+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\",\"within_ms\":119999}", 0,
         4 * MINUTE, "M120+1 T180+0 T240+0"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\",\"within_ms\":10}", 0,
         4 * MINUTE + 30 * SECOND, "M240+3"},
        {"{\"every_ms\":3600000,\"catch_up\":\"all\",\"overlap\":\"allow\"}", 0, 3 * HOUR,
         "M3600+0 T7200+0 T10800+0"},
        /* A cron expression does the same. */
        {"{\"cron\":\"* * * * *\"}", 0, 4 * MINUTE + 30 * SECOND, "T240+3"},
        {"{\"cron\":\"* * * * *\",\"catch_up\":\"none\"}", 0, 4 * MINUTE + 30 * SECOND, "M240+3"},
        {"{\"cron\":\"* * * * *\",\"catch_up\":\"all\",\"overlap\":\"allow\","
         "\"within_ms\":119999}",
         0, 4 * MINUTE, "M120+1 T180+0 T240+0"},
        /* Once. */
        {"{\"at\":\"2026-11-23T12:00:10Z\"}", 0, 9 * SECOND, ""},
        {"{\"at\":\"2026-11-23T12:00:10Z\"}", 0, DAY, "T10+0"},
        {"{\"at\":\"2026-11-23T12:00:10Z\",\"catch_up\":\"none\"}", 0, DAY, "M10+0"},
        {"{\"at\":\"2026-11-23T12:00:10Z\"}", 10 * SECOND, DAY, ""},
        /* What lies outside of start and end was not missed. */
        {"{\"every_ms\":60000,\"start\":\"2026-11-23T12:02:00Z\"}", 0, 4 * MINUTE, "T240+2"},
        {"{\"every_ms\":60000,\"end\":\"2026-11-23T12:03:00Z\"}", 0, 4 * MINUTE, "T120+1"},
        {"{\"cron\":\"* * * * *\",\"start\":\"2026-11-23T12:02:00Z\"}", 0, 4 * MINUTE, "T240+2"},
        {"{\"every_ms\":60000,\"catch_up\":\"all\",\"overlap\":\"allow\","
         "\"start\":\"2026-11-23T12:02:00Z\",\"end\":\"2026-11-23T12:04:00Z\"}",
         0, DAY, "M180+1"},
    };
    struct fire_item items[ITEMS_MAX];

    for (size_t i = 0; i < countof(cases); i++) {
        struct schedule *s = parsed(cases[i].json);
        for (size_t max = 1; max <= 64; max += 21) {
            char text[256] = "";
            size_t len = 0,
                   count = all_due(s, NOON + cases[i].watermark, NOON + cases[i].now, max, items);
            for (size_t k = 0; k < count; k++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%c%" PRId64 "+%" PRIu64,
                                        k ? " " : "", items[k].mode == FIRE_TICK ? 'T' : 'M',
                                        (items[k].at_ms - NOON) / SECOND, items[k].missed);
            if (strcmp(text, cases[i].expected) != 0)
                fail_msg("%s from %" PRId64 " to %" PRId64 ": %s, expected %s", cases[i].json,
                         cases[i].watermark, cases[i].now, text, cases[i].expected);
        }
        schedule_free(s);
    }
}

TEST(an_item_says_all_that_the_script_wants)
{
    struct schedule *s = parsed("{\"every_ms\":1000,\"overlap\":\"replace\",\"limit\":7,"
                                "\"end\":\"2026-11-23T12:00:02Z\"}");
    struct fire_item item;
    bool more;

    assert_int_equal(schedule_due(s, NOON - 1, NOON, &item, 1, &more), 1);
    assert_true(span_is(item.name, "nightly"));
    assert_int_equal(item.mode, FIRE_TICK);
    assert_int_equal(item.at_ms, NOON);
    assert_int_equal(item.next_ms, NOON + SECOND);
    assert_int_equal(item.limit, 7);
    assert_int_equal(item.overlap, OVERLAP_REPLACE);
    assert_int_equal(schedule_due(s, NOON, NOON + SECOND, &item, 1, &more), 1);
    assert_int_equal(item.next_ms, SCHEDULE_NEVER);
    schedule_free(s);
}

TEST(a_time_is_due_when_its_jitter_is_over)
{
    struct schedule *s = parsed("{\"every_ms\":60000,\"jitter_ms\":60000}");
    struct fire_item item;
    bool more;

    for (int64_t at = NOON; at < NOON + 100 * MINUTE; at += MINUTE) {
        int64_t fire = schedule_fire_ms(s, at);
        assert_int_equal(schedule_due(s, at - MINUTE, fire - 1, &item, 1, &more), 0);
        assert_int_equal(schedule_due(s, at - MINUTE, fire, &item, 1, &more), 1);
        assert_int_equal(item.at_ms, at);
        assert_int_equal(item.missed, 0);
    }
    schedule_free(s);
}

TEST(a_week_off_is_not_walked)
{
    struct schedule *fast = parsed("{\"every_ms\":10}"),
                    *cron = parsed("{\"cron\":\"* * * * * *\"}");
    struct schedule *all = parsed("{\"every_ms\":10,\"catch_up\":\"all\",\"overlap\":\"allow\","
                                  "\"within_ms\":86400000}");
    struct fire_item items[ITEMS_MAX];
    bool more;

    assert_int_equal(schedule_due(fast, NOON - 7 * DAY, NOON, items, 64, &more), 1);
    assert_int_equal(items[0].at_ms, NOON);
    assert_int_equal(items[0].missed, 7 * DAY / 10 - 1);
    assert_int_equal(schedule_due(cron, NOON - 7 * DAY, NOON, items, 64, &more), 1);
    assert_int_equal(items[0].missed, MISSED_COUNT_MAX); /* at least so many */
    assert_int_equal(all_due(all, NOON - 7 * DAY, NOON, 64, items), 1 + CATCH_UP_MAX);
    assert_int_equal(items[0].mode, FIRE_MISS);
    assert_int_equal(items[0].missed + 1 + CATCH_UP_MAX, 7 * DAY / 10);
    assert_int_equal(items[1].at_ms, NOON - (CATCH_UP_MAX - 1) * 10);
    assert_int_equal(items[CATCH_UP_MAX].at_ms, NOON);
    schedule_free(fast);
    schedule_free(cron);
    schedule_free(all);
}

/* ---- against a dumb twin --------------------------------------------------------------------- */

/* Every logical time between two, one after the other. */
static size_t enumerate(const struct schedule *s, int64_t after, int64_t last, int64_t *times,
                        size_t max)
{
    size_t count = 0;

    for (int64_t at = schedule_next(s, after); at <= last; at = schedule_next(s, at)) {
        assert_true(count < max);
        times[count++] = at;
    }
    return count;
}

static void check_due(struct prng *prng, const struct schedule *s)
{
    enum { TIMES_MAX = 5000 };
    static int64_t times[TIMES_MAX];
    struct fire_item items[ITEMS_MAX];
    int64_t now = NOON + (int64_t)prng_below(prng, DAY);
    int64_t watermark = now - (int64_t)prng_below(prng, 2 * HOUR);
    size_t due = 0, passed = 0, ticks = 0, count = all_due(s, watermark, now, 64, items);
    size_t known = enumerate(s, watermark, now, times, TIMES_MAX);

    while (due < known && schedule_fire_ms(s, times[due]) <= now) due++;
    for (size_t i = 0; i < count; i++) {
        passed += items[i].missed + 1;
        ticks += items[i].mode == FIRE_TICK;
        assert_true(passed <= due);
        assert_int_equal(items[i].at_ms, times[passed - 1]);
        assert_int_equal(items[i].next_ms, schedule_next(s, items[i].at_ms));
        if (s->catch_up == CATCH_UP_ALL && items[i].mode == FIRE_TICK)
            assert_int_equal(items[i].missed, 0);
    }
    assert_int_equal(passed, due); /* each once: fired or passed over */
    if (due && s->catch_up == CATCH_UP_ONE) assert_int_equal(ticks, 1);
    for (size_t i = 0; i < due && s->catch_up == CATCH_UP_ALL; i++)
        if (times[i] >= now - (int64_t)s->within_ms && due - i <= CATCH_UP_MAX) {
            assert_int_equal(ticks, due - i);
            break;
        }
}

TEST(each_time_is_fired_or_passed_over_once)
{
    static const char *const rules[] = {"\"every_ms\":7000", "\"every_ms\":61007,\"phase_ms\":13",
                                        "\"cron\":\"*/3 * * * *\"", "\"cron\":\"*/20 * * * * *\"",
                                        "\"every_ms\":3000"};
    static const char *const policies[] = {
        "", ",\"catch_up\":\"none\"", ",\"catch_up\":\"all\",\"overlap\":\"allow\"",
        ",\"catch_up\":\"all\",\"overlap\":\"allow\",\"within_ms\":600000"};
    struct prng prng = {property_seed("PINION_SCHEDULE_SEED")};

    for (int i = 0; i < 3000; i++) {
        char json[256], start[TIME_TEXT_MAX];
        int len = snprintf(json, sizeof json, "{%s%s", rules[prng_below(&prng, countof(rules))],
                           policies[prng_below(&prng, countof(policies))]);
        if (prng_below(&prng, 2))
            len += snprintf(json + len, sizeof json - (size_t)len, ",\"jitter_ms\":%d",
                            (int)prng_below(&prng, 90000));
        if (prng_below(&prng, 4) == 0)
            len += snprintf(json + len, sizeof json - (size_t)len, ",\"start\":\"%s\"",
                            time_format_utc(NOON + (int64_t)prng_below(&prng, DAY), start));
        if (prng_below(&prng, 4) == 0)
            len += snprintf(json + len, sizeof json - (size_t)len, ",\"end\":\"%s\"",
                            time_format_utc(NOON + DAY + (int64_t)prng_below(&prng, DAY), start));
        snprintf(json + len, sizeof json - (size_t)len, "}");
        struct schedule *s = parsed(json);
        check_due(&prng, s);
        schedule_free(s);
    }
}

/* As an update of the system's zones does: a new file takes the place of the old one. */
static void put_zone(const char *folder, const char *from)
{
    char source[PATH_MAX], temporary[PATH_MAX], path[PATH_MAX];
    char bytes[ZONE_BYTES_MAX];
    FILE *in, *out;
    size_t len;

    snprintf(source, sizeof source, "/usr/share/zoneinfo/%s", from);
    snprintf(temporary, sizeof temporary, "%s/new", folder);
    snprintf(path, sizeof path, "%s/Here", folder);
    assert_non_null(in = fopen(source, "rb"));
    assert_non_null(out = fopen(temporary, "wb"));
    len = fread(bytes, 1, sizeof bytes, in);
    assert_int_equal(fwrite(bytes, 1, len, out), len);
    fclose(in);
    fclose(out);
    assert_int_equal(rename(temporary, path), 0);
}

TEST(zones_are_read_once_and_read_again_when_they_change)
{
    struct zone_cache *own = zone_cache_new();
    char folder[] = "/tmp/pinion-zones-XXXXXX", path[PATH_MAX];
    const struct zone *before, *same, *after;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/Here", folder);
    setenv("TZDIR", folder, 1);
    put_zone(folder, "Asia/Tokyo");
    assert_int_equal(zone_cache_get(own, "Here", &before, NULL), PINION_OK);
    assert_int_equal(zone_cache_get(own, "Here", &same, NULL), PINION_OK);
    assert_ptr_equal(before, same);
    assert_false(zone_cache_refresh(own));

    assert_int_equal(unlink(path), 0); /* for a moment there is none */
    assert_false(zone_cache_refresh(own));
    assert_int_equal(zone_cache_get(own, "Here", &same, NULL), PINION_OK);
    assert_ptr_equal(before, same);

    put_zone(folder, "Asia/Kolkata");
    assert_true(zone_cache_refresh(own));
    assert_false(zone_cache_refresh(own));
    assert_int_equal(zone_cache_get(own, "Here", &after, NULL), PINION_OK);
    assert_int_equal(zone_offset(after, NOON / 1000, NULL), 5 * 3600 + 1800);
    assert_int_equal(zone_offset(before, NOON / 1000, NULL), 9 * 3600); /* stays valid */

    unsetenv("TZDIR");
    zone_cache_free(own);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_read_and_written_the_same_way),
        cmocka_unit_test(defaults_are_left_out),
        cmocka_unit_test(bad_input_is_told_what_was_expected),
        cmocka_unit_test(names_have_an_alphabet),
        cmocka_unit_test(limits_hold_at_the_limit_and_one_past_it),
        cmocka_unit_test(same_times_are_known),
        cmocka_unit_test(times_stay_between_start_and_end),
        cmocka_unit_test(a_reboot_has_no_times),
        cmocka_unit_test(jitter_is_the_same_for_all_and_never_reaches_the_next_time),
        cmocka_unit_test(catch_up_policies),
        cmocka_unit_test(an_item_says_all_that_the_script_wants),
        cmocka_unit_test(a_time_is_due_when_its_jitter_is_over),
        cmocka_unit_test(a_week_off_is_not_walked),
        cmocka_unit_test(each_time_is_fired_or_passed_over_once),
        cmocka_unit_test(zones_are_read_once_and_read_again_when_they_change),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
