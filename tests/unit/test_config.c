/* test_config.c — file, environment and flags into one struct; what is refused, and where. */
#include "tests/unit/config_world.h"
#include "tests/support/property.h"
#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TEST(defaults)
{
    finish();
    assert_null(config.redis);
    assert_null(config.state);
    assert_string_equal(config.listen, "127.0.0.1:7466");
    assert_string_equal(config.name_space, "pinion");
    assert_int_equal(config.concurrency, 256);
    assert_int_equal(config.lease_ms, 10000);
    assert_int_equal(config.grace_ms, 25000);
    assert_int_equal(config.log_level, LOG_INFO);
    assert_int_equal(config.log_format, LOG_AS_TEXT);
    assert_int_equal(config.fsync, REDIS_FSYNC_ALWAYS);
    assert_int_equal(config.maxmemory_bytes, 0);
    assert_false(config.allow_eviction);
    assert_int_equal(config.queue_count, 1);
    assert_string_equal(config.queues[0].name, "default");
    assert_int_equal(config.queues[0].weight, 1);
}

TEST(reads_a_whole_file)
{
    loads("\xEF\xBB\xBF# a comment\n"
          "[serve]\n"
          "redis = unix:///run/redis.sock\n"
          "listen=127.0.0.1:0\n"
          "namespace = shop\n"
          "queue = mail=3\n"
          "queue = bulk ; behind a value\n"
          "concurrency = 8\n"
          "lease = 30s\r\n"
          "grace = 1m30s\n"
          "on-dead = notify\n"
          "http-host = jobs.example.org\n"
          "fsync = everysec\n"
          "maxmemory = 64mb\n"
          "allow-eviction = yes\n"
          "log-level = debug\n"
          "log-format = json\n"
          "state = /tmp/here\n"
          "\n"
          "[command \"wc\"]\n"
          "argv = wc -l 'a file'\n"
          "concurrency = 2\n"
          "timeout = 5m\n"
          "attempts = 3\n"
          "backoff = fixed:30s\n"
          "on-dead = report\n"
          "[command \"user.*\"]  ; a prefix\n"
          "argv = sh -c\n"
          "    \"echo $1\"\n"
          "  ; between the lines\n"
          "    x\n"
          "[queue \"slow\"]\n"
          "on-dead =\n");
    finish();
    assert_string_equal(config.redis, "unix:///run/redis.sock");
    assert_string_equal(config.listen, "127.0.0.1:0");
    assert_string_equal(config.name_space, "shop");
    assert_string_equal(config.state, "/tmp/here");
    assert_int_equal(config.concurrency, 8);
    assert_int_equal(config.lease_ms, 30000);
    assert_int_equal(config.grace_ms, 90000);
    assert_int_equal(config.fsync, REDIS_FSYNC_EVERYSEC);
    assert_int_equal(config.maxmemory_bytes, 64 * 1024 * 1024);
    assert_true(config.allow_eviction);
    assert_int_equal(config.log_level, LOG_DEBUG);
    assert_int_equal(config.log_format, LOG_AS_JSON);
    assert_int_equal(config.host_count, 1);
    assert_string_equal(config.hosts[0], "jobs.example.org");
    assert_int_equal(config.queue_count, 3);
    assert_string_equal(config.queues[0].name, "mail");
    assert_int_equal(config.queues[0].weight, 3);
    assert_string_equal(config.queues[1].name, "bulk");
    assert_int_equal(config.queues[1].weight, 1);
    assert_string_equal(config.queues[2].name, "slow");
    assert_int_equal(config.handler_count, 2);
    assert_string_equal(config.handlers[0].kind, "wc");
    assert_string_equal(config.handlers[0].argv[0], "wc");
    assert_string_equal(config.handlers[0].argv[2], "a file");
    assert_null(config.handlers[0].argv[3]);
    assert_int_equal(config.handlers[0].concurrency, 2);
    assert_int_equal(config.handlers[0].timeout_ms, 300000);
    assert_int_equal(config.handlers[0].attempts_max, 3);
    assert_string_equal(config.handlers[0].backoff, "fixed:30s");
    assert_null(config.handlers[1].backoff);
    assert_string_equal(config.handlers[0].on_dead, "report");
    assert_null(config.handlers[1].on_dead);
    assert_string_equal(config.on_dead, "notify");
    assert_string_equal(config.queues[1].on_dead, "notify");
    assert_string_equal(config.queues[2].on_dead, "");
    assert_string_equal(config.handlers[1].argv[2], "echo $1");
    assert_string_equal(config.handlers[1].argv[3], "x");
    assert_null(config.handlers[1].argv[4]);
}

TEST(flag_beats_environment_beats_file)
{
    loads("[serve]\nredis = redis://file:1\nstate = /file\nnamespace = file\n");
    setenv("PINION_REDIS_URL", "redis://env:1", 1);
    setenv("PINION_STATE", "/env", 1);
    setenv("PINION_LISTEN", "", 1); /* empty: as if unset */
    assert_int_equal(config_load_env(&config, &why), PINION_OK);
    unsetenv("PINION_REDIS_URL");
    unsetenv("PINION_STATE");
    unsetenv("PINION_LISTEN");
    set("redis", "redis://flag:1");
    assert_string_equal(config.redis, "redis://flag:1");
    assert_string_equal(config.state, "/env");
    assert_string_equal(config.name_space, "file");
    assert_string_equal(config.listen, "127.0.0.1:7466");
}

TEST(bad_environment_is_named)
{
    setenv("PINION_LOG_LEVEL", "loud", 1);
    assert_int_equal(config_load_env(&config, &why), PINION_INVALID);
    unsetenv("PINION_LOG_LEVEL");
    assert_string_equal(why.text, "environment PINION_LOG_LEVEL: log-level: expected debug, info, "
                                  "warn, error, not 'loud'");
}

TEST(queues_stand_in_the_order_of_the_strongest_source)
{
    loads("[serve]\nqueue = c\n[queue \"a\"]\n[queue \"b\"]\n");
    set("queue", "b");
    set("queue", "new");
    set("queue", "a");
    set("queue", "b"); /* again: stays where it is */
    finish();
    assert_int_equal(config.queue_count, 3);
    assert_string_equal(config.queues[0].name, "b");
    assert_string_equal(config.queues[1].name, "new");
    assert_string_equal(config.queues[2].name, "a");
    assert_false(config.strict);
}

TEST(strict_is_without_weights)
{
    loads("[serve]\nstrict = yes\n[queue \"a\"]\n[queue \"b\"]\nweight = 1\n");
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    assert_string_equal(why.text, "strict: expected queues without weights, not 'b=1'");
    set("queue", "a"); /* then b is not served, and its weight is nobody's */
    finish();
    assert_true(config.strict);
    assert_int_equal(config.queues[0].weight, 1);
}

static void limit_is(size_t i, enum limit_scope scope, const char *name, const char *words)
{
    const struct limit *l = &config.queues[0].limits[i];
    char text[64], rate[RATE_TEXT_MAX];

    assert_true(i < config.queues[0].limit_count);
    assert_int_equal(l->scope, scope);
    assert_true(span_is(l->name, name));
    snprintf(text, sizeof text, "%d %u, %d %s, %u", !l->keep_concurrency, l->concurrency,
             !l->keep_rate, rate_format(l->count, l->per_ms, rate), l->burst);
    assert_string_equal(text, words);
}

TEST(limits_of_a_queue)
{
    const struct bounds *b;

    loads("[queue \"mail\"]\n"
          "concurrency = 20\n"
          "kind.user:mail.send.rate = 100/1s\n"
          "kind.user:mail.send.burst = 10\n"
          "group.acme@example:1.concurrency = 3\n"
          "groups.concurrency = 2\n"
          "groups.rate = 5/1m\n"
          "concurrency = 21\n"
          "max-jobs = 100000\n"
          "keep-for = 90d\n"
          "[queue \"plain\"]\n");
    finish();
    assert_int_equal(config.queues[0].limit_count, 4);
    limit_is(0, LIMIT_QUEUE, "", "1 21, 0 0/0s, 0");
    limit_is(1, LIMIT_KIND, "user:mail.send", "0 0, 1 100/1s, 10");
    limit_is(2, LIMIT_GROUP, "acme@example:1", "1 3, 0 0/0s, 0");
    limit_is(3, LIMIT_EACH_GROUP, "", "1 2, 1 5/1m, 0");
    b = &config.queues[0].bounds;
    assert_true(b->max_jobs == 100000 && b->keep_ms == UINT64_C(90) * 86400000);
    assert_true(b->max_bytes == BOUND_KEPT && b->keep_jobs == BOUND_KEPT);
    assert_true(config_queue_bounded(&config.queues[0]));
    assert_int_equal(config.queues[1].limit_count, 0);
    assert_false(config_queue_bounded(&config.queues[1]));
}

TEST(limits_stay_when_a_flag_names_the_queue)
{
    loads("[queue \"mail\"]\nconcurrency = 20\n[queue \"other\"]\nrate = 1/1s\n");
    set("queue", "mail");
    finish();
    assert_int_equal(config.queue_count, 1);
    limit_is(0, LIMIT_QUEUE, "", "1 20, 0 0/0s, 0");
}

TEST(refuses_bad_limits)
{
    refused_at(2, "concurrency: expected a whole number from 1 to 100000",
               "[queue \"a\"]\nconcurrency = 0\n");
    refused_at(2, "kind.x.concurrency: expected a whole number from 1 to 100000",
               "[queue \"a\"]\nkind.x.concurrency = 100001\n");
    refused_at(2, "rate: expected N/DURATION", "[queue \"a\"]\nrate = 100\n");
    refused_at(2, "kind '", "[queue \"a\"]\nkind..rate = 1/1s\n");
    refused_at(2, "kind '", "[queue \"a\"]\nkind.a@b.rate = 1/1s\n");
    refused_at(2, "kind '", "[queue \"a\"]\nkind.a\x01" "b.rate = 1/1s\n");
    refused_at(2, "group '", "[queue \"a\"]\ngroup.a b.rate = 1/1s\n");
    refused_at(2, "kind '", "[queue \"a\"]\nkind.rate = 1/1s\n");
    refused_at(3, "unknown key 'kind.x.speed'", "[queue \"a\"]\nrate = 1/1s\nkind.x.speed = 1\n");
    refused_at(2, "unknown key 'groups.max-jobs'", "[queue \"a\"]\ngroups.max-jobs = 1\n");
    refused_at(2, "max-jobs: expected a whole number from 0 to 1000000000000000",
               "[queue \"a\"]\nmax-jobs = 1000000000000001\n");
    refused_at(2, "keep-for: expected a duration", "[queue \"a\"]\nkeep-for = long\n");
    loads("[queue \"a\"]\ngroups.burst = 2\n");
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    assert_string_equal(why.text, "queue 'a': burst: expected 1 to 100000, and `rate` with it");
}

TEST(limits_at_their_limit)
{
    struct buffer text = BUFFER_INIT;

    buffer_add_text(&text, "[queue \"a\"]\n");
    for (int i = 0; i < LIMITS_MAX; i++) buffer_printf(&text, "kind.k%d.concurrency = 1\n", i);
    loads(text.data);
    finish();
    assert_int_equal(config.queues[0].limit_count, LIMITS_MAX);
    config_deinit(&config);
    config_init(&config);
    buffer_add_text(&text, "concurrency = 1\n");
    refused_at(LIMITS_MAX + 2, "at most 1000 limits", text.data);
    buffer_deinit(&text);
}

TEST(lists_of_flags_replace_those_of_the_file)
{
    loads("[serve]\nqueue = a\nhttp-host = file\n"
          "[queue \"mail\"]\nweight = 5\n"
          "[command \"x\"]\nargv = file\n[command \"y\"]\nargv = file\n");
    set("queue", "mail");
    set("queue", "other=2");
    set("http-host", "flag");
    set("command", "x=flag 'a b' c=d");
    finish();
    assert_int_equal(config.queue_count, 2);
    assert_string_equal(config.queues[0].name, "mail");
    assert_int_equal(config.queues[0].weight, 5); /* what the file knows of the queue stays true */
    assert_string_equal(config.queues[1].name, "other");
    assert_int_equal(config.queues[1].weight, 2);
    assert_int_equal(config.host_count, 1);
    assert_string_equal(config.hosts[0], "flag");
    assert_int_equal(config.handler_count, 2); /* commands are replaced one by one */
    assert_string_equal(config.handlers[0].argv[0], "flag");
    assert_string_equal(config.handlers[0].argv[2], "c=d");
    assert_string_equal(config.handlers[1].argv[0], "file");
}

static void unfinished(const char *words)
{
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    if (!strstr(why.text, words)) fail_msg("expected \"%s\" in: %s", words, why.text);
}

TEST(tls_needs_both_files_and_tcp)
{
    assert_false(config_has_tls(&config));
    set("tls-cert", "a.pem");
    unfinished("tls-cert: expected tls-key with it");
    setenv("PINION_TLS_KEY", "env.pem", 1);
    config_deinit(&config);
    config_init(&config);
    assert_int_equal(config_load_env(&config, &why), PINION_OK);
    unsetenv("PINION_TLS_KEY");
    unfinished("tls-key: expected tls-cert with it");
    set("tls-cert", "a.pem");
    finish();
    assert_true(config_has_tls(&config));
    assert_string_equal(config.tls_key, "env.pem");
    set("listen", "unix:/x");
    unfinished("leaves no machine");
    set("listen", "none");
    finish();
    assert_false(config_has_tls(&config));
}

TEST(refuses_with_file_and_line)
{
    refused_at(2, "unknown key 'colour'", "[serve]\ncolour = red\n");
    refused_at(3, "concurrency: expected a whole number from 1 to 100000, not '0'",
               "[serve]\n\nconcurrency = 0\nlease = never\n");
    refused_at(1, "expected a section", "redis = redis://x:1\n");
    refused_at(1, "expected [serve], [queue \"NAME\"]", "[hook \"x\"]\n");
    refused_at(1, "expected [serve]", "[queue mail]\n");
    refused_at(1, "expected [serve]", "[serve\nlisten = x:1\n");
    refused_at(1, "expected [serve]", "[serve] listen = x:1\n");
    refused_at(2, "expected [serve]", "[serve]\n [serve]\n");
    refused_at(1, "queue: ", "[queue \"a b\"]\n");
    refused_at(1, "command: expected a kind", "[command \"a*\"]\n");
    refused_at(2, "expected KEY = VALUE", "[serve]\nallow-eviction\ncolour = red\n");
    refused_at(2, "weight: expected a whole number", "[queue \"a\"]\nweight = 1001\n");
    refused_at(2, "unknown key 'size' in [queue]", "[queue \"a\"]\nsize = 1\n");
    refused_at(2, "unknown key 'shell' in [command]", "[command \"a\"]\nshell = 1\n");
    refused_at(2, "command a: ", "[command \"a\"]\nargv = 'open\n more\n");
    refused_at(2, "timeout: expected a duration", "[command \"a\"]\ntimeout = soon\n");
    refused_at(2, "attempts: expected a whole number", "[command \"a\"]\nattempts = 1001\n");
    refused_at(2, "expected", "[command \"a\"]\nbackoff = sometimes\n");
    refused_at(2, "on-dead: expected a kind", "[command \"a\"]\non-dead = a*\n");
    refused_at(2, "on-dead: expected a kind", "[queue \"a\"]\non-dead = a b\n");
    refused_at(2, "on-dead: expected a kind", "[serve]\non-dead = a*\n");
}

TEST(a_command_needs_its_program)
{
    loads("[command \"wc\"]\nconcurrency = 2\n");
    assert_int_equal(config_finish(&config, &why), PINION_INVALID);
    assert_string_equal(why.text, "command wc: expected argv = PROGRAM ARGUMENTS");
}

static void flag_refused(const char *key, const char *value, const char *words)
{
    assert_int_equal(config_set(&config, key, value, &why), PINION_INVALID);
    if (!strstr(why.text, words)) fail_msg("expected '...%s...', not '%s'", words, why.text);
}

TEST(refuses_bad_values)
{
    flag_refused("colour", "red", "unknown key 'colour'");
    flag_refused("listen", "7466", "ADDR:PORT");
    flag_refused("listen", "127.0.0.1:65536", "ADDR:PORT");
    flag_refused("listen", "unix:here", "ADDR:PORT");
    flag_refused("namespace", "", "1 to 32");
    flag_refused("namespace", "a{b}", "1 to 32");
    flag_refused("queue", "a=", "weight of 1 to 1000");
    flag_refused("queue", "a=0", "weight of 1 to 1000");
    flag_refused("queue", "=1", "queue: ");
    flag_refused("command", "wc", "KIND=");
    flag_refused("command", "=wc", "expected a kind");
    flag_refused("command", "wc=", "command wc: ");
    flag_refused("lease", "999ms", "from 1s to 1h");
    flag_refused("lease", "61m", "from 1s to 1h");
    flag_refused("fsync", "never", "always, everysec, no");
    flag_refused("allow-eviction", "1", "yes or no");
    flag_refused("maxmemory", "16777215", "from 16mb");
    flag_refused("maxmemory", "15mb", "from 16mb");
    flag_refused("maxmemory", "1tb", "from 16mb");
    flag_refused("http-host", "a:80", "without port");
    flag_refused("state", "", "a folder");
    flag_refused("cgroup", "", "auto, none or a folder, from / on");
    flag_refused("cgroup", "below/me", "auto, none or a folder, from / on");
    flag_refused("tls-cert", "", "a file");
    flag_refused("http-connections", "0", "from 1 to 1000000");
    flag_refused("http-connections", "1000001", "from 1 to 1000000");
    flag_refused("http-peer-connections", "1000001", "from 1 to 1000000");
    flag_refused("http-idle", "999ms", "from 1s to 1d");
    flag_refused("http-idle", "86401s", "from 1s to 1d");
    set("http-connections", "1000000");
    set("http-peer-connections", "1");
    set("http-idle", "1d");
    assert_int_equal(config.http_connections, 1000000);
    assert_int_equal(config.http_peer_connections, 1);
    assert_int_equal(config.http_idle_ms, 86400000);
    flag_refused("tls-key", "", "a file");
    flag_refused("threads", "0", "from 1 to 4096");
    flag_refused("threads", "4097", "from 1 to 4096");
    set("threads", "4096");
    assert_int_equal(config.threads, 4096);
    set("maxmemory", "16777216");
    set("maxmemory", "1gb");
    assert_int_equal(config.maxmemory_bytes, 1 << 30);
    set("lease", "1s");
    set("lease", "1h");
    set("grace", "0");
}

TEST(a_password_is_not_repeated)
{
    flag_refused("redis", "http://:secret@host", "expected redis://");
    assert_null(strstr(why.text, "secret"));
}

TEST(names_at_their_limit)
{
    char text[300], name[130];

    memset(name, 'q', sizeof name);
    snprintf(text, sizeof text, "[queue \"%.64s\"]\n[command \"%.128s\"]\nargv = x\n", name, name);
    loads(text);
    assert_int_equal(strlen(config.queues[0].name), 64);
    assert_int_equal(strlen(config.handlers[0].kind), 128); /* longer than libinih's own 49 */
    snprintf(text, sizeof text, "[queue \"%.65s\"]\n", name);
    refused_at(1, "queue: ", text);
    snprintf(text, sizeof text, "[command \"%.129s\"]\n", name);
    refused_at(1, "command: expected a kind", text);
}

TEST(queues_at_their_limit)
{
    char name[32];

    for (int i = 0; i < QUEUES_MAX; i++) {
        snprintf(name, sizeof name, "q%d", i);
        set("queue", name);
    }
    set("queue", "q7=2"); /* known: not one more */
    flag_refused("queue", "one-more", "at most 1024 queues");
    finish();
    assert_int_equal(config.queue_count, QUEUES_MAX);
    assert_int_equal(config.queues[7].weight, 2);
}

TEST(long_lines_and_binary)
{
    char text[1024];
    int len = snprintf(text, sizeof text, "[serve]\nhttp-host = ");

    memset(text + len, 'h', 300);
    strcpy(text + len + 300, "\n");
    refused_at(2, "line is too long", text);
    assert_int_equal(load_bytes("[serve]\n\0\n", 10), PINION_INVALID);
    assert_non_null(strstr(why.text, "NUL"));
    assert_int_equal(config_load_file(&config, "/nowhere/pinion.ini", &why), PINION_NOT_FOUND);
    assert_int_equal(config_load_file(&config, "/tmp", &why), PINION_INVALID);
}

TEST(file_at_its_limit)
{
    char *text = malloc(CONFIG_FILE_BYTES_MAX + 1);

    assert_non_null(text);
    for (int i = 0; i <= CONFIG_FILE_BYTES_MAX; i++) text[i] = i % 100 == 99 ? '\n' : ' ';
    assert_int_equal(load_bytes(text, CONFIG_FILE_BYTES_MAX), PINION_OK);
    assert_int_equal(load_bytes(text, CONFIG_FILE_BYTES_MAX + 1), PINION_TOO_LARGE);
    free(text);
}

TEST(every_key_is_described)
{
    size_t count = 0;

    for (const struct config_key *key; (key = config_key(count)); count++) {
        assert_true(strlen(key->name) > 0 && strlen(key->help) > 0);
        bool path = key->value && (strncmp(key->value, "FILE", 4) == 0 ||
                                   strcmp(key->value, "DIR") == 0);
        assert_int_equal(config_set(&config, key->name, "\x01", &why), /* no value of other keys */
                         path ? PINION_OK : PINION_INVALID);
        assert_null(strstr(why.text, "unknown key"));
    }
    assert_true(count >= 15);
}

/* Whatever a file holds, it is read or refused with file and line; never a crash, never silence. */
TEST(any_file_is_read_or_refused)
{
    static const char *const pieces[] = {
        "[serve]",
        "[queue \"a\"]",
        "[command \"k\"]",
        "\n",
        "\n ",
        "argv",
        "=",
        ":",
        "weight = 2",
        "listen = a:1",
        "'",
        "\"",
        "\\",
        ";",
        "#",
        "[",
        "]",
        " ",
        "\t",
        "\r",
        "x",
        "\xff",
    };
    struct prng prng = {property_seed("PINION_CONFIG_SEED")};
    char text[512];

    for (int round = 0; round < 3000; round++) {
        text[0] = '\0';
        for (uint64_t n = prng_below(&prng, 40); n; n--)
            strcat(text, pieces[prng_below(&prng, sizeof pieces / sizeof pieces[0])]);
        config_deinit(&config);
        config_init(&config);
        if (!load(text)) continue;
        if (strncmp(why.text, config_file, strlen(config_file)) != 0)
            fail_msg("%s for: %s", why.text, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        config_test(defaults),
        config_test(reads_a_whole_file),
        config_test(flag_beats_environment_beats_file),
        config_test(bad_environment_is_named),
        config_test(queues_stand_in_the_order_of_the_strongest_source),
        config_test(strict_is_without_weights),
        config_test(limits_of_a_queue),
        config_test(limits_stay_when_a_flag_names_the_queue),
        config_test(refuses_bad_limits),
        config_test(limits_at_their_limit),
        config_test(lists_of_flags_replace_those_of_the_file),
        config_test(tls_needs_both_files_and_tcp),
        config_test(refuses_with_file_and_line),
        config_test(a_command_needs_its_program),
        config_test(refuses_bad_values),
        config_test(a_password_is_not_repeated),
        config_test(names_at_their_limit),
        config_test(queues_at_their_limit),
        config_test(long_lines_and_binary),
        config_test(file_at_its_limit),
        config_test(every_key_is_described),
        config_test(any_file_is_read_or_refused),
    };

    return cmocka_run_group_tests(tests, config_world_begin, config_world_end);
}
