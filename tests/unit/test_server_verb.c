/* tests/unit/test_server_verb.c — which server is meant, and whether it has done as told. */
#include "control/server_verb.h"

#include <string.h>
#include "tests/support/check.h"

static json_t *fleet(const char *text)
{
    json_t *servers = json_loads(text, 0, NULL);

    assert_non_null(servers);
    return servers;
}

static void refuses(enum server_verb verb, const char *text, const char *name,
                    enum pinion_err expected, const char *words)
{
    json_t *servers = fleet(text), *server = NULL;
    struct error why = {0};

    assert_int_equal(server_pick(verb, servers, name, &server, &why), expected);
    if (!strstr(why.text, words)) fail_msg("'%s' does not say '%s'", why.text, words);
    assert_null(server);
    json_decref(servers);
}

static const char two[] = "{\"aaaaaaaaaaaa\":{\"name\":\"aaaaaaaaaaaa\",\"alive\":true},"
                          "\"bbbbbbbbbbbb\":{\"name\":\"bbbbbbbbbbbb\",\"alive\":true}}";
static const char ends[] = "{\"a\":{\"name\":\"a\",\"alive\":true,\"state\":\"stopping\"},"
                           "\"b\":{\"name\":\"b\",\"alive\":false,\"seen_at\":\"lately\"}}";

TEST(one_is_picked_by_name_or_alone)
{
    json_t *servers = fleet(two), *server = NULL;
    struct error why;

    if (server_pick(SERVER_QUIET, servers, "bbbbbbbbbbbb", &server, &why)) fail_msg("%s", why.text);
    assert_ptr_equal(server, json_object_get(servers, "bbbbbbbbbbbb"));
    json_decref(servers);
    servers = fleet(ends);
    if (server_pick(SERVER_STOP, servers, NULL, &server, &why)) fail_msg("%s", why.text);
    assert_ptr_equal(server, json_object_get(servers, "a"));
    json_decref(servers);
}

TEST(what_cannot_be_meant_is_refused)
{
    refuses(SERVER_QUIET, "{}", "x", PINION_NOT_FOUND, "no server is known");
    refuses(SERVER_QUIET, "{}", NULL, PINION_NOT_FOUND, "no server is alive");
    refuses(SERVER_QUIET, two, NULL, PINION_INVALID, "2 servers are alive");
    refuses(SERVER_QUIET, ends, "b", PINION_CONFLICT, "is lost: last heard lately");
    refuses(SERVER_RESUME, ends, "a", PINION_CONFLICT, "is stopping");
}

TEST(the_nearest_name_is_told)
{
    char longest[400];

    refuses(SERVER_QUIET, two, "bbbbbbbb", PINION_NOT_FOUND, "nearest name is 'bbbbbbbbbbbb'");
    refuses(SERVER_QUIET, two, "aaabaaaaaaaa", PINION_NOT_FOUND, "nearest name is 'aaaaaaaaaaaa'");
    refuses(SERVER_QUIET, two, "", PINION_NOT_FOUND, "nearest name is");
    memset(longest, 'b', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    refuses(SERVER_QUIET, two, longest, PINION_NOT_FOUND, "nearest name is 'bbbbbbbbbbbb'");
}

TEST(done_is_what_the_server_says)
{
    json_t *quiet = fleet("{\"state\":\"quiet\"}"), *old = fleet("{}");

    assert_true(server_verb_done(SERVER_QUIET, quiet));
    assert_false(server_verb_done(SERVER_RESUME, quiet));
    assert_false(server_verb_done(SERVER_QUIET, old));
    assert_true(server_verb_done(SERVER_STOP, NULL));
    assert_false(server_verb_done(SERVER_QUIET, NULL));
    json_decref(quiet);
    json_decref(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_picked_by_name_or_alone),
        cmocka_unit_test(what_cannot_be_meant_is_refused),
        cmocka_unit_test(the_nearest_name_is_told),
        cmocka_unit_test(done_is_what_the_server_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
