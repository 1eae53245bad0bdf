/* test_webhook_words.c — what a webhook is configured with, and how it is signed. */
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/macros.h"
#include "base/memory.h"
#include "workers/fetch.h"
#include "workers/signature.h"
#include "workers/web_libs.h"
#include "workers/webhook.h"

static struct error why;

static void url_is(const char *url, const char *wanted)
{
    char host[FETCH_HOST_MAX];

    if (fetch_url_check(url, host, &why)) fail_msg("%s: %s", url, why.text);
    assert_string_equal(host, wanted);
}

TEST(urls)
{
    static const char *const bad[] = {
        "", "x", "http://", "ftp://a/", "file:///etc/passwd", "gopher://a/",
        "http://u@a/", "http://u:p@a/", "http://:p@a/", "http://a/#f", "http://a:0x50/",
        "http://a:65536/", "http://a b/", "//a/", "http://[::1/", "unix:///x", "javascript:1",
        "http://a:0/", "http://a:00/", "http://@a/", "http://:@a/", "http://a\\@b/",
        "http://a\r\nX: y/", "http://a/\r\nX: y", "http://a/\n", "http://a/\t", "http://a/\x7f",
        "http://a/b c", "http://a%0d%0ab/", "http://a%00b/",
    };

    url_is("http://example.org", "example.org:80");
    url_is("HTTPS://Example.ORG/a?b=c", "example.org:443");
    url_is("http://[2001:DB8::1]:8080/", "[2001:db8::1]:8080");
    for (size_t i = 0; i < countof(bad); i++)
        if (fetch_url_check(bad[i], NULL, &why) != PINION_INVALID) fail_msg("took '%s'", bad[i]);
    assert_int_equal(fetch_url_check("http://me:hidden@a/", NULL, &why), PINION_INVALID);
    assert_null(strstr(why.text, "hidden"));
}

TEST(url_at_its_limit)
{
    char url[FETCH_URL_MAX + 2];

    memset(url, 'a', sizeof url);
    memcpy(url, "http://h/", 9);
    url[FETCH_URL_MAX] = '\0';
    assert_int_equal(fetch_url_check(url, NULL, &why), PINION_OK);
    url[FETCH_URL_MAX] = 'a';
    url[FETCH_URL_MAX + 1] = '\0';
    assert_int_equal(fetch_url_check(url, NULL, &why), PINION_INVALID);
}

TEST(statuses)
{
    static const char *const bad[] = {"", "399", "500", "404,", ",404", "404;409", "Yes", "4 04"};
    struct status_set set;

    assert_int_equal(status_set_parse("no", &set, &why), PINION_OK);
    assert_true(set.bits[0] == 0 && set.bits[1] == 0);
    assert_int_equal(status_set_parse("yes", &set, &why), PINION_OK);
    assert_true(~set.bits[0] == 0 && ~set.bits[1] == 0);
    assert_int_equal(status_set_parse("400,463,464,499", &set, &why), PINION_OK);
    assert_true(set.bits[0] == (UINT64_C(1) << 63 | 1));
    assert_true(set.bits[1] == (UINT64_C(1) << 35 | 1));
    for (size_t i = 0; i < countof(bad); i++)
        if (status_set_parse(bad[i], &set, &why) != PINION_INVALID) fail_msg("took '%s'", bad[i]);
}

TEST(secrets_at_their_limit)
{
    char secret[WEBHOOK_SECRET_MAX + 1];

    memset(secret, 's', sizeof secret);
    assert_int_equal(webhook_secret_check((struct span){secret, WEBHOOK_SECRET_MAX}, &why), 0);
    assert_int_equal(webhook_secret_check((struct span){secret, WEBHOOK_SECRET_MAX + 1}, &why),
                     PINION_INVALID);
    assert_int_equal(webhook_secret_check((struct span){secret, 1}, &why), PINION_OK);
    assert_int_equal(webhook_secret_check((struct span){secret, 0}, &why), PINION_INVALID);
    assert_int_equal(webhook_secret_check((struct span){"a\0b", 3}, &why), PINION_INVALID);
}

/* What Python's hmac.new(secret, text, "sha256").hexdigest() gives. */
TEST(signatures)
{
    char hex[SIGNATURE_LEN + 1];

    assert_int_equal(web_libs_load(&why), PINION_OK);
    signature_make(span_of("whsec-1"), 1700000000, "default:01J", 2, span_of("{\"a\":1}"), hex);
    assert_string_equal(hex, "60be08573006fffaf1198f1fcdfd2ac3345746f42c0076bce25e08d464a5eb4d");
    signature_make(span_of("whsec-1"), 1700000000, "default:01J", 2, span_of(""), hex);
    assert_string_equal(hex, "9128e7ae3f693e31258777716dd271613df895a19722c0ec982b4b665c58ca35");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),       cmocka_unit_test(url_at_its_limit),
        cmocka_unit_test(statuses),   cmocka_unit_test(secrets_at_their_limit),
        cmocka_unit_test(signatures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
