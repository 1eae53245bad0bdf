/* tests/unit/test_text.c — spans, numbers, UTF-8 against a plain decoder, and words. */
#include "base/text.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(spans_compare_and_cut)
{
    struct span rest = span_of("a=b=c"), first = span_cut(&rest, '=');
    struct span absent = span_of(NULL);

    assert_true(span_is(first, "a"));
    assert_true(span_is(rest, "b=c"));
    assert_true(span_is(span_cut(&rest, ';'), "b=c"));
    assert_non_null(rest.data);
    assert_int_equal(rest.len, 0);
    assert_true(span_is(span_cut(&rest, '='), ""));

    assert_null(absent.data);
    assert_null(span_cut(&absent, '=').data);
    assert_true(span_equal(absent, span_of("")));
    assert_false(span_equal(span_of("ab"), span_of("ac")));
    assert_false(span_is(span_of("ab"), "abc"));
    assert_true(span_starts(span_of("abc"), "ab"));
    assert_true(span_starts(span_of("abc"), ""));
    assert_false(span_starts(span_of("ab"), "abc"));
}

static uint64_t parsed(const char *text, uint64_t min, uint64_t max)
{
    uint64_t value = 999;

    return text_parse_u64(span_of(text), min, max, &value) ? 999 : value;
}

TEST(numbers_are_parsed_or_refused)
{
    static const char *const bad[] = {
        "", "-1", "+1", " 1", "1 ", "1x", "0x1", "1.0", "\xd9\xa1", "18446744073709551616",
        "18446744073709551620", "99999999999999999999", "100000000000000000000"};

    for (size_t i = 0; i < countof(bad); i++)
        assert_int_equal(parsed(bad[i], 0, UINT64_MAX), 999);
    assert_int_equal(parsed("0", 0, 9), 0);
    assert_int_equal(parsed("007", 0, 9), 7);
    assert_int_equal(parsed("5", 5, 9), 5);
    assert_int_equal(parsed("9", 5, 9), 9);
    assert_int_equal(parsed("4", 5, 9), 999);
    assert_int_equal(parsed("10", 5, 9), 999);
    assert_int_equal(parsed("18446744073709551615", 0, UINT64_MAX), UINT64_MAX);
    assert_int_equal(parsed("00000000000000000000000018446744073709551615", 0, UINT64_MAX),
                     UINT64_MAX);
}

TEST(numbers_come_back)
{
    struct prng prng = {property_seed("PINION_TEXT_SEED")};
    char text[32];

    for (int i = 0; i < 20000; i++) {
        uint64_t value = prng_magnitude(&prng), found = 0;

        snprintf(text, sizeof(text), "%" PRIu64, value);
        assert_int_equal(text_parse_u64(span_of(text), 0, UINT64_MAX, &found), PINION_OK);
        assert_int_equal(found, value);
    }
}

/* The twin: decode by the general pattern first, then refuse what the standard forbids. */
static size_t utf8_next_twin(const char *data, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char lead = len ? (unsigned char)*data : 0xff;
    size_t width = lead < 0x80             ? 1
                   : (lead & 0xe0) == 0xc0 ? 2
                   : (lead & 0xf0) == 0xe0 ? 3
                   : (lead & 0xf8) == 0xf0 ? 4
                                           : 0;
    uint32_t point = lead & (0x7fu >> width);

    if (width == 0 || len < width) return 0;
    if (width == 1) return 1;
    for (size_t i = 1; i < width; i++) {
        if (((unsigned char)data[i] & 0xc0) != 0x80) return 0;
        point = point << 6 | ((unsigned char)data[i] & 0x3f);
    }
    if (point < least[width] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return 0;
    return width;
}

TEST(every_beginning_is_judged_like_the_twin)
{
    static const unsigned char ends[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xff};
    char bytes[4];

    for (unsigned pair = 0; pair < 0x10000; pair++) {
        bytes[0] = (char)(pair >> 8);
        bytes[1] = (char)(pair & 0xff);
        for (size_t i = 0; i < countof(ends) * countof(ends); i++) {
            bytes[2] = (char)ends[i / countof(ends)];
            bytes[3] = (char)ends[i % countof(ends)];
            for (size_t len = 0; len <= 4; len++)
                if (text_utf8_next(bytes, len) != utf8_next_twin(bytes, len))
                    fail_msg("bytes %04x and case %zu, cut to %zu", pair, i, len);
        }
    }
}

/* ASCII, two characters that are longer, and noise, in a block that ends where the text ends. */
static char *random_text(struct prng *prng, size_t *ret_len)
{
    size_t len = prng_below(prng, 40);
    char *text = malloc(len ? len : 1);

    assert_non_null(text);
    memset(text, 'a', len);
    for (int i = 0; len && i < 4; i++) {
        size_t at = prng_below(prng, len);
        const char *piece = prng_below(prng, 2) ? "\xc3\xa9" : "\xf0\x9f\x90\x88";

        if (prng_below(prng, 4) == 0) text[at] = (char)prng_next(prng);
        else if (at + strlen(piece) <= len) memcpy(text + at, piece, strlen(piece));
    }
    *ret_len = len;
    return text;
}

static bool is_utf8_twin(const char *text, size_t len)
{
    for (size_t at = 0, step; at < len; at += step)
        if ((step = utf8_next_twin(text + at, len - at)) == 0) return false;
    return true;
}

TEST(whole_texts_are_judged_like_the_twin_and_mended)
{
    struct prng prng = {property_seed("PINION_TEXT_SEED")};
    int valid = 0;
    size_t len;

    for (int i = 0; i < 20000; i++) {
        struct buffer mended = BUFFER_INIT, shown = BUFFER_INIT;
        char *text = random_text(&prng, &len);
        bool is_valid = is_utf8_twin(text, len);

        assert_int_equal(text_is_utf8(text, len), is_valid);
        text_add_utf8(&mended, text, len);
        assert_true(is_utf8_twin(mended.data, mended.len));
        assert_int_equal(mended.len == len && !memcmp(mended.data, text, len), is_valid);
        text_add_printable(&shown, text, len);
        assert_true(is_utf8_twin(shown.data, shown.len));
        for (size_t at = 0; at < shown.len; at++)
            assert_true((unsigned char)shown.data[at] >= ' ' && shown.data[at] != 0x7f);
        valid += is_valid;
        buffer_deinit(&mended);
        buffer_deinit(&shown);
        free(text);
    }
    assert_in_range(valid, 1000, 19000); /* both kinds were tried */
}

TEST(bad_bytes_and_controls_are_replaced)
{
    static const char bad[] = "a\xff\xe2\x82z\xed\xa0\x80";
    static const char wild[] = "1\n2\x1b[2J\t\xc2\x9b\x7f\xc3\xa9\xff";
    struct buffer b = BUFFER_INIT;

    text_add_utf8(&b, bad, sizeof(bad) - 1);
    assert_string_equal(b.data, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"
                                "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    buffer_clear(&b);
    text_add_printable(&b, wild, sizeof(wild) - 1);
    assert_string_equal(b.data, "1 2?[2J???\xc3\xa9?");
    buffer_deinit(&b);
}

#define WORDS(...) (const char *const[]){__VA_ARGS__, NULL}

static void assert_words(const char *text, const char *const *words)
{
    size_t i = 0;
    char **argv = NULL;

    assert_int_equal(text_split_words(text, &argv, NULL), PINION_OK);
    for (; words[i] && argv[i]; i++) assert_string_equal(argv[i], words[i]);
    assert_true(!words[i] && !argv[i]);
    free(argv);
}

TEST(words_are_split_like_a_shell_does)
{
    assert_words("a", WORDS("a"));
    assert_words("  a\tbc \n d ", WORDS("a", "bc", "d"));
    assert_words("'a b' \"c d\" e\\ f", WORDS("a b", "c d", "e f"));
    assert_words("'' \"\"", WORDS("", ""));
    assert_words("a'b'\"c\"\\d", WORDS("abcd"));
    assert_words("'\\' '\"' \"'\"", WORDS("\\", "\"", "'"));
    assert_words("\"\\\" \\\\ \\$ \\` \\n\"", WORDS("\" \\ $ ` \\n"));
    assert_words("$HOME * ~ `x` ; | # >y", WORDS("$HOME", "*", "~", "`x`", ";", "|", "#", ">y"));
    assert_words("a b c d e f g h", WORDS("a", "b", "c", "d", "e", "f", "g", "h"));
}

TEST(open_ends_are_refused)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"a 'b c", "the quote ' opened at column 3 is never closed"},
        {"\"a\\\"", "the quote \" opened at column 1 is never closed"},
        {"a\\", "the backslash at the end expects a character behind it"},
        {"", "expected at least one word, found none"},
        {" \t\n", "expected at least one word, found none"},
    };
    char *untouched[1], **argv = untouched;

    for (size_t i = 0; i < countof(cases); i++) {
        struct error why = {0};

        assert_int_equal(text_split_words(cases[i].text, &argv, &why), PINION_INVALID);
        assert_string_equal(why.text, cases[i].why);
        assert_ptr_equal(argv, untouched);
    }
}

/* Any words, quoted in a random manner, come back. */
TEST(quoted_words_come_back)
{
    struct prng prng = {property_seed("PINION_TEXT_SEED")};

    for (int round = 0; round < 3000; round++) {
        struct buffer line = BUFFER_INIT;
        char words[8][12];
        const char *expected[9] = {0};
        size_t count = 1 + prng_below(&prng, 8);

        for (size_t w = 0; w < count; w++) {
            size_t len = prng_below(&prng, sizeof(words[w]));

            if (w) buffer_add_char(&line, ' ');
            if (len == 0) buffer_add_text(&line, "''");
            for (size_t i = 0; i < len; i++) {
                char c = "ab '\"\\$\t"[prng_below(&prng, 8)];

                words[w][i] = c;
                if (c == '\'' || prng_below(&prng, 2)) buffer_printf(&line, "\\%c", c);
                else buffer_printf(&line, "'%c'", c);
            }
            words[w][len] = '\0';
            expected[w] = words[w];
        }
        assert_words(line.data, expected);
        buffer_deinit(&line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_compare_and_cut),
        cmocka_unit_test(numbers_are_parsed_or_refused),
        cmocka_unit_test(numbers_come_back),
        cmocka_unit_test(every_beginning_is_judged_like_the_twin),
        cmocka_unit_test(whole_texts_are_judged_like_the_twin_and_mended),
        cmocka_unit_test(bad_bytes_and_controls_are_replaced),
        cmocka_unit_test(words_are_split_like_a_shell_does),
        cmocka_unit_test(open_ends_are_refused),
        cmocka_unit_test(quoted_words_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
