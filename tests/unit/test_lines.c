/* tests/unit/test_lines.c — lines from a descriptor: however they arrive, they come out alike. */
#include "cli/lines.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file that holds these bytes, at its start. */
static int file_of(const char *bytes, size_t len)
{
    FILE *file = tmpfile();
    int fd;

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fflush(file), 0);
    fd = dup(fileno(file));
    assert_true(fd >= 0);
    fclose(file);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void expect(struct lines *l, const char *text)
{
    struct error why = {0};
    struct span line = {0};

    assert_int_equal(lines_next(l, &line, &why), PINION_OK);
    if (!span_is(line, text)) fail_msg("got '%.*s', not '%s'", (int)line.len, line.data, text);
}

static void expect_end(struct lines *l)
{
    struct span line;

    assert_int_equal(lines_next(l, &line, NULL), PINION_NOT_FOUND);
    assert_int_equal(lines_next(l, &line, NULL), PINION_NOT_FOUND);
}

TEST(lines_with_and_without_a_newline_at_the_end)
{
    static const char *const texts[] = {"a\n\nbc\n", "a\n\nbc"};

    for (size_t i = 0; i < countof(texts); i++) {
        int fd = file_of(texts[i], strlen(texts[i]));
        struct lines l;

        lines_init(&l, fd, 10);
        expect(&l, "a");
        expect(&l, "");
        expect(&l, "bc");
        assert_int_equal(l.number, 3);
        expect_end(&l);
        lines_deinit(&l);
        close(fd);
    }
}

TEST(nothing_is_no_line)
{
    int fd = file_of("", 0);
    struct lines l;

    lines_init(&l, fd, 10);
    expect_end(&l);
    assert_int_equal(l.number, 0);
    lines_deinit(&l);
    close(fd);
}

TEST(the_longest_line_and_one_byte_more)
{
    int fd = file_of("1234567890\n1234567890x\n", 23);
    struct error why = {0};
    struct span line;
    struct lines l;

    lines_init(&l, fd, 10);
    expect(&l, "1234567890");
    assert_int_equal(lines_next(&l, &line, &why), PINION_TOO_LARGE);
    assert_int_equal(l.number, 2);
    assert_non_null(strstr(why.text, "10 bytes"));
    lines_deinit(&l);
    close(fd);
}

TEST(an_endless_line_is_given_up_early)
{
    int fd = file_of("", 0);
    struct span line;
    struct lines l;

    assert_int_equal(ftruncate(fd, 64 * 1024 * 1024), 0); /* zeros, no newline */
    lines_init(&l, fd, 1000);
    assert_int_equal(lines_next(&l, &line, NULL), PINION_TOO_LARGE);
    assert_true(l.bytes.cap < 1024 * 1024);
    lines_deinit(&l);
    close(fd);
}

TEST(a_pipe_is_ready_when_it_has_a_line_or_more_to_read)
{
    int ends[2];
    struct lines l;

    assert_int_equal(pipe(ends), 0);
    lines_init(&l, ends[0], 100);
    assert_false(lines_ready(&l));
    assert_int_equal(write(ends[1], "a\nb\nc", 5), 5);
    assert_true(lines_ready(&l));
    expect(&l, "a");
    assert_true(lines_ready(&l));
    expect(&l, "b");
    assert_false(lines_ready(&l)); /* the third one is not whole yet */
    assert_int_equal(write(ends[1], "d\n", 2), 2);
    assert_true(lines_ready(&l));
    expect(&l, "cd");
    close(ends[1]);
    assert_true(lines_ready(&l));
    expect_end(&l);
    lines_deinit(&l);
    close(ends[0]);
}

/* Lines of all lengths, also over the bounds of the reads, against a plain split. */
TEST(any_text_is_split_as_a_plain_loop_splits_it)
{
    struct prng prng = {property_seed("PINION_LINES_SEED")};
    struct buffer text = BUFFER_INIT;
    struct lines l;
    int fd;

    for (int i = 0; i < 300; i++) {
        uint64_t len = prng_below(&prng, 10) ? prng_below(&prng, 200) : prng_below(&prng, 100000);

        while (len--) buffer_add_char(&text, (char)('a' + prng_below(&prng, 26)));
        buffer_add_char(&text, '\n');
    }
    fd = file_of(text.data, text.len);
    lines_init(&l, fd, 100000);
    for (struct span rest = {text.data, text.len}; rest.len;) {
        struct span expected = span_cut(&rest, '\n'), line;

        assert_int_equal(lines_next(&l, &line, NULL), PINION_OK);
        assert_true(span_equal(line, expected));
    }
    expect_end(&l);
    lines_deinit(&l);
    close(fd);
    buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_with_and_without_a_newline_at_the_end),
        cmocka_unit_test(nothing_is_no_line),
        cmocka_unit_test(the_longest_line_and_one_byte_more),
        cmocka_unit_test(an_endless_line_is_given_up_early),
        cmocka_unit_test(a_pipe_is_ready_when_it_has_a_line_or_more_to_read),
        cmocka_unit_test(any_text_is_split_as_a_plain_loop_splits_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
