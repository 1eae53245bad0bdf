/* test_config_webhook.c — webhooks in the file and as flags; what is refused, and where. */
#include "tests/unit/config_world.h"
#include "workers/fetch.h"

#include <stdio.h>

TEST(a_webhook)
{
    struct address in = {.bytes = {10, 1, 2, 3}}, out = {.bytes = {10, 2, 0, 0}};

    loads("[serve]\nwebhook-allow = 127.0.0.0/8\nwebhook-allow = fd00::/8\n"
          "[webhook \"user.*\"]\nurl = https://hooks.example.org/users?a=b;c\n"
          "secret = a b c\nretry-4xx = 404,499\nconcurrency = 3\ntimeout = 10s\n"
          "[webhook \"x\"]\nurl = http://[2001:db8::1]:8080/\nsecret-file = /run/key\n");
    set("webhook-allow", "10.1.0.0/16"); /* replaces the list of the file */
    set("webhook", "x=http://example.org");
    finish();
    assert_int_equal(config.handler_count, 2);
    assert_int_equal(config.handlers[0].runner, CONFIG_WEBHOOK);
    assert_string_equal(config.handlers[0].url, "https://hooks.example.org/users?a=b;c");
    assert_string_equal(config.handlers[0].secret, "a b c");
    assert_true(config.handlers[0].retry_4xx.bits[0] == UINT64_C(1) << 4);
    assert_true(config.handlers[0].retry_4xx.bits[1] == UINT64_C(1) << 35);
    assert_int_equal(config.handlers[0].timeout_ms, 10000);
    assert_string_equal(config.handlers[1].url, "http://example.org");
    assert_string_equal(config.handlers[1].secret_file, "/run/key");
    assert_int_equal(config.webhook_allow_count, 1);
    assert_null(address_forbidden(&in, config.webhook_allow, 1));
    assert_string_equal(address_forbidden(&out, config.webhook_allow, 1), "private");
}

TEST(a_kind_has_one_handler)
{
    refused_at(3, "webhook a: the kind has a handler already, a command",
               "[command \"a\"]\nargv = true\n[webhook \"a\"]\n");
    set("webhook", "b=http://example.org");
    assert_int_equal(config_set(&config, "command", "b=true", &why), PINION_INVALID);
    assert_string_equal(why.text, "command b: the kind has a handler already, a webhook");
}

TEST(refuses_bad_webhooks)
{
    refused_at(2, "webhook a: expected a URL", "[webhook \"a\"]\nurl = ftp://example.org/\n");
    refused_at(2, "webhook a: expected a URL", "[webhook \"a\"]\nurl = example.org\n");
    refused_at(2, "without a user", "[webhook \"a\"]\nurl = http://u:p@example.org/\n");
    refused_at(2, "without #top", "[webhook \"a\"]\nurl = http://example.org/#top\n");
    refused_at(2, "secret: expected a secret of 1 to 1024", "[webhook \"a\"]\nsecret =\n");
    refused_at(2, "secret-file: expected a file", "[webhook \"a\"]\nsecret-file =\n");
    refused_at(2, "retry-4xx: expected yes, no, or", "[webhook \"a\"]\nretry-4xx = 500\n");
    refused_at(2, "retry-4xx: expected yes, no, or", "[webhook \"a\"]\nretry-4xx =\n");
    refused_at(2, "unknown key 'argv' in [webhook]; expected url, secret, secret-file, retry-4xx",
               "[webhook \"a\"]\nargv = true\n");
    refused_at(2, "webhook-allow: expected an address", "[serve]\nwebhook-allow = 10.0.0.1/8\n");
    loads("[webhook \"a\"]\nconcurrency = 2\n");
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    assert_string_equal(why.text, "webhook a: expected url = URL");
    loads("[webhook \"a\"]\nurl = http://x\nsecret = s\nsecret-file = f\n");
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    assert_string_equal(why.text, "webhook a: expected secret or secret-file, not both");
}

TEST(opened_ranges_at_their_limit)
{
    char range[32];

    for (int i = 0; i < FETCH_OPENED_MAX; i++) {
        snprintf(range, sizeof range, "10.0.%d.0/24", i);
        set("webhook-allow", range);
    }
    assert_int_equal(config_set(&config, "webhook-allow", "10.1.0.0/24", &why), PINION_INVALID);
    assert_string_equal(why.text, "webhook-allow: expected at most 64 ranges");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_test(a_webhook),
        config_test(a_kind_has_one_handler),
        config_test(refuses_bad_webhooks),
        config_test(opened_ranges_at_their_limit),
    };

    return cmocka_run_group_tests(tests, config_world_begin, config_world_end);
}
