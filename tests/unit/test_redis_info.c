/* tests/unit/test_redis_info.c — what is read from INFO and CONFIG GET, what is refused, and what
 * the error answers of Redis mean. */
#include "tests/support/check.h"

#include <string.h>
#include "queue/redis_error.h"
#include "queue/redis_info.h"

static struct redis_info read_info(const char *text)
{
    struct redis_info info = {0};

    redis_info_read(&info, span_of(text));
    return info;
}

TEST(the_lines_that_matter_are_read)
{
    struct redis_info info = read_info("# Server\r\nredis_version:7.0.15\r\nrun_id:0123abcd\r\n\r\n"
                                       "# Memory\r\nmaxmemory_policy:allkeys-lru\r\nno colon\r\n"
                                       ":\r\n# Persistence\r\naof_enabled:1\r\n");

    assert_int_equal(info.version, 70015);
    assert_false(info.valkey);
    assert_string_equal(info.run_id, "0123abcd");
    assert_string_equal(info.maxmemory_policy, "allkeys-lru");
    assert_true(info.aof);
}

TEST(valkey_gives_its_own_version_in_any_order)
{
    struct redis_info before = read_info("valkey_version:8.1.0\nredis_version:7.2.4\n");
    struct redis_info after = read_info("redis_version:7.2.4\nvalkey_version:8.1.0\n");

    assert_true(before.valkey && after.valkey);
    assert_int_equal(before.version, 80100);
    assert_int_equal(after.version, 80100);
}

TEST(what_is_longer_than_its_place_is_cut)
{
    char line[200] = "run_id:", value[151];

    memset(value, 'x', 150);
    value[150] = '\0';
    strcat(line, value);

    struct redis_info info = read_info(line);

    assert_int_equal(strlen(info.run_id), sizeof info.run_id - 1);
}

static unsigned version_of(const char *text)
{
    struct redis_info info = {0};

    redis_info_read(&info, span_of(text));
    return info.version;
}

TEST(versions)
{
    assert_int_equal(version_of("redis_version:7.0.0"), 70000);
    assert_int_equal(version_of("redis_version:8.0"), 80000);
    assert_int_equal(version_of("redis_version:10.99.99"), 109999);
    assert_int_equal(version_of("redis_version:8.0.0-rc1"), 80000);
    assert_int_equal(version_of("redis_version:7.100.0"), 0);
    assert_int_equal(version_of("redis_version:x"), 0);
    assert_int_equal(version_of("redis_version:"), 0);
}

static enum durability durability_of(const char *appendonly, const char *appendfsync)
{
    struct redis_info info = read_info("redis_version:7.0.0\n");

    if (appendonly) redis_info_config(&info, span_of("appendonly"), span_of(appendonly));
    if (appendfsync) redis_info_config(&info, span_of("appendfsync"), span_of(appendfsync));
    return redis_info_durability(&info);
}

TEST(durability_is_what_the_settings_promise)
{
    struct redis_info nothing = {0};

    assert_int_equal(durability_of("yes", "always"), DURABILITY_FSYNC);
    assert_int_equal(durability_of("yes", "everysec"), DURABILITY_EVERYSEC);
    assert_int_equal(durability_of("yes", "no"), DURABILITY_VOLATILE);
    assert_int_equal(durability_of("yes", NULL), DURABILITY_UNKNOWN);
    assert_int_equal(durability_of("no", "always"), DURABILITY_VOLATILE);
    assert_int_equal(durability_of(NULL, NULL), DURABILITY_VOLATILE);
    assert_int_equal(redis_info_durability(&nothing), DURABILITY_UNKNOWN);
    assert_string_equal(durability_name(DURABILITY_FSYNC), "fsync");
    assert_string_equal(durability_name(DURABILITY_EVERYSEC), "everysec");
    assert_string_equal(durability_name(DURABILITY_VOLATILE), "volatile");
    assert_string_equal(durability_name(DURABILITY_UNKNOWN), "unknown");
}

static void expect_refusal(const char *info_text, bool allow_eviction, const char *refusal)
{
    struct redis_info info = read_info(info_text);
    struct error why = {0};
    enum pinion_err err = redis_info_check(&info, allow_eviction, &why);

    if (!refusal) {
        assert_int_equal(err, PINION_OK);
        return;
    }
    assert_int_equal(err, PINION_UNAVAILABLE);
    if (!strstr(why.text, refusal)) fail_msg("no \"%s\" in: %s", refusal, why.text);
}

TEST(what_is_refused)
{
    expect_refusal("redis_version:7.0.0\n", false, NULL);
    expect_refusal("redis_version:6.2.99\n", false, "Redis 6.2.99 is too old");
    expect_refusal("redis_version:7.2.4\nvalkey_version:7.2.0\n", false, NULL);
    expect_refusal("redis_version:7.2.4\nvalkey_version:7.1.9\n", false, "Valkey 7.2 or later");
    expect_refusal("", false, "version");
    expect_refusal("redis_version:7.0.0\nmaxmemory_policy:noeviction\n", false, NULL);
    expect_refusal("redis_version:7.0.0\nmaxmemory_policy:allkeys-lru\n", false, "allkeys-lru");
    expect_refusal("redis_version:7.0.0\nmaxmemory_policy:volatile-ttl\n", false,
                   "--allow-eviction");
    expect_refusal("redis_version:7.0.0\nmaxmemory_policy:allkeys-lru\n", true, NULL);
}

TEST(error_answers_have_a_meaning)
{
    static const struct {
        const char *text;
        enum pinion_err code;
    } cases[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", PINION_BUSY        },
        {"LOADING Redis is loading the dataset in memory",          PINION_UNAVAILABLE },
        {"MASTERDOWN Link with MASTER is down",                     PINION_UNAVAILABLE },
        {"READONLY You can't write against a read only replica.",   PINION_UNAVAILABLE },
        {"MISCONF Errors writing to the AOF file",                  PINION_UNAVAILABLE },
        {"CLUSTERDOWN The cluster is down",                         PINION_UNAVAILABLE },
        {"TRYAGAIN Multiple keys request during rehashing of slot", PINION_UNAVAILABLE },
        {"BUSY Redis is busy running a script.",                    PINION_UNAVAILABLE },
        {"NOSCRIPT No matching script.",                            PINION_UNAVAILABLE },
        {"ERR max number of clients reached",                       PINION_UNAVAILABLE },
        {"NOAUTH Authentication required.",                         PINION_UNAUTHORIZED},
        {"WRONGPASS invalid username-password pair",                PINION_UNAUTHORIZED},
        {"NOPERM this user has no permissions",                     PINION_FORBIDDEN   },
        {"ERR unknown command",                                     PINION_INTERNAL    },
        {"WRONGTYPE Operation against a key",                       PINION_INTERNAL    },
        {"BUSYGROUP Consumer Group name already exists",            PINION_INTERNAL    },
        {"OOM",                                                     PINION_BUSY        },
        {"",                                                        PINION_INTERNAL    },
    };

    for (size_t i = 0; i < countof(cases); i++)
        if (redis_error_code(span_of(cases[i].text)) != cases[i].code)
            fail_msg("%s: not %s", cases[i].text, error_name(cases[i].code));
    assert_true(redis_error_is_noscript(span_of("NOSCRIPT No matching script.")));
    assert_false(redis_error_is_noscript(span_of("NOSCRIPTS")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lines_that_matter_are_read),
        cmocka_unit_test(valkey_gives_its_own_version_in_any_order),
        cmocka_unit_test(what_is_longer_than_its_place_is_cut),
        cmocka_unit_test(versions),
        cmocka_unit_test(durability_is_what_the_settings_promise),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(error_answers_have_a_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
