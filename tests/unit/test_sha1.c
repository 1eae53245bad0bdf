/* tests/unit/test_sha1.c — the digests of FIPS 180-4's examples, and lengths around a block. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/memory.h"
#include "base/sha1.h"
#include "tests/support/check.h"

static void expect_digest(const void *data, size_t len, const char *hex)
{
    unsigned char digest[SHA1_BYTES];
    char text[2 * SHA1_BYTES + 1];

    sha1(data, len, digest);
    for (size_t i = 0; i < SHA1_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, hex);
}

TEST(known_digests)
{
    static const struct {
        const char *text, *hex;
    } known[] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    };

    for (size_t i = 0; i < countof(known); i++)
        expect_digest(known[i].text, strlen(known[i].text), known[i].hex);
}

/* By coreutils' sha1sum. */
TEST(lengths_around_a_block)
{
    static const struct {
        size_t len;
        const char *hex;
    } known[] = {
        {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
        {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
        {1000000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"},
    };

    char *as = xmalloc(1000000);

    memset(as, 'a', 1000000);
    for (size_t i = 0; i < countof(known); i++) expect_digest(as, known[i].len, known[i].hex);
    free(as);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_digests),
        cmocka_unit_test(lengths_around_a_block),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
