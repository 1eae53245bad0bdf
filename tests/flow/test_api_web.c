/* The dashboard's files as a browser asks for them: whole, gzipped, or not again. */
#include <stdio.h>
#include <string.h>
#include "control/api/web.h"
#include "tests/flow/api_world.h"

static const struct web_file *file_of(const char *name)
{
    for (size_t i = 0; i < web_files_count; i++)
        if (strcmp(web_files[i].name, name) == 0) return &web_files[i];
    fail_msg("no file %s is embedded", name);
    return NULL;
}

/* Every file is there for everybody, by its own type, and says what a browser may do with it. */
static void test_each_file(void **state)
{
    char target[80];

    (void)state;
    assert_true(web_files_count > 10);
    for (size_t i = 0; i < web_files_count; i++) {
        const struct web_file *file = &web_files[i];
        snprintf(target, sizeof target, "/web/%s", file->name);
        struct answer a = ask("GET", target, NULL, NULL);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.head, file->type));
        assert_non_null(strstr(a.head, file->hash));
        assert_non_null(strstr(a.head, "Content-Security-Policy: default-src 'none'; "));
        assert_non_null(strstr(a.head, "X-Content-Type-Options: nosniff"));
        assert_null(strstr(a.head, "Content-Encoding"));
        assert_memory_equal(a.body, file->data, file->len);
    }
}

static void test_page(void **state)
{
    (void)state;
    const struct web_file *page = file_of("index.html");
    struct answer a = ask("GET", "/", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_memory_equal(a.body, page->data, page->len);
    assert_int_equal(ask("HEAD", "/", NULL, NULL).status, 200);
    assert_int_equal(ask("POST", "/", NULL, "").status, 405);
    assert_int_equal(ask("GET", "/web/nothing.js", NULL, NULL).status, 404);
    assert_int_equal(ask("GET", "/web/", NULL, NULL).status, 404);
    assert_int_equal(ask("GET", "/web/..%2fapi.c", NULL, NULL).status, 400);
}

struct encoding {
    const char *accept;
    bool gzip;
};

static const struct encoding encodings[] = {
    {"gzip",                  true },
    {"GZIP",                  true },
    {"deflate, gzip, br",     true },
    {"gzip;q=0.5",            true },
    {"br;q=1.0 , gzip; q=1",  true },
    {"gzip;q=0",              false},
    {"gzip; q=0.000, br",     false},
    {"identity",              false},
    {"xgzip, gzipx",          false},
    {"",                      false},
};

static void test_encodings(void **state)
{
    const struct web_file *file = file_of("chart.js");
    char headers[120];

    (void)state;
    assert_non_null(file->gzip); /* the tests' systems have a gzip */
    assert_true(file->gzip_len * 2 < file->len);
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        snprintf(headers, sizeof headers, "Accept-Encoding: %s\r\n", encodings[i].accept);
        struct answer a = ask("GET", "/web/chart.js", headers, NULL);
        assert_int_equal(a.status, 200);
        assert_non_null(strstr(a.head, "Vary: Accept-Encoding"));
        if (encodings[i].gzip != (strstr(a.head, "Content-Encoding: gzip") != NULL))
            fail_msg("Accept-Encoding: %s", encodings[i].accept);
        if (encodings[i].gzip)
            assert_memory_equal(a.body, file->gzip, file->gzip_len);
        else
            assert_memory_equal(a.body, file->data, file->len);
    }
}

/* What a browser has is not sent again, in each of the ways to say so; another one's is. */
static void test_not_again(void **state)
{
    const struct web_file *file = file_of("style.css");
    char headers[200];
    static const char *const before[] = {"\"", "W/\"", "\"a\", \""};

    (void)state;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        snprintf(headers, sizeof headers, "If-None-Match: %s%s\"\r\n", before[i], file->hash);
        struct answer a = ask("GET", "/web/style.css", headers, NULL);
        assert_int_equal(a.status, 304);
        assert_non_null(strstr(a.head, "ETag: "));
    }
    assert_int_equal(ask("GET", "/web/style.css", "If-None-Match: *\r\n", NULL).status, 304);
    /* The gzipped one is another thing than the plain one. */
    snprintf(headers, sizeof headers, "If-None-Match: \"%s-gzip\"\r\n", file->hash);
    assert_int_equal(ask("GET", "/web/style.css", headers, NULL).status, 200);
    snprintf(headers, sizeof headers,
             "Accept-Encoding: gzip\r\nIf-None-Match: \"%s-gzip\"\r\n", file->hash);
    assert_int_equal(ask("GET", "/web/style.css", headers, NULL).status, 304);
    assert_int_equal(ask("GET", "/web/style.css", "If-None-Match: \"x\"\r\n", NULL).status, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_file),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_not_again),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
