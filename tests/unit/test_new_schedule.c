/* tests/unit/test_new_schedule.c — the shape "schedule", in and out: which key is whose, what is
 * refused and in what words. */
#include "control/new_schedule.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "control/schedule_words.h"
#include "control/zone_text.h"

static struct zone_cache *zones;

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

static struct new_schedule read_good(const char *json)
{
    struct new_schedule n = {0};
    struct error why = {0};

    if (new_schedule_read(span_of("nightly"), span_of(json), zones, &n, &why))
        fail_msg("%s: %s", json, why.text);
    return n;
}

TEST(each_key_goes_to_its_half)
{
    struct new_schedule n = read_good(
        "{\"name\":\"nightly\",\"cron\":\"30 2 * * *\",\"tz\":\"Europe/Berlin\",\"kind\":\"wc\","
        "\"payload\":{\"a\": 1.10},\"queue\":\"mail\",\"attempts_max\":3,\"expires_ms\":5000,"
        "\"overlap\":\"queue\",\"fires\":7,\"history\":[{}],\"lease_ms\":null}");
    struct schedule_set set = new_schedule_set(&n, 1795428000000);

    assert_string_equal(
        n.timing, "{\"cron\":\"30 2 * * *\",\"overlap\":\"queue\",\"tz\":\"Europe/Berlin\"}");
    assert_string_equal(n.job.job.kind, "wc");
    assert_string_equal(n.job.job.queue, "mail");
    assert_int_equal(n.job.job.payload_len, 10);
    assert_memory_equal(n.job.job.payload, "{\"a\":1.10}", 10); /* its text, not its value */
    assert_int_equal(n.job.job.attempts_max, 3);
    assert_int_equal(n.job.job.expires_ms, 5000);
    assert_true(span_is(set.name, "nightly"));
    assert_true(set.next_ms > 1795428000000);
    new_schedule_deinit(&n);
}

TEST(defaults_that_are_said_make_the_same_schedule)
{
    struct new_schedule said = read_good(
        "{\"every_ms\":1000,\"kind\":\"a\",\"overlap\":\"skip\",\"catch_up\":\"one\","
        "\"priority\":5,"
        "\"attempts_max\":25,\"timeout_ms\":3600000,\"backoff\":\"exponential\",\"tz\":null,"
        "\"paused\":false,\"jitter_ms\":0}");
    struct new_schedule silent = read_good("{\"every_ms\":1000,\"kind\":\"a\"}");
    struct buffer a = BUFFER_INIT, b = BUFFER_INIT;

    assert_string_equal(said.timing, silent.timing);
    job_add_template(&a, &said.job.job, span_of("nightly"));
    job_add_template(&b, &silent.job.job, span_of("nightly"));
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buffer_deinit(&a);
    buffer_deinit(&b);
    new_schedule_deinit(&said);
    new_schedule_deinit(&silent);
}

TEST(what_is_wrong_is_said)
{
    static const struct { const char *json, *words; } rows[] = {
        {"", "expected a JSON object"},
        {"[]", "expected a JSON object"},
        {"{\"every_ms\":1000,\"kind\":\"a\"} x", "column"},
        {"{\"every_ms\":1000 \"kind\":\"a\"}", "expected a , or }"},
        {"{every_ms:1}", "a key in quotes"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"colour\":1}", "key colour is unknown"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"id\":\"x\"}", "key id: not in a schedule"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"unique\":\"x\"}",
         "key unique: not in a schedule: expected overlap"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"run_at\":null}", "key run_at: not in a schedule"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"name\":\"other\"}", "expected \"nightly\""},
        {"{\"every_ms\":1000,\"every_ms\":2000,\"kind\":\"a\"}", "every_ms"},
        {"{\"every_ms\":1000,\"kind\":\"a\",\"kind\":\"b\"}", "kind stands there twice"},
        {"{\"every_ms\":1000}", "no kind"},
        {"{\"kind\":\"a\"}", "expected one of them"},
        {"{\"kind\":\"a\",\"every_ms\":1000,\"cron\":\"* * * * *\"}", "expected one of them"},
        {"{\"kind\":\"a\",\"every_ms\":-5}", "every_ms"},
        {"{\"kind\":\"a\",\"cron\":\"* * *\"}", "key cron: "},
        {"{\"kind\":\"a\",\"cron\":\"* * * * *\",\"tz\":\"Europe/Berln\"}", "Europe/Berlin?"},
        {"{\"kind\":\"a\",\"every_ms\":1000,\"start\":\"2026-11-23T10:00:00Z\","
         "\"end\":\"2026-11-22T10:00:00Z\"}", "key end: expected a time after `start`"},
        {"{\"kind\":\"a\",\"every_ms\":1000,\"backoff\":\"never\"}", "backoff"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        struct new_schedule n = {.timing = (char *)(uintptr_t)1};
        struct error why = {0};
        enum pinion_err err =
            new_schedule_read(span_of("nightly"), span_of(rows[i].json), zones, &n, &why);
        if (err != PINION_INVALID) fail_msg("%s: taken", rows[i].json);
        if (!strstr(why.text, rows[i].words)) fail_msg("%s: %s", rows[i].json, why.text);
        assert_ptr_equal(n.timing, (char *)(uintptr_t)1);
    }
}

TEST(names_are_those_of_queues)
{
    char at_limit[65], beyond[66], huge[10001];
    static const char *const bad[] = {"", "a/b", "a b", "a:b", "\xc3\xa4"};
    struct error why;

    memset(at_limit, 'a', 64), at_limit[64] = '\0';
    memset(beyond, 'a', 65), beyond[65] = '\0';
    memset(huge, 'a', 10000), huge[10000] = '\0';
    assert_int_equal(schedule_name_check(span_of(at_limit), &why), PINION_OK);
    assert_int_equal(schedule_name_check(span_of(beyond), &why), PINION_INVALID);
    assert_int_equal(schedule_name_check(span_of(huge), &why), PINION_INVALID);
    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(schedule_name_check(span_of(bad[i]), &why), PINION_INVALID);
}

/* ---- out ------------------------------------------------------------------------------------- */

TEST(a_shape_says_all_and_may_be_sent_back)
{
    static const char *const keys[] = {"name", "cron", "tz", "dst", "overlap", "catch_up",
                                       "jitter_ms", "paused", "kind", "payload", "queue",
                                       "last_fire", "next_fire", "fires"};
    struct new_schedule n =
        read_good("{\"cron\":\"30 2 * * *\",\"kind\":\"wc\",\"payload\":\"x\",\"expires_ms\":9}");
    struct buffer record = BUFFER_INIT;
    struct schedule_view v = {.name = span_of("nightly"), .timing = span_of(n.timing),
                              .next_ms = SCHEDULE_NEVER, .revision = 4, .fires = 2,
                              .last_job = span_of("j-1"), .last_fire_ms = 1795428000000};

    job_add_template(&record, &n.job.job, v.name);
    buffer_add(&record, n.job.job.payload, n.job.job.payload_len);
    v.record = (struct span){record.data, record.len};
    json_t *o = shape_schedule(&v, span_of("mail"), true), *poor;
    for (size_t i = 0; i < countof(keys); i++)
        if (!json_object_get(o, keys[i])) fail_msg("no %s", keys[i]);
    assert_string_equal(json_string_value(json_object_get(o, "tz")), "UTC");
    assert_string_equal(json_string_value(json_object_get(o, "last_job")), "mail:j-1");
    assert_string_equal(json_string_value(json_object_get(o, "last_fire")),
                        "2026-11-23T10:00:00.000Z");
    assert_int_equal(json_integer_value(json_object_get(o, "expires_ms")), 9);
    assert_true(json_is_null(json_object_get(o, "next_fire")));
    char *text = json_dumps(o, 0);
    struct new_schedule again = read_good(text);
    assert_string_equal(again.timing, n.timing);
    assert_string_equal(again.job.job.queue, "mail");
    assert_int_equal(again.job.job.expires_ms, 9);
    poor = shape_schedule(&v, span_of("mail"), false);
    assert_null(json_object_get(poor, "payload"));
    json_decref(poor);
    json_decref(o);
    free(text);
    buffer_deinit(&record);
    new_schedule_deinit(&again);
    new_schedule_deinit(&n);
}

TEST(a_fire_tells_how_late_it_was)
{
    json_t *o = shape_fire(span_of("{\"fire_time\":1795428000000,\"fired_at\":1795428000012,"
                                   "\"outcome\":\"fired\",\"job\":\"j\",\"missed\":0,"
                                   "\"end\":\"done\"}"),
                           span_of("mail"));
    json_t *bad = shape_fire(span_of("not json"), span_of("mail"));
    json_t *by_hand = shape_fire(span_of("{\"fire_time\":1,\"fired_at\":1795428000012,"
                                         "\"outcome\":\"backfilled\",\"job\":null,\"missed\":0}"),
                                 span_of("mail"));

    assert_int_equal(json_integer_value(json_object_get(o, "lateness_ms")), 12);
    assert_string_equal(json_string_value(json_object_get(o, "job")), "mail:j");
    assert_string_equal(json_string_value(json_object_get(o, "end")), "done");
    assert_true(json_is_null(bad));
    assert_true(json_is_null(json_object_get(by_hand, "lateness_ms")));
    assert_true(json_is_null(json_object_get(by_hand, "job")));
    json_decref(o);
    json_decref(bad);
    json_decref(by_hand);
}

/* ---- words and times ------------------------------------------------------------------------- */

TEST(each_word_is_taken_or_refused_by_name)
{
    static const struct { const char *word, *value, *expected; } rows[] = {
        {"every", "1m30s", "{\"every_ms\":90000}"},
        {"catch-up", "all", "{\"catch_up\":\"all\"}"},
        {"limit", "3", "{\"limit\":3}"},
        {"at", "2026-11-23T10:00:00+01:00", "{\"at\":\"2026-11-23T09:00:00.000Z\"}"},
        {"paused", "yes", "{\"paused\":true}"},
        {"every", "9ms", NULL}, {"every", "-5s", NULL}, {"every", "", NULL},
        {"limit", "0", NULL},   {"limit", "x", NULL},   {"at", "noon", NULL},
        {"paused", "1", NULL},  {"colour", "red", NULL},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        json_t *o = json_object();
        struct error why = {0};
        bool good = !schedule_word_add(o, rows[i].word, rows[i].value, 0, &why);
        char *text = json_dumps(o, JSON_COMPACT);
        if (good != (rows[i].expected != NULL)) fail_msg("%s %s", rows[i].word, rows[i].value);
        if (good) assert_string_equal(text, rows[i].expected);
        else if (!strstr(why.text, rows[i].word)) fail_msg("%s", why.text);
        free(text);
        json_decref(o);
    }
}

TEST(times_of_a_zone_are_read_and_written)
{
    static const struct { const char *text, *expected; } rows[] = {
        {"2026-03-29T00:00:00Z", "2026-03-29T01:00:00+01:00"},
        {"2026-03-29 03:30", "2026-03-29T03:30:00+02:00"},
        {"2026-03-29", "2026-03-29T00:00:00+01:00"},
        {"2026-03-29T12:00:00-05:00", "2026-03-29T19:00:00+02:00"},
        {"2026-10-25 02:30", "2026-10-25T02:30:00+02:00"}, /* the first of two */
        {"2026-03-29 02:30", NULL},                         /* the clocks jump over it */
        {"10:15", "2026-11-24T10:15:00+01:00"},
        {"2026-02-30", NULL}, {"soon", NULL}, {"", NULL}, {"Z", NULL},
    };
    const struct zone *berlin;
    char text[TIME_TEXT_MAX];

    assert_int_equal(zone_cache_get(zones, "Europe/Berlin", &berlin, NULL), PINION_OK);
    for (size_t i = 0; i < countof(rows); i++) {
        int64_t ms = 0;
        bool good = !zone_time_parse(span_of(rows[i].text), berlin, 1795428000000, &ms, NULL);
        if (good != (rows[i].expected != NULL)) fail_msg("%s", rows[i].text);
        if (good) assert_string_equal(zone_text(berlin, ms, text), rows[i].expected);
    }
    assert_string_equal(zone_text(berlin, 1795428000250, text), "2026-11-23T11:00:00.250+01:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_key_goes_to_its_half),
        cmocka_unit_test(defaults_that_are_said_make_the_same_schedule),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(names_are_those_of_queues),
        cmocka_unit_test(a_shape_says_all_and_may_be_sent_back),
        cmocka_unit_test(a_fire_tells_how_late_it_was),
        cmocka_unit_test(each_word_is_taken_or_refused_by_name),
        cmocka_unit_test(times_of_a_zone_are_read_and_written),
    };

    return cmocka_run_group_tests(tests, open_zones, close_zones);
}
