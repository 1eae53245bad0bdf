/* tests/unit/test_json_scan.c — the scanner against jansson: the same texts are taken, the same
 * meaning is found; and no byte behind the text is read. */
#include "control/json_scan.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"

/* In a block of exactly its size, so that the sanitizer sees a byte too many. */
static bool scan_whole(const char *text, size_t len, char **ret_copy, struct span *ret_raw)
{
    struct json_scan s;
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    json_scan_init(&s, (struct span){copy, len});
    *ret_copy = copy;
    return json_scan_value(&s, ret_raw) && json_scan_end(&s);
}

static bool taken(const char *text)
{
    struct span raw;
    char *copy;
    bool good = scan_whole(text, strlen(text), &copy, &raw);

    free(copy);
    return good;
}

TEST(what_rfc_8259_takes)
{
    static const char *const good[] = {
        "0", "-0", "1.5e-3", "1E+2", "true", "false", "null", "\"\"", " [ ] ", "{}", "[1,2]",
        "{\"a\":{\"b\":[]},\"a\":1}", "\"\\ud83d\\ude00\\u0000\"", "\"\xf0\x9f\x98\x80 \x7f\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\t\r\n1 ", "123456789012345678901234567890",
        "\"plain plain plain plain plain\"", "\"1234567\\\"89\"",
    };

    for (size_t i = 0; i < countof(good); i++)
        if (!taken(good[i])) fail_msg("refused %s", good[i]);
}

TEST(what_rfc_8259_refuses)
{
    static const char *const bad[] = {
        "", " ", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "nul", "True", "nan", "'a'", "\"",
        "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u123\"", "\"\\ud800\"", "\"\\ud800\\n\"",
        "\"\\udc00\"", "\"\\ud800\\ud800\"", "\"a\nb\"", "\"\x01\"", "\"\xff\"", "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"", "\"12345678\n\"", "\"1234567\xff 12345678\"", "[", "[1", "[1,", "[1,]",
        "[,1]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{1:2}",
        "{\"a\" 1}", "{a:1}", "1 2", "{} x", "]", "}", "//", "/**/1", "\"\\u00e4", "\"abc",
    };

    for (size_t i = 0; i < countof(bad); i++)
        if (taken(bad[i])) fail_msg("took %s", bad[i]);
}

static bool nested_taken(size_t levels)
{
    char text[2 * JSON_SCAN_DEPTH_MAX + 8];

    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    text[2 * levels] = '\0';
    return taken(text);
}

TEST(depth_is_bounded)
{
    assert_true(nested_taken(JSON_SCAN_DEPTH_MAX));
    assert_false(nested_taken(JSON_SCAN_DEPTH_MAX + 1));
}

TEST(errors_tell_the_column)
{
    struct json_scan s;
    struct span raw;

    json_scan_init(&s, span_of(" [1, x]"));
    assert_false(json_scan_value(&s, &raw));
    assert_int_equal(json_scan_column(&s), 6);
    assert_string_equal(s.expected, "a value");
}

/* ---- against jansson ------------------------------------------------------------------------- */

static const char *const pieces[] = {
    "{",          "}",        "[",    "]",    ",",       ":",       "\"",
    "\"a\"",      "\"kind\"", "1",    "-2",   "0.5",     "1e5",     "true",
    "null",       " ",        "\n",   "\\",   "\\n",     "\\u00e4", "\\ud83d\\ude00",
    "\\ud800",    "\xc3\xa4", "\xff", "\x01", "\"x y\"", "[1,2]",   "{\"b\":2}",
    "abcdefghij", "false",    "0",    ".",    "e",       "-",
};

/* Half of the texts are put together from pieces, half are good ones with a byte changed. */
static size_t make_text(struct prng *prng, char *out, size_t size)
{
    static const char sample[] = "{\"a\": [1, -2.5e3, \"x\\u00e4\\\"y\"], \"b\": {\"c\": null}, "
                                 "\"d\": \"a longer text of plain bytes\"}";
    size_t len = 0;

    if (prng_below(prng, 2)) {
        memcpy(out, sample, sizeof(sample));
        for (uint64_t n = prng_below(prng, 3); n > 0; n--)
            out[prng_below(prng, sizeof(sample) - 1)] = (char)prng_below(prng, 256);
        return sizeof(sample) - 1;
    }
    for (uint64_t n = prng_below(prng, 12); n > 0; n--) {
        const char *piece = pieces[prng_below(prng, countof(pieces))];

        if (len + strlen(piece) >= size) break;
        memcpy(out + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

/* Means the same to jansson after compacting; a string has the same bytes. */
static void compare_meaning(const json_t *expected, struct span raw)
{
    char *out = xmalloc(raw.len + 1);
    size_t len = json_scan_compact(raw, out);
    json_t *again = json_loadb(out, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    assert_true(json_equal(expected, again));
    if (json_is_string(expected)) {
        len = json_scan_unquote(raw, out);
        assert_int_equal(len, json_string_length(expected));
        assert_memory_equal(out, json_string_value(expected), len);
    }
    json_decref(again);
    free(out);
}

TEST(agrees_with_jansson)
{
    struct prng prng = {property_seed("PINION_JSON_SEED")};
    unsigned good = 0;

    for (int round = 0; round < 50000; round++) {
        char text[256], *copy;
        size_t len = make_text(&prng, text, sizeof(text));
        struct span raw;
        json_error_t why;
        json_t *expected = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        bool ours = scan_whole(text, len, &copy, &raw);

        /* To us a number is text, and may be larger than a double: jansson cannot judge those. */
        bool judged = expected || json_error_code(&why) != json_error_numeric_overflow;

        if (judged && ours != (expected != NULL))
            fail_msg("%s: %.*s", ours ? "took" : "refused", (int)len, text);
        if (expected) compare_meaning(expected, raw);
        good += expected != NULL;
        json_decref(expected);
        free(copy);
    }
    assert_in_range(good, 1000, 49000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_rfc_8259_takes),
        cmocka_unit_test(what_rfc_8259_refuses),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(errors_tell_the_column),
        cmocka_unit_test(agrees_with_jansson),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
