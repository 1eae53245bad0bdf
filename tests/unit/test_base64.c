/* tests/unit/test_base64.c — the RFC's own examples, what is refused, and there and back. */
#include "base/base64.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *bytes, *text;
} examples[] = {
    {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
};

TEST(examples_of_rfc_4648)
{
    for (size_t i = 0; i < countof(examples); i++) {
        struct buffer b = BUFFER_INIT;
        char out[16];
        size_t len = 99;

        buffer_add_text(&b, ">");
        base64_add(&b, examples[i].bytes, strlen(examples[i].bytes));
        assert_string_equal(b.data + 1, examples[i].text);
        assert_int_equal(base64_decode(span_of(examples[i].text), out, &len), PINION_OK);
        assert_int_equal(len, strlen(examples[i].bytes));
        assert_memory_equal(out, examples[i].bytes, len);
        buffer_deinit(&b);
    }
}

TEST(what_is_not_exactly_base64_is_refused)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zg==Zg==", "Zg=a", "=Zg=", "====", "Z===", "Zm9v\n", "Zm 9", "Zm-_",
        "Zh==", "Zm9=", "Zm8=Zm8=", "Zm9v=", "Z\xc3\xa4g",
    };
    char out[16];
    size_t len = 99;

    for (size_t i = 0; i < countof(bad); i++)
        if (base64_decode(span_of(bad[i]), out, &len) != PINION_INVALID)
            fail_msg("took '%s'", bad[i]);
    assert_int_equal(len, 99);
}

TEST(any_bytes_come_back_also_in_place)
{
    struct prng prng = {property_seed("PINION_BASE64_SEED")};

    for (int round = 0; round < 2000; round++) {
        unsigned char bytes[200];
        size_t len = prng_below(&prng, sizeof(bytes) + 1), got = 0;
        struct buffer b = BUFFER_INIT;

        prng_bytes(&prng, bytes, len);
        base64_add(&b, bytes, len);
        assert_int_equal(b.len, (len + 2) / 3 * 4);
        assert_int_equal(base64_decode((struct span){b.data, b.len}, b.data, &got), PINION_OK);
        assert_int_equal(got, len);
        if (len) assert_memory_equal(b.data, bytes, len);
        buffer_deinit(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_rfc_4648),
        cmocka_unit_test(what_is_not_exactly_base64_is_refused),
        cmocka_unit_test(any_bytes_come_back_also_in_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
