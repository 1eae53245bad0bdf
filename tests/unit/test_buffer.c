/* tests/unit/test_buffer.c — against a twin that is just a large array. */
#include "base/buffer.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 20000, TWIN_MAX = 1 << 16, ADD_MAX = 300 };

static void assert_same(const struct buffer *b, const char *twin, size_t len)
{
    assert_int_equal(b->len, len);
    if (!b->data) return;
    assert_memory_equal(b->data, twin, len);
    assert_int_equal(b->data[len], '\0');
    assert_true(b->cap > len);
}

TEST(nothing_added_is_nothing_allocated)
{
    struct buffer b = BUFFER_INIT;

    buffer_clear(&b);
    buffer_consume(&b, 0);
    assert_null(b.data);
    buffer_deinit(&b);
    assert_null(b.data);

    buffer_add(&b, NULL, 0);
    assert_string_equal(b.data, "");
    buffer_deinit(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
}

TEST(take_moves_the_text_out)
{
    struct buffer b = BUFFER_INIT;
    size_t len = 77;
    char *text = buffer_take(&b, &len);

    assert_string_equal(text, "");
    assert_int_equal(len, 0);
    free(text);

    buffer_add_text(&b, "one");
    text = buffer_take(&b, NULL);
    assert_string_equal(text, "one");
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    free(text);
}

TEST(reserve_gives_room_for_a_nul_too)
{
    struct buffer b = BUFFER_INIT;

    for (size_t bytes = 0; bytes < 300; bytes++) {
        char *room = buffer_reserve(&b, bytes);

        memset(room, 'r', bytes + 1); /* the address sanitizer watches the last one */
        b.len += bytes;
    }
    assert_true(b.cap > b.len);
    buffer_deinit(&b);
}

TEST(printf_meets_the_end_of_its_room)
{
    char expected[200];

    memset(expected, 'p', sizeof(expected));
    for (size_t len = 0; len < sizeof(expected); len++) {
        struct buffer b = BUFFER_INIT;

        buffer_add_char(&b, '>');
        buffer_printf(&b, "%.*s", (int)len, expected);
        assert_int_equal(b.len, len + 1);
        assert_memory_equal(b.data + 1, expected, len);
        assert_int_equal(b.data[len + 1], '\0');
        buffer_deinit(&b);
    }
}

struct twin {
    char data[TWIN_MAX];
    size_t len;
};

static void random_step(struct prng *prng, struct buffer *b, struct twin *t)
{
    char bytes[ADD_MAX];
    size_t len = prng_below(prng, ADD_MAX);

    switch (prng_below(prng, 8)) {
    case 0:
        len = prng_below(prng, t->len + 1);
        buffer_consume(b, len);
        memmove(t->data, t->data + len, t->len -= len);
        return;
    case 1:
        if (prng_below(prng, 50)) return;
        buffer_clear(b);
        t->len = 0;
        return;
    case 2:
        len = (size_t)snprintf(bytes, sizeof(bytes), "%zu|%-*d", len, (int)len / 2, 7);
        buffer_printf(b, "%s", bytes);
        break;
    case 3:
        memset(bytes, 'x', len);
        memcpy(buffer_reserve(b, len), bytes, len);
        b->len += len;
        buffer_add(b, NULL, 0); /* puts the NUL */
        break;
    default:
        prng_bytes(prng, bytes, len);
        buffer_add(b, bytes, len);
        break;
    }
    memcpy(t->data + t->len, bytes, len);
    t->len += len;
}

TEST(any_sequence_equals_the_twin)
{
    struct prng prng = {property_seed("PINION_BUFFER_SEED")};
    static struct twin twin;
    struct buffer b = BUFFER_INIT;

    for (int step = 0; step < STEPS; step++) {
        if (twin.len > TWIN_MAX - 2 * ADD_MAX) {
            buffer_clear(&b);
            twin.len = 0;
        }
        random_step(&prng, &b, &twin);
        assert_same(&b, twin.data, twin.len);
    }
    buffer_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_added_is_nothing_allocated),
        cmocka_unit_test(take_moves_the_text_out),
        cmocka_unit_test(reserve_gives_room_for_a_nul_too),
        cmocka_unit_test(printf_meets_the_end_of_its_room),
        cmocka_unit_test(any_sequence_equals_the_twin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
