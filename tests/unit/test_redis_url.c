/* tests/unit/test_redis_url.c — every form that is understood, and that no other is. */
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "queue/redis_url.h"
#include "tests/support/property.h"

#define ROUNDS 20000

static void expect_network(const char *text, const char *host, unsigned port, unsigned db,
                           const char *user, const char *password)
{
    struct redis_url url;
    struct error why = {0};

    if (redis_url_parse(span_of(text), &url, &why)) fail_msg("%s: %s", text, why.text);
    assert_string_equal(url.host, host);
    assert_null(url.path);
    assert_int_equal(url.port, port);
    assert_int_equal(url.db, db);
    if (user)
        assert_string_equal(url.user, user);
    else
        assert_null(url.user);
    if (password)
        assert_string_equal(url.password, password);
    else
        assert_null(url.password);
    redis_url_deinit(&url);
}

TEST(network_urls_are_understood)
{
    expect_network("redis://localhost", "localhost", 6379, 0, NULL, NULL);
    expect_network("redis://localhost/", "localhost", 6379, 0, NULL, NULL);
    expect_network("redis://10.0.0.1:7000/3", "10.0.0.1", 7000, 3, NULL, NULL);
    expect_network("redis://[::1]:7000", "::1", 7000, 0, NULL, NULL);
    expect_network("redis://[fe80::1]", "fe80::1", 6379, 0, NULL, NULL);
    expect_network("redis://:secret@host", "host", 6379, 0, NULL, "secret");
    expect_network("redis://me:s%2Fc%25t@host:1/15", "host", 1, 15, "me", "s/c%t");
    expect_network("redis://me:a@b:c@host", "host", 6379, 0, "me", "a@b:c");
    expect_network("redis://host:65535/1000000", "host", 65535, 1000000, NULL, NULL);
}

TEST(tls_is_understood_here)
{
    struct redis_url url;

    assert_int_equal(redis_url_parse(span_of("rediss://host"), &url, NULL), PINION_OK);
    assert_true(url.tls);
    redis_url_deinit(&url);
    assert_int_equal(redis_url_parse(span_of("redis://host"), &url, NULL), PINION_OK);
    assert_false(url.tls);
    redis_url_deinit(&url);
}

static void expect_socket(const char *text, const char *path, unsigned db)
{
    struct redis_url url;

    assert_int_equal(redis_url_parse(span_of(text), &url, NULL), PINION_OK);
    assert_null(url.host);
    assert_string_equal(url.path, path);
    assert_int_equal(url.db, db);
    redis_url_deinit(&url);
}

TEST(sockets_are_understood)
{
    expect_socket("unix:///run/redis.sock", "/run/redis.sock", 0);
    expect_socket("unix:/run/redis.sock", "/run/redis.sock", 0);
    expect_socket("unix:/run/redis.sock?db=7", "/run/redis.sock", 7);
    expect_socket("unix:/tmp/100% mine/r", "/tmp/100% mine/r", 0);
}

TEST(the_longest_path_of_a_socket)
{
    char text[128] = "unix:/";
    struct redis_url url;

    memset(text + 6, 'x', 106);
    assert_int_equal(redis_url_parse(span_of(text), &url, NULL), PINION_OK);
    assert_int_equal(strlen(url.path), 107);
    redis_url_deinit(&url);
    text[6 + 106] = 'x';
    assert_int_equal(redis_url_parse(span_of(text), &url, NULL), PINION_INVALID);
}

TEST(anything_else_is_refused_with_a_reason)
{
    static const char *const bad[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis:///1",
        "http://host",
        "REDIS://host",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:",
        "redis://host:x",
        "redis://host/x",
        "redis://host/1000001",
        "redis://host/-1",
        "redis://host/1/2",
        "redis://host/1?x=y",
        "redis://me@host",
        "redis://:@",
        "redis://:%@host",
        "redis://:%2@host",
        "redis://:%zz@host",
        "redis://:a%00b@host",
        "redis://ho st",
        "redis://[::1",
        "redis://[::1]x",
        "redis://a_b c",
        "redis://ho%73t",
        "unix:",
        "unix://",
        "unix:redis.sock",
        "unix:/a?db=",
        "unix:/a?db=x",
        "unix:/a?x=1",
        "unix:/a?",
        "unix:?db=1",
    };

    for (size_t i = 0; i < countof(bad); i++) {
        struct redis_url url = {.port = 4711};
        struct error why = {0};

        if (!redis_url_parse(span_of(bad[i]), &url, &why)) fail_msg("taken: %s", bad[i]);
        assert_int_equal(why.code, PINION_INVALID);
        assert_non_null(strchr(why.text, ' '));
        assert_int_equal(url.port, 4711); /* untouched on failure */
    }
}

TEST(a_password_is_never_repeated)
{
    static const char *const urls[] = {"redis://:hunter2@host:0", "redis://me:hunter2@host/x",
                                       "reddis://:hunter2@host", "redis://:hunter2@ho st"};

    for (size_t i = 0; i < countof(urls); i++) {
        struct redis_url url;
        struct error why = {0};

        assert_int_equal(redis_url_parse(span_of(urls[i]), &url, &why), PINION_INVALID);
        assert_null(strstr(why.text, "hunter2"));
    }
}

static void expect_text(const char *text, const char *expected)
{
    struct redis_url url;
    char *shown;

    assert_int_equal(redis_url_parse(span_of(text), &url, NULL), PINION_OK);
    shown = redis_url_text(&url);
    assert_string_equal(shown, expected);
    free(shown);
    redis_url_deinit(&url);
}

TEST(as_text_for_logs)
{
    expect_text("redis://localhost", "redis://localhost:6379");
    expect_text("redis://me:secret@host:1/2", "redis://me@host:1/2");
    expect_text("redis://:secret@host", "redis://host:6379");
    expect_text("rediss://[::1]:7", "rediss://[::1]:7");
    expect_text("unix:///run/r.sock?db=3", "unix:/run/r.sock?db=3");
}

/* Whatever the bytes are: no crash, no read past the end, and what is taken can be shown. */
TEST(random_urls)
{
    static const char *const starts[] = {"redis://", "rediss://", "unix:", "unix://", ""};
    static const char letters[] = "aZ09:/@[]%?=db.-_ \0\xff";
    struct prng prng = {property_seed("PINION_URL_SEED")};

    for (unsigned i = 0; i < ROUNDS; i++) {
        const char *start = starts[prng_below(&prng, countof(starts))];
        size_t head = strlen(start), len = head + prng_below(&prng, 24);
        char *text = xmalloc(len ? len : 1); /* no NUL: the sanitizer sees one byte too far */
        struct redis_url url;

        memcpy(text, start, head);
        for (size_t at = head; at < len; at++)
            text[at] = letters[prng_below(&prng, sizeof letters)];
        if (!redis_url_parse((struct span){text, len}, &url, NULL)) {
            assert_true((url.host != NULL) != (url.path != NULL));
            free(redis_url_text(&url));
            redis_url_deinit(&url);
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(network_urls_are_understood),
        cmocka_unit_test(tls_is_understood_here),
        cmocka_unit_test(sockets_are_understood),
        cmocka_unit_test(the_longest_path_of_a_socket),
        cmocka_unit_test(anything_else_is_refused_with_a_reason),
        cmocka_unit_test(a_password_is_never_repeated),
        cmocka_unit_test(as_text_for_logs),
        cmocka_unit_test(random_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
