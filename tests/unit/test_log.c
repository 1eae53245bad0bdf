/* tests/unit/test_log.c — stderr is a socket that keeps writes apart: one line, one write. */
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "base/text.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <jansson.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NOW "2026-11-23T10:00:00.250Z"

enum { LINE_MAX_EXPECTED = 4096, LONG_TEXT = 10000 };

static char line[2 * LINE_MAX_EXPECTED];
static int real_stderr, ends[2];

uint64_t clock_mono_us(void)
{
    return 0;
}

int64_t clock_wall_us(void)
{
    return INT64_C(1795428000250) * 1000;
}

static void capture(void)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(ends[0], STDERR_FILENO);
}

/* What was written by the one write since capture(); "" if there was none. */
static const char *captured(void)
{
    ssize_t len = recv(ends[1], line, sizeof(line) - 1, MSG_DONTWAIT), more;
    char rest;

    more = recv(ends[1], &rest, 1, MSG_DONTWAIT);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(ends[0]);
    close(ends[1]);
    assert_true(more < 0);
    line[len < 0 ? 0 : len] = '\0';
    return line;
}

static const char *logged(enum log_format format, const char *event, const struct log_field *fields)
{
    log_set(LOG_INFO, format);
    capture();
    log_fields(LOG_INFO, event, fields);
    return captured();
}

#define LOGGED(format, event, ...)                                                                 \
    logged(format, event, (const struct log_field[]){__VA_ARGS__, {0, 0, 0}})

TEST(a_line_of_text)
{
    char address[] = "127.0.0.1:7466";

    log_set(LOG_INFO, LOG_AS_TEXT);
    capture();
    log_info("ready", LOG_TEXT("http", address), LOG_INT("pid", -12));
    assert_string_equal(captured(), NOW " info event=ready http=127.0.0.1:7466 pid=-12\n");

    capture();
    log_error("stopped");
    assert_string_equal(captured(), NOW " error event=stopped\n");
}

TEST(a_line_of_json)
{
    assert_string_equal(LOGGED(LOG_AS_JSON, "ready", LOG_TEXT("http", "a b"), LOG_INT("pid", 12)),
                        "{\"time\":\"" NOW "\",\"level\":\"info\",\"event\":\"ready\","
                        "\"http\":\"a b\",\"pid\":12}\n");
}

TEST(values_are_quoted_where_needed)
{
    static const struct {
        const char *value, *text, *json;
    } cases[] = {
        {"plain:/1.2-3_,", "plain:/1.2-3_,", "plain:/1.2-3_,"},
        {"caf\xc3\xa9", "caf\xc3\xa9", "caf\xc3\xa9"},
        {NULL, "\"\"", ""},
        {"", "\"\"", ""},
        {"a b", "\"a b\"", "a b"},
        {"a=b", "\"a=b\"", "a=b"},
        {"a\"b", "\"a\\\"b\"", "a\\\"b"},
        {"a\\b", "\"a\\\\b\"", "a\\\\b"},
        {"a\nb\r\t", "\"a\\nb\\r\\t\"", "a\\nb\\r\\t"},
        {"\x1b[31m", "\"\\u001b[31m\"", "\\u001b[31m"},
        {"\x7f", "\"\\u007f\"", "\\u007f"},
        {"\xc2\x9b", "\"\\u009b\"", "\\u009b"},
        {"\xff", "\"\\xff\"", "\\ufffd"},
        {"\xe2\x82", "\"\\xe2\\x82\"", "\\ufffd\\ufffd"},
    };
    char expected[200];

    for (size_t i = 0; i < countof(cases); i++) {
        snprintf(expected, sizeof(expected), NOW " info event=e v=%s\n", cases[i].text);
        assert_string_equal(LOGGED(LOG_AS_TEXT, "e", LOG_TEXT("v", cases[i].value)), expected);
        snprintf(expected, sizeof(expected),
                 "{\"time\":\"" NOW "\",\"level\":\"info\",\"event\":\"e\",\"v\":\"%s\"}\n",
                 cases[i].json);
        assert_string_equal(LOGGED(LOG_AS_JSON, "e", LOG_TEXT("v", cases[i].value)), expected);
    }
}

TEST(levels_below_the_least_are_silent)
{
    log_set(LOG_WARN, LOG_AS_TEXT);
    capture();
    log_debug("d");
    log_info("i");
    assert_string_equal(captured(), "");
    capture();
    log_warn("w");
    assert_string_equal(captured(), NOW " warn event=w\n");
}

TEST(levels_have_names)
{
    enum log_level level = LOG_LEVELS;

    assert_false(log_level_parse("", &level));
    assert_false(log_level_parse("INFO", &level));
    assert_int_equal(level, LOG_LEVELS);
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
}

TEST(a_long_text_line_is_cut_and_says_so)
{
    static char value[LONG_TEXT];
    const char *end;
    size_t len;

    memset(value, 'v', sizeof(value) - 1);
    LOGGED(LOG_AS_TEXT, "e", LOG_TEXT("long", value), LOG_INT("after", 1));
    len = strlen(line);
    assert_true(len <= LINE_MAX_EXPECTED && len > LINE_MAX_EXPECTED - 64);
    end = strstr(line, "\" cut=true\n");
    assert_non_null(end);
    assert_int_equal(end + strlen("\" cut=true\n") - line, len);
    assert_null(strstr(line, "after"));
}

/* Whatever the values are: one line, at most 4096 bytes, valid JSON, and `cut` iff not whole. */
static void check_random_line(struct prng *prng)
{
    static char values[4][LONG_TEXT];
    json_t *object;
    size_t len;

    for (size_t i = 0; i < countof(values); i++) {
        len = prng_below(prng, 2) ? prng_below(prng, 20) : prng_below(prng, 2000);
        prng_bytes(prng, values[i], len);
        for (size_t at = 0; at < len; at++)
            if (prng_below(prng, 4) || !values[i][at]) values[i][at] = 'x';
        values[i][len] = '\0';
    }
    LOGGED(LOG_AS_JSON, "e", LOG_TEXT("v0", values[0]), LOG_TEXT("v1", values[1]),
           LOG_INT("n", prng_next(prng)), LOG_TEXT("v2", values[2]), LOG_TEXT("last", values[3]));
    len = strlen(line);
    assert_true(len > 0 && len <= LINE_MAX_EXPECTED);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_true(json_object_get(object, "last") || json_object_get(object, "cut"));
    json_decref(object);

    LOGGED(LOG_AS_TEXT, "e", LOG_TEXT("v0", values[0]), LOG_TEXT("v1", values[1]));
    len = strlen(line);
    assert_true(len > 0 && len <= LINE_MAX_EXPECTED);
    assert_ptr_equal(strchr(line, '\n'), line + len - 1);
    assert_true(text_is_utf8(line, len));
}

TEST(any_values_give_one_valid_line)
{
    struct prng prng = {property_seed("PINION_LOG_SEED")};

    for (int i = 0; i < 2000; i++) check_random_line(&prng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_text),
        cmocka_unit_test(a_line_of_json),
        cmocka_unit_test(values_are_quoted_where_needed),
        cmocka_unit_test(levels_below_the_least_are_silent),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(a_long_text_line_is_cut_and_says_so),
        cmocka_unit_test(any_values_give_one_valid_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
