/* tests/unit/test_error.c — the table of failures, and messages that stay one clean line. */
#include "base/error.h"
#include "base/text.h"
#include "tests/support/check.h"

#include <string.h>

TEST(every_code_has_its_row)
{
    static const struct {
        enum pinion_err code;
        const char *name;
        unsigned http;
        int exit;
    } rows[] = {
        {PINION_OK,           "ok",           200, 0},
        {PINION_INVALID,      "invalid",      400, 2},
        {PINION_UNAUTHORIZED, "unauthorized", 401, 7},
        {PINION_FORBIDDEN,    "forbidden",    403, 7},
        {PINION_NOT_FOUND,    "not_found",    404, 3},
        {PINION_CONFLICT,     "conflict",     409, 4},
        {PINION_STALE,        "stale",        409, 4},
        {PINION_TOO_LARGE,    "too_large",    413, 2},
        {PINION_MISDIRECTED,  "misdirected",  421, 1},
        {PINION_BUSY,         "busy",         429, 5},
        {PINION_UNAVAILABLE,  "unavailable",  503, 6},
        {PINION_INTERNAL,     "internal",     500, 1},
    };

    assert_int_equal(countof(rows), PINION_ERRS);
    for (size_t i = 0; i < countof(rows); i++) {
        assert_string_equal(error_name(rows[i].code), rows[i].name);
        assert_int_equal(error_http(rows[i].code), rows[i].http);
        assert_int_equal(error_exit(rows[i].code), rows[i].exit);
        assert_int_equal(error_from_name(rows[i].name, strlen(rows[i].name)), rows[i].code);
    }
}

TEST(what_is_not_in_the_table_is_internal)
{
    assert_int_equal(error_from_name("stal", 4), PINION_INTERNAL);
    assert_int_equal(error_from_name("stale_", 6), PINION_INTERNAL);
    assert_int_equal(error_from_name("", 0), PINION_INTERNAL);
    assert_string_equal(error_name(PINION_ERRS), "internal");
    assert_int_equal(error_http((enum pinion_err)-1), 500);
    assert_int_equal(error_exit(PINION_ERRS), 1);
}

TEST(set_fills_and_gives_the_code_back)
{
    struct error e = {0};

    assert_int_equal(error_set(&e, PINION_CONFLICT, "job %s: expected %d", "a:b", 7),
                     PINION_CONFLICT);
    assert_int_equal(e.code, PINION_CONFLICT);
    assert_string_equal(e.text, "job a:b: expected 7");
    assert_int_equal(error_set(NULL, PINION_BUSY, "nobody listens"), PINION_BUSY);
}

TEST(a_message_is_one_line_of_utf8)
{
    struct error e;

    error_set(&e, PINION_INVALID, "%s", "a\nb\r\x1b[31m \x7f c\xff d\xc3\xa9");
    assert_string_equal(e.text, "a b  [31m   c? d\xc3\xa9");
}

TEST(a_long_message_is_cut)
{
    char longer[2 * ERROR_TEXT_MAX];
    struct error e;

    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    error_set(&e, PINION_INVALID, "%s", longer);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);

    memcpy(longer + ERROR_TEXT_MAX - 2, "\xe2\x82\xac", 3); /* cut within this character */
    error_set(&e, PINION_INVALID, "%s", longer);
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1);
    assert_true(text_is_utf8(e.text, strlen(e.text)));
    assert_int_equal(e.text[ERROR_TEXT_MAX - 2], '?');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_its_row),
        cmocka_unit_test(what_is_not_in_the_table_is_internal),
        cmocka_unit_test(set_fills_and_gives_the_code_back),
        cmocka_unit_test(a_message_is_one_line_of_utf8),
        cmocka_unit_test(a_long_message_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
