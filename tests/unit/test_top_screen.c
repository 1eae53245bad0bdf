/* tests/unit/test_top_screen.c — after a diff a terminal shows what was wanted; and keys. */
#include "cli/top/keys.h"
#include "cli/top/screen.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a terminal that knows what a frame is made of ------------------------------------------- */

struct tiny {
    unsigned width, height, row, column;
    char cells[32][64];
};

static const char *obey(struct tiny *t, const char *p)
{
    unsigned a = 0, b = 0;
    int used = 0;

    if (sscanf(p, "[%u;%uH%n", &a, &b, &used) == 2 && used) {
        assert_in_range(a, 1, t->height);
        assert_in_range(b, 1, t->width);
        t->row = a - 1;
        t->column = b - 1;
        return p + used;
    }
    if (strncmp(p, "[2J", 3) == 0) memset(t->cells, ' ', sizeof t->cells);
    p += strspn(p, "[0123456789;");
    assert_true(*p == 'm' || *p == 'J');
    return p + 1;
}

static void play(struct tiny *t, const struct buffer *bytes)
{
    const char *p = bytes->data ? bytes->data : "";

    while (*p) {
        if (*p == '\033') {
            p = obey(t, p + 1);
            continue;
        }
        assert_in_range((unsigned char)*p, ' ', '~');
        assert_true(t->column < t->width);
        t->cells[t->row][t->column++] = *p++;
    }
}

static void expect_shown(const struct tiny *t, const struct screen *s)
{
    for (unsigned row = 0; row < s->height; row++)
        for (unsigned i = 0; i < s->width; i++)
            assert_int_equal(t->cells[row][i], s->cells[row * s->width + i].c);
}

static void scribble(struct screen *s, struct prng *prng)
{
    char text[24];

    for (uint64_t i = prng_below(prng, 6); i > 0; i--) {
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (char)prng_below(prng, prng_below(prng, 3) ? 128 : 256);
        screen_put(s, (unsigned)prng_below(prng, s->height + 2),
                   (unsigned)prng_below(prng, s->width + 2), (unsigned)prng_below(prng, 30),
                   (enum style)prng_below(prng, STYLES),
                   (struct span){text, prng_below(prng, sizeof text)});
    }
}

TEST(after_a_diff_the_terminal_shows_what_was_wanted)
{
    struct prng prng = {property_seed("PINION_SCREEN_SEED")};

    for (int round = 0; round < 300; round++) {
        unsigned width = 1 + (unsigned)prng_below(&prng, 40);
        unsigned height = 1 + (unsigned)prng_below(&prng, 20);
        struct tiny tiny = {.width = width, .height = height};
        struct screen shown = {0};
        memset(tiny.cells, '#', sizeof tiny.cells);
        for (int frame = 0; frame < 5; frame++) {
            struct buffer out = BUFFER_INIT;
            struct screen wanted;
            screen_init(&wanted, width, height);
            scribble(&wanted, &prng);
            screen_diff(frame ? &shown : NULL, &wanted, frame % 2, &out);
            play(&tiny, &out);
            expect_shown(&tiny, &wanted);
            buffer_deinit(&out);
            screen_deinit(&shown);
            shown = wanted;
        }
        screen_deinit(&shown);
    }
}

TEST(equal_frames_cost_nothing)
{
    struct buffer out = BUFFER_INIT;
    struct screen a, b;

    screen_init(&a, 80, 24);
    screen_init(&b, 80, 24);
    screen_put(&a, 3, 4, 80, STYLE_BAD, span_of("same"));
    screen_put(&b, 3, 4, 80, STYLE_BAD, span_of("same"));
    screen_diff(&a, &b, true, &out);
    assert_int_equal(out.len, 0);
    screen_put(&b, 3, 5, 80, STYLE_BAD, span_of("ome"));
    screen_diff(&a, &b, true, &out);
    assert_string_equal(out.data, "\033[4;6H\033[0;31mo\033[0m");
    screen_deinit(&a);
    screen_deinit(&b);
    buffer_deinit(&out);
}

TEST(another_size_is_drawn_anew)
{
    struct buffer out = BUFFER_INIT;
    struct screen a, b;

    screen_init(&a, 80, 24);
    screen_init(&b, 80, 25);
    screen_diff(&a, &b, true, &out);
    assert_non_null(strstr(out.data, "\033[2J"));
    screen_deinit(&a);
    screen_deinit(&b);
    buffer_deinit(&out);
}

TEST(text_of_others_cannot_escape)
{
    struct buffer out = BUFFER_INIT;
    struct screen s;

    screen_init(&s, 30, 2);
    screen_put(&s, 0, 0, 30, STYLE_PLAIN, span_of("a\033[2Jb\r\nc\xc3\xa4" "d\xff\x9b" "e"));
    screen_text(&s, false, &out);
    assert_string_equal(out.data, "a?[2Jb??c?d??e\n");
    screen_deinit(&s);
    buffer_deinit(&out);
}

TEST(what_does_not_fit_is_cut)
{
    struct buffer out = BUFFER_INIT;
    struct screen s;

    screen_init(&s, 6, 2);
    screen_put(&s, 0, 3, 100, STYLE_PLAIN, span_of("abcdef"));
    screen_put(&s, 1, 0, 2, STYLE_PLAIN, span_of("xyz"));
    screen_put(&s, 2, 0, 2, STYLE_PLAIN, span_of("below"));
    screen_put(&s, 0, 6, 2, STYLE_PLAIN, span_of("right"));
    screen_paint(&s, 2, STYLE_HEAD);
    screen_text(&s, false, &out);
    assert_string_equal(out.data, "   abc\nxy\n");
    screen_deinit(&s);
    buffer_deinit(&out);
}

TEST(without_colours_there_is_none)
{
    for (int i = 0; i < STYLES; i++) {
        const char *plain = style_escape((enum style)i, false);
        assert_null(strstr(plain, ";3"));
        assert_null(strstr(plain, "[3"));
    }
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void expect_keys(const char *bytes, bool all, const int *keys, size_t left)
{
    struct span rest = span_of(bytes);

    for (; *keys; keys++) assert_int_equal(key_take(&rest, all), *keys);
    assert_int_equal(key_take(&rest, all), KEY_NONE);
    assert_int_equal(rest.len, left);
}

TEST(keys_come_one_by_one)
{
    expect_keys("q\t\r\n\x7f\b/", false,
                (int[]){'q', KEY_TAB, KEY_ENTER, KEY_ENTER, KEY_BACKSPACE, KEY_BACKSPACE, '/', 0},
                0);
    expect_keys("\033[A\033OB\033[5~\033[6~\033[H\033[4~\033[Zx", false,
                (int[]){KEY_UP, KEY_DOWN, KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END,
                        KEY_BACK_TAB, 'x', 0},
                0);
    expect_keys("\033[1;5C\001\xc3q", false,
                (int[]){KEY_OTHER, KEY_OTHER, KEY_OTHER, 'q', 0}, 0);
}

TEST(an_escape_waits_for_what_may_follow)
{
    expect_keys("\033", false, (int[]){0}, 1);
    expect_keys("\033[", false, (int[]){0}, 2);
    expect_keys("\033[1;", false, (int[]){0}, 4);
    expect_keys("\033", true, (int[]){KEY_ESCAPE, 0}, 0);
    expect_keys("\033q", false, (int[]){KEY_ESCAPE, 'q', 0}, 0);
    expect_keys("\033[1;", true, (int[]){KEY_OTHER, 0}, 0);
}

TEST(any_bytes_come_to_an_end)
{
    struct prng prng = {property_seed("PINION_KEYS_SEED")};
    char bytes[64];

    for (int round = 0; round < 20000; round++) {
        struct span rest = {bytes, prng_below(&prng, sizeof bytes)};
        size_t before = rest.len + 1;
        prng_bytes(&prng, bytes, sizeof bytes);
        if (round % 2) bytes[0] = '\033', bytes[1] = '[';
        while (rest.len) {
            assert_true(rest.len < before);
            before = rest.len;
            assert_int_not_equal(key_take(&rest, true), KEY_NONE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_diff_the_terminal_shows_what_was_wanted),
        cmocka_unit_test(equal_frames_cost_nothing),
        cmocka_unit_test(another_size_is_drawn_anew),
        cmocka_unit_test(text_of_others_cannot_escape),
        cmocka_unit_test(what_does_not_fit_is_cut),
        cmocka_unit_test(without_colours_there_is_none),
        cmocka_unit_test(keys_come_one_by_one),
        cmocka_unit_test(an_escape_waits_for_what_may_follow),
        cmocka_unit_test(any_bytes_come_to_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
