/* tests/unit/test_new_job.c — the shape "new job": each key, each bound, each refusal in words. */
#include "control/new_job.h"
#include "queue/job.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/base64.h"
#include "base/macros.h"
#include "base/memory.h"
#include "base/time_text.h"

static const struct pinion_job nothing;

/* The job must be good. */
static struct new_job read_good(const char *json, const struct pinion_job *defaults)
{
    struct new_job job = {0};
    struct error why = {0};

    if (new_job_read(span_of(json), defaults, &job, &why)) fail_msg("%s: %s", json, why.text);
    return job;
}

/* The job must be refused, with `words` in the reason, and nothing be touched. */
static void refuse(const char *json, enum pinion_err code, const char *words)
{
    struct new_job job = {.text = (char *)(uintptr_t)1};
    struct error why = {0};

    if (new_job_read(span_of(json), NULL, &job, &why) != code) fail_msg("%s: %s", json, why.text);
    if (!strstr(why.text, words)) fail_msg("%s: %s: expected %s", json, why.text, words);
    assert_int_equal(why.code, code);
    assert_ptr_equal(job.text, (char *)(uintptr_t)1);
}

/* ID,ID,... and what is said of so many. */
static enum pinion_err check_parents(int count, char *text, size_t size)
{
    struct buffer after = BUFFER_INIT;
    struct error why = {0};

    for (int i = 0; i < count; i++) buffer_printf(&after, "%sp%d", i ? "," : "", i);
    struct pinion_job job = {.kind = "wc", .after = after.data};
    enum pinion_err err = job_check(&job, &why);
    snprintf(text, size, "%s", why.text);
    buffer_deinit(&after);
    return err;
}

TEST(so_many_parents_and_no_more)
{
    char text[ERROR_TEXT_MAX];

    assert_int_equal(check_parents(PARENTS_MAX, text, sizeof text), PINION_OK);
    assert_int_equal(check_parents(PARENTS_MAX + 1, text, sizeof text), PINION_INVALID);
    assert_string_equal(text, "after: expected at most 64 jobs, not 65");
}

TEST(every_key_has_its_field)
{
    struct new_job job = read_good(
        "{\"kind\":\"wc\",\"payload\":\"some text\",\"queue\":\"mail\",\"id\":\"a-1\","
        "\"run_at\":\"2026-11-23T10:00:00.250+01:00\",\"priority\":0,\"attempts_max\":3,"
        "\"backoff\":\"fixed:10s\",\"timeout_ms\":30000,\"lease_ms\":5000,\"expires_ms\":60000,"
        "\"unique\":\"k=30s\",\"replace\":true,"
        "\"retain_ms\":1000,\"group\":\"tenant:7\",\"tags\":[\"eu\",\"invoice\"],"
        "\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}", NULL);
    const struct pinion_job *j = &job.job;

    assert_string_equal(j->kind, "wc");
    assert_int_equal(j->payload_len, 9);
    assert_memory_equal(j->payload, "some text", 9);
    assert_string_equal(j->queue, "mail");
    assert_string_equal(j->id, "a-1");
    assert_int_equal(j->run_at_ms, 1795424400250);
    assert_int_equal(j->priority, PINION_PRIORITY(0));
    assert_int_equal(j->attempts_max, 3);
    assert_string_equal(j->backoff, "fixed:10s");
    assert_int_equal(j->timeout_ms, 30000);
    assert_int_equal(j->lease_ms, 5000);
    assert_int_equal(j->expires_ms, 60000);
    assert_int_equal(j->retain_ms, 1000);
    assert_string_equal(j->unique, "k=30s");
    assert_int_equal(j->replace, 1);
    assert_string_equal(j->group, "tenant:7");
    assert_string_equal(j->tags, "eu,invoice");
    assert_string_equal(j->traceparent, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    new_job_deinit(&job);
}

TEST(what_is_not_named_is_zero)
{
    struct new_job job = read_good(" { \"kind\" : \"wc\" } ", NULL);
    struct pinion_job expected = nothing;

    expected.kind = job.job.kind;
    assert_memory_equal(&job.job, &expected, sizeof(expected));
    new_job_deinit(&job);
}

static void check_payload(const char *value, const char *bytes, size_t len)
{
    char json[300];
    struct new_job job;

    snprintf(json, sizeof(json), "{\"kind\":\"k\",%s}", value);
    job = read_good(json, NULL);
    assert_int_equal(job.job.payload_len, len);
    if (len) assert_memory_equal(job.job.payload, bytes, len);
    new_job_deinit(&job);
}

#define PAYLOAD(value, bytes) check_payload(value, bytes, sizeof(bytes) - 1)

TEST(payloads)
{
    PAYLOAD("\"payload\":\"a\\n\\u00e4\\ud83d\\ude00\\u0000b\"", "a\n\xc3\xa4\xf0\x9f\x98\x80\0b");
    PAYLOAD("\"payload\":\"\"", "");
    PAYLOAD("\"payload\": { \"a b\" : [ 1 , 0.10 , \"x \\\" y\" ] } ",
            "{\"a b\":[1,0.10,\"x \\\" y\"]}");
    PAYLOAD("\"payload\":12345678901234567890", "12345678901234567890");
    PAYLOAD("\"payload\": true ", "true");
    PAYLOAD("\"payload\":null", "null");
    PAYLOAD("\"payload_base64\":\"AP8=\"", "\0\xff");
    PAYLOAD("\"payload_base64\":\"\\u0041P8=\"", "\0\xff");
    PAYLOAD("\"payload_base64\":\"\"", "");
}

TEST(a_line_beats_the_defaults)
{
    struct pinion_job defaults = {.kind = "wc", .queue = "mail", .in_ms = 1000, .priority = 3};
    struct new_job job = read_good("{}", &defaults);

    assert_string_equal(job.job.kind, "wc");
    assert_int_equal(job.job.in_ms, 1000);
    new_job_deinit(&job);

    job =
        read_good("{\"kind\":\"x\",\"run_at\":\"2026-11-23T10:00:00Z\",\"priority\":9}", &defaults);
    assert_string_equal(job.job.kind, "x");
    assert_string_equal(job.job.queue, "mail");
    assert_int_equal(job.job.in_ms, 0);
    assert_int_equal(job.job.run_at_ms, 1795428000000);
    assert_int_equal(job.job.priority, PINION_PRIORITY(9));
    new_job_deinit(&job);

    defaults = (struct pinion_job){.kind = "wc", .run_at_ms = 5000};
    job = read_good("{\"in_ms\":0}", &defaults);
    assert_int_equal(job.job.run_at_ms, 0);
    new_job_deinit(&job);
}

struct refusal {
    const char *json, *words;
};

TEST(what_is_no_job_is_refused)
{
    static const struct refusal rows[] = {
        {"", "column 1: expected a JSON object"},
        {"[]", "expected a JSON object"},
        {"{\"kind\":\"wc\"", "column 13: expected a , or }"},
        {"{\"kind\":\"wc\"} x", "column 15: expected the end"},
        {"{\"kind\" \"wc\"}", "expected a : behind the key"},
        {"{\"kind\":}", "column 9: expected a value"},
        {"{\"kind\":\"wc\",}", "expected a key in quotes"},
        {"{\"kind\":\"w\xff\"}", "expected UTF-8"},
        {"{}", "no kind"},
        {"{\"kind\":7}", "key kind: expected a string"},
        {"{\"kind\":\"a b\"}", "kind 'a b'"},
        {"{\"kind\":\"wc\\u0000x\"}", "expected no NUL"},
    };

    for (size_t i = 0; i < countof(rows); i++) refuse(rows[i].json, PINION_INVALID, rows[i].words);
}

/* Behind a good kind. */
TEST(what_is_wrong_with_a_key_is_said)
{
    static const struct refusal rows[] = {
        {"\"kind\":\"wc\"", "key kind stands there twice"},
        {"\"colour\":1", "key colour is unknown"},
        {"\"group\":\"a b\"", "group 'a b'"},
        {"\"group\":\"\"", "group ''"},
        {"\"group\":\"a#b\"", "group 'a#b'"},
        {"\"unique\":7", "key unique: expected a string"},
        {"\"unique\":\"a b\"", "unique 'a b': expected a KEY"},
        {"\"unique\":\"a=never\"", "unique span 'never': expected start, done or a duration"},
        {"\"replace\":true", "replace: expected `unique` with it"},
        {"\"unique\":\"a\",\"replace\":1", "key replace: expected true or false"},
        {"\"tags\":\"a\"", "expected an array of strings"},
        {"\"tags\":[1]", "expected an array of strings"},
        {"\"tags\":[\"a,b\"]", "texts without commas"},
        {"\"tags\":[\"a\",\"\"]", "none empty"},
        {"\"tags\":[\"a b\"]", "tags 'a b'"},
        {"\"traceparent\":\"00-4BF9\"", "traceparent '00-4BF9'"},
        {"\"after\":\"a\"", "expected an array of strings"},
        {"\"after\":[\"a b\"]", "after 'a b': expected the id"},
        {"\"after\":[\"a:b:c\"]", "after 'a:b:c': expected"},
        {"\"after\":[\"a\",\"default:a\"]", "twice"},
        {"\"id\":\"a\",\"after\":[\"a\"]", "wait for itself"},
        {"\"after_any_outcome\":true", "expected `after`"},
        {"\"after\":[\"a\"],\"after_any_outcome\":1", "expected true or false"},
        {"\"queue\":\"a b\"", "queue name 'a b'"},
        {"\"queue\":null", "expected a string"},
        {"\"payload\":\"a\",\"payload_base64\":\"\"", "one of them"},
        {"\"payload_base64\":\"AP8\"", "expected base64"},
        {"\"in_ms\":1,\"run_at\":\"2026-11-23T10:00:00Z\"", "one of them"},
        {"\"run_at\":\"10:00\"", "with its zone"},
        {"\"run_at\":\"2026-11-23 10:00:00.000\"", "with its zone"},
        {"\"backoff\":\"never\"", "never"},
        {"\"in_ms\":1.5", "expected a whole number"},
        {"\"in_ms\":-1", "expected a whole number"},
        {"\"in_ms\":\"1\"", "expected a whole number"},
    };
    char json[200];

    for (size_t i = 0; i < countof(rows); i++) {
        snprintf(json, sizeof json, "{\"kind\":\"wc\",%s}", rows[i].json);
        refuse(json, PINION_INVALID, rows[i].words);
    }
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void try_number(const char *key, long long number, bool good)
{
    char json[128];

    snprintf(json, sizeof json, "{\"kind\":\"k\",\"%s\":%lld}", key, number);
    if (good) {
        struct new_job job = read_good(json, NULL);
        new_job_deinit(&job);
    } else {
        refuse(json, PINION_INVALID, key);
    }
}

TEST(numbers_at_their_bounds)
{
    static const struct {
        const char *key;
        uint64_t min, max;
    } bounds[] = {
        {"in_ms", 0, DURATION_MS_MAX}, {"priority", 0, 9}, {"attempts_max", 1, 1000},
        {"timeout_ms", 1, DURATION_MS_MAX}, {"lease_ms", 1000, 3600000},
        {"expires_ms", 1, DURATION_MS_MAX}, {"retain_ms", 0, DURATION_MS_MAX},
    };

    for (size_t i = 0; i < countof(bounds); i++) {
        for (int step = -1; step <= 1; step++) {
            try_number(bounds[i].key, (long long)bounds[i].min + step, step >= 0);
            try_number(bounds[i].key, (long long)bounds[i].max + step, step <= 0);
        }
    }
}

static char *job_of_payload(size_t len, const char *each, const char *key)
{
    struct buffer b = BUFFER_INIT;

    buffer_printf(&b, "{\"kind\":\"k\",\"%s\":\"", key);
    for (size_t i = 0; i < len; i++) buffer_add_text(&b, each);
    buffer_add_text(&b, "\"}");
    return buffer_take(&b, NULL);
}

TEST(payloads_at_their_bound)
{
    /* However long its spelling is, the bytes count. */
    char *fits = job_of_payload(PAYLOAD_BYTES_MAX, "\\u0041", "payload");
    char *over = job_of_payload(PAYLOAD_BYTES_MAX + 1, "A", "payload");
    struct new_job job = read_good(fits, NULL);

    assert_int_equal(job.job.payload_len, PAYLOAD_BYTES_MAX);
    refuse(over, PINION_TOO_LARGE, "1048577");
    new_job_deinit(&job);
    free(fits);
    free(over);
}

TEST(texts_at_their_bound)
{
    size_t pad = NEW_JOB_BYTES_MAX - strlen("{\"kind\":\"k\"}");
    char *text = xmalloc(NEW_JOB_BYTES_MAX + 2);
    struct new_job job;

    memset(text, ' ', NEW_JOB_BYTES_MAX + 1);
    memcpy(text + pad, "{\"kind\":\"k\"}", strlen("{\"kind\":\"k\"}"));
    text[NEW_JOB_BYTES_MAX] = '\0';
    job = read_good(text, NULL);
    new_job_deinit(&job);
    text[NEW_JOB_BYTES_MAX] = ' ';
    text[NEW_JOB_BYTES_MAX + 1] = '\0';
    refuse(text, PINION_TOO_LARGE, "bytes of JSON");
    free(text);
}

/* ---- arrays ---------------------------------------------------------------------------------- */

TEST(arrays_are_split)
{
    struct span items[2];
    struct error why = {0};
    size_t count = 9;

    assert_true(new_job_is_array(span_of(" [")));
    assert_false(new_job_is_array(span_of("{}")));
    assert_false(new_job_is_array(span_of("")));
    assert_int_equal(new_job_split(span_of("[]"), items, 2, &count, &why), PINION_OK);
    assert_int_equal(count, 0);
    assert_int_equal(new_job_split(span_of("[ {\"a\":[1]} , 2 ]"), items, 2, &count, &why),
                     PINION_OK);
    assert_int_equal(count, 2);
    assert_true(span_is(items[0], "{\"a\":[1]}"));
    assert_true(span_is(items[1], "2"));
    assert_int_equal(new_job_split(span_of("[1,2,3]"), items, 2, &count, &why), PINION_TOO_LARGE);
    assert_int_equal(new_job_split(span_of("[1,2"), items, 2, &count, &why), PINION_INVALID);
    assert_int_equal(new_job_split(span_of("[1,]"), items, 2, &count, &why), PINION_INVALID);
    assert_int_equal(new_job_split(span_of("[1] x"), items, 2, &count, &why), PINION_INVALID);
    assert_int_equal(new_job_split(span_of("{}"), items, 2, &count, &why), PINION_INVALID);
}

/* Whatever is done to a good line, it is taken or refused with a reason. */
TEST(changed_lines_never_surprise)
{
    static const char sample[] =
        "{\"kind\":\"wc\",\"payload\":{\"a\":\"b\\u00e4\"},\"queue\":\"mail\","
        "\"in_ms\":1000,\"priority\":3,\"backoff\":\"fixed:10s\"}";
    struct prng prng = {property_seed("PINION_NEW_JOB_SEED")};
    unsigned good = 0;

    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + prng_below(&prng, sizeof(sample) - 1);
        char *text = malloc(len);
        struct new_job job;
        struct error why = {0};

        assert_non_null(text);
        if (prng_below(&prng, 2)) len = sizeof(sample) - 1;
        text = xrealloc(text, len);
        memcpy(text, sample, len);
        text[prng_below(&prng, len)] = (char)prng_below(&prng, 256);
        if (new_job_read((struct span){text, len}, NULL, &job, &why) == PINION_OK) {
            good++;
            new_job_deinit(&job);
        } else {
            assert_int_not_equal(why.code, PINION_OK);
            assert_true(why.text[0]);
        }
        free(text);
    }
    assert_in_range(good, 100, 19900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_parents_and_no_more),
        cmocka_unit_test(every_key_has_its_field),
        cmocka_unit_test(what_is_not_named_is_zero),
        cmocka_unit_test(payloads),
        cmocka_unit_test(a_line_beats_the_defaults),
        cmocka_unit_test(what_is_no_job_is_refused),
        cmocka_unit_test(what_is_wrong_with_a_key_is_said),
        cmocka_unit_test(numbers_at_their_bounds),
        cmocka_unit_test(payloads_at_their_bound),
        cmocka_unit_test(texts_at_their_bound),
        cmocka_unit_test(arrays_are_split),
        cmocka_unit_test(changed_lines_never_surprise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
