/* test_gzip.c — who takes gzip, what fits, and that it comes back as it was. */
#include "control/http/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tests/support/check.h"
#include "tests/support/property.h"

static struct http_gzip *work;

TEST(who_takes_it)
{
    static const struct {
        const char *accepts; /* NULL: no such header */
        bool taken;
    } rows[] = {
        {NULL,                            false},
        {"",                              false},
        {"gzip",                          true },
        {"GZip",                          true },
        {"x-gzip",                        true },
        {"gzip, deflate, br",             true },
        {"deflate,\tgzip ; q=0.5",        true },
        {"br;q=1.0, gzip;q=0.001",        true },
        {"gzip;q=0",                      false},
        {"gzip;q=0.000",                  false},
        {"gzip ; Q=0.0 , br",             false},
        {"identity",                      false},
        {"identity, gzip;q=0.5",          false},
        {"identity;q=0.5, gzip;q=0.5",    true },
        {"identity;q=0, gzip;q=0.1",      true },
        {"*",                             true },
        {"*;q=0",                         false},
        {"*;q=0, gzip",                   true },
        {"*, gzip;q=0",                   false},
        {"gzip;q=1.5",                    false},
        {"gzip;q=",                       false},
        {"gzip;q=10",                     false},
        {"gzip;q=0.0000",                 false},
        {"gzip;q=1.000",                  true },
        {"gzip;level=9",                  false},
        {"gzipped",                       false},
        {"gz ip",                         false},
        {",,;;,gzip",                     true },
        {"q=1",                           false},
    };

    for (size_t i = 0; i < countof(rows); i++)
        if (http_gzip_taken(span_of(rows[i].accepts)) != rows[i].taken)
            fail_msg("Accept-Encoding: %s", rows[i].accepts ? rows[i].accepts : "(none)");
}

TEST(what_fits)
{
    static const struct http_header tag[] = {{"ETag", "\"1\""}, {NULL, NULL}};
    static const struct http_header has[] = {{"content-encoding", "br"}, {NULL, NULL}};
    static const struct http_header other[] = {{"X-A", "b"}, {NULL, NULL}};
    static const struct {
        struct http_reply reply;
        bool fits;
    } rows[] = {
        {{.len = HTTP_GZIP_BYTES_MIN - 1},                         false},
        {{.len = HTTP_GZIP_BYTES_MIN},                             true },
        {{.len = HTTP_GZIP_BYTES_MAX},                             true },
        {{.len = HTTP_GZIP_BYTES_MAX + 1},                         false},
        {{.len = 9999, .type = "application/json; charset=utf-8"}, true },
        {{.len = 9999, .type = "text/plain; version=0.0.4"},       true },
        {{.len = 9999, .type = "image/png"},                       false},
        {{.len = 9999, .headers = tag},                            false},
        {{.len = 9999, .headers = has},                            false},
        {{.len = 9999, .headers = other},                          true },
    };

    for (size_t i = 0; i < countof(rows); i++)
        if (http_gzip_fits(&rows[i].reply) != rows[i].fits) fail_msg("row %zu", i);
}

static void comes_back(struct span text, size_t len_max)
{
    struct buffer packed = BUFFER_INIT;
    z_stream z = {0};
    char *plain = malloc(text.len + 1);

    assert_non_null(plain);
    assert_true(http_gzip(&work, text, &packed));
    assert_in_range(packed.len, 1, len_max);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)packed.data;
    z.avail_in = (uInt)packed.len;
    z.next_out = (Bytef *)plain;
    z.avail_out = (uInt)text.len + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.total_out, text.len);
    assert_memory_equal(plain, text.data, text.len);
    inflateEnd(&z);
    free(plain);
    buffer_deinit(&packed);
}

TEST(comes_back_as_it_was)
{
    struct buffer text = BUFFER_INIT;
    size_t sizes[] = {1400, 32767, 32768, 32769, 100000, HTTP_GZIP_BYTES_MAX};

    while (text.len < HTTP_GZIP_BYTES_MAX)
        buffer_printf(&text, "{\"id\":\"queue:%zu\",\"state\":\"ready\"},", text.len);
    for (size_t i = 0; i < countof(sizes); i++)
        comes_back((struct span){text.data, sizes[i]}, sizes[i] / 2);
    buffer_deinit(&text);
}

TEST(what_does_not_get_smaller_stays)
{
    struct prng prng = {1};
    struct buffer text = BUFFER_INIT, packed = BUFFER_INIT;

    while (text.len < 100000) buffer_add_char(&text, (char)(' ' + prng_below(&prng, 95)));
    assert_false(http_gzip(&work, (struct span){text.data, text.len}, &packed));
    assert_int_equal(packed.len, 0);
    assert_false(http_gzip(&work, (struct span){text.data, 5000}, &packed));
    comes_back(span_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 40);
    buffer_deinit(&text);
}

static int end(void **state)
{
    (void)state;
    http_gzip_free(work);
    http_gzip_free(NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_takes_it),
        cmocka_unit_test(what_fits),
        cmocka_unit_test(comes_back_as_it_was),
        cmocka_unit_test(what_does_not_get_smaller_stays),
    };

    return cmocka_run_group_tests(tests, NULL, end);
}
