/* tests/unit/test_sha256.c — the standard's own examples, and every length around a block, against
 * digests that another program made (Python's hashlib). */
#include "base/sha256.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *digest(const void *data, size_t len)
{
    static char text[2 * SHA256_BYTES + 1];
    unsigned char out[SHA256_BYTES];

    sha256(data, len, out);
    for (unsigned i = 0; i < SHA256_BYTES; i++) sprintf(text + 2 * (size_t)i, "%02x", out[i]);
    return text;
}

TEST(examples_of_the_standard)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    char *million = malloc(1000000);

    assert_non_null(million);
    memset(million, 'a', 1000000);
    assert_string_equal(digest("", 0),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(digest("abc", 3),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(digest(two_blocks, sizeof two_blocks - 1),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_string_equal(digest(million, 1000000),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* The digest of the digests, as hex, of 0 to 199 times 'x': one number for every way to pad. */
TEST(every_length_around_a_block)
{
    char all[200 * 2 * SHA256_BYTES + 1], text[200];

    memset(text, 'x', sizeof text);
    for (size_t len = 0; len < 200; len++)
        memcpy(all + len * 2 * SHA256_BYTES, digest(text, len), 2 * SHA256_BYTES);
    assert_string_equal(digest(all, 200 * 2 * SHA256_BYTES),
                        "f61ffcc417e1f0e59eba2da7fa32fbe05b64e478b68c6bacf990455f00248b98");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_standard),
        cmocka_unit_test(every_length_around_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
