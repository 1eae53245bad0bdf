/* tests/unit/test_route.c — paths against the table, and their one decoding. */
#include "control/http/route.h"

#include <string.h>

#include "tests/support/check.h"

static const struct route table[] = {
    {"GET",    "/",                    NULL, 0},
    {"GET",    "/healthz",             NULL, 0},
    {"GET",    "/v1/queues",           NULL, 0},
    {"GET",    "/v1/queues/{q}/jobs",  NULL, 0},
    {"POST",   "/v1/queues/{q}/jobs",  NULL, 0},
    {"POST",   "/v1/queues/{q}/pause", NULL, 0},
    {"GET",    "/v1/jobs/latest",      NULL, 0},
    {"GET",    "/v1/jobs/{id}",        NULL, 0},
    {"DELETE", "/v1/jobs/{id}",        NULL, 0},
    {"PUT",    "/v1/a/{x}/b/{y}",      NULL, 0},
};

static struct route_match match;

static enum route_found find(const char *method, const char *path)
{
    return route_find(table, countof(table), method, span_of(path), &match);
}

static void assert_found(const char *method, const char *path, const char *pattern)
{
    assert_int_equal(find(method, path), ROUTE_OK);
    assert_string_equal(match.route->pattern, pattern);
}

TEST(finds_rows)
{
    assert_found("GET", "/", "/");
    assert_found("GET", "/healthz", "/healthz");
    assert_found("GET", "/v1/queues/mail/jobs", "/v1/queues/{q}/jobs");
    assert_string_equal(match.route->method, "GET");
    assert_found("POST", "/v1/queues/mail/jobs", "/v1/queues/{q}/jobs");
    assert_string_equal(match.route->method, "POST");
    assert_int_equal(match.args.count, 1);
    assert_true(span_is(match.args.arg[0], "mail"));
    assert_found("HEAD", "/healthz", "/healthz");
}

TEST(first_row_wins)
{
    assert_found("GET", "/v1/jobs/latest", "/v1/jobs/latest");
    assert_int_equal(match.args.count, 0);
    assert_found("GET", "/v1/jobs/latest2", "/v1/jobs/{id}");
    assert_found("DELETE", "/v1/jobs/latest", "/v1/jobs/{id}");
}

TEST(takes_arguments_in_order)
{
    assert_found("PUT", "/v1/a/one/b/two", "/v1/a/{x}/b/{y}");
    assert_int_equal(match.args.count, 2);
    assert_string_equal(match.args.arg[0].data, "one");
    assert_string_equal(match.args.arg[1].data, "two");
}

TEST(no_such_path)
{
    static const char *const paths[] = {"/nothing",
                                        "/healthz/",
                                        "//",
                                        "/v1",
                                        "/v1/queues/",
                                        "/v1/queues//jobs",
                                        "/v1/jobs/",
                                        "/v1/jobs/a/b",
                                        "/HEALTHZ",
                                        "healthz",
                                        "*",
                                        "",
                                        "/1/2/3/4/5/6/7/8/9/10"};

    for (size_t i = 0; i < countof(paths); i++) {
        assert_int_equal(find("GET", paths[i]), ROUTE_NO_PATH);
        assert_null(match.route);
    }
}

TEST(other_methods)
{
    assert_int_equal(find("POST", "/healthz"), ROUTE_OTHER_METHOD);
    assert_string_equal(match.allow, "GET, HEAD");
    assert_int_equal(find("PUT", "/v1/queues/q/jobs"), ROUTE_OTHER_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_int_equal(find("POST", "/v1/jobs/x"), ROUTE_OTHER_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, DELETE");
    assert_int_equal(find("GET", "/v1/queues/q/pause"), ROUTE_OTHER_METHOD);
    assert_string_equal(match.allow, "POST");
    assert_int_equal(find("HEAD", "/v1/queues/q/pause"), ROUTE_OTHER_METHOD);
}

TEST(decodes_once)
{
    assert_found("GET", "/v1/jobs/mail%3A01%20x", "/v1/jobs/{id}");
    assert_string_equal(match.args.arg[0].data, "mail:01 x");
    assert_found("GET", "/v1/jobs/a%252fb", "/v1/jobs/{id}"); /* not twice */
    assert_string_equal(match.args.arg[0].data, "a%2fb");
    assert_found("GET", "/%68ealthz", "/healthz");
    assert_found("GET", "/v1/jobs/gr%C3%BCn", "/v1/jobs/{id}");
    assert_string_equal(match.args.arg[0].data, "gr\xc3\xbcn");
    assert_found("GET", "/v1/jobs/...", "/v1/jobs/{id}");
    assert_found("GET", "/v1/jobs/a+b", "/v1/jobs/{id}"); /* '+' is a blank in queries only */
    assert_string_equal(match.args.arg[0].data, "a+b");
}

TEST(refuses_bad_paths)
{
    static const char *const paths[] = {
        "/v1/jobs/a%00b",
        "/v1/jobs/a%2fb",
        "/v1/jobs/a%2Fb",
        "/v1/../healthz",
        "/..",
        "/v1/jobs/.",
        "/v1/jobs/%2e%2E",
        "/v1/jobs/.%2e",
        "/%",
        "/v1/jobs/%4",
        "/v1/jobs/%zz",
        "/v1/jobs/%0a",
        "/v1/jobs/%7f",
        "/v1/jobs/%ff",
        "/v1/jobs/%ed%a0%80",
        "/no/such/but/still/bad/as/it/has/%00",
        "/v1/jobs/%+1",
    };

    for (size_t i = 0; i < countof(paths); i++)
        assert_int_equal(find("GET", paths[i]), ROUTE_BAD_PATH);
}

TEST(path_length_at_the_limit)
{
    char path[ROUTE_PATH_BYTES_MAX + 2];

    memset(path, 'a', sizeof path);
    memcpy(path, "/v1/jobs/", 9);
    path[ROUTE_PATH_BYTES_MAX] = 0;
    assert_found("GET", path, "/v1/jobs/{id}");
    assert_int_equal(match.args.arg[0].len, ROUTE_PATH_BYTES_MAX - 9);
    path[ROUTE_PATH_BYTES_MAX] = 'a';
    path[ROUTE_PATH_BYTES_MAX + 1] = 0;
    assert_int_equal(find("GET", path), ROUTE_NO_PATH);
}

TEST(segments_at_the_limit)
{
    static const struct route deep[] = {
        {"GET", "/1/2/3/4/5/6/7/{x}", NULL, 0}
    };

    _Static_assert(ROUTE_SEGMENTS_MAX == 8, "the pattern above has as many");
    assert_int_equal(route_find(deep, 1, "GET", span_of("/1/2/3/4/5/6/7/8"), &match), ROUTE_OK);
    assert_string_equal(match.args.arg[0].data, "8");
    assert_int_equal(route_find(deep, 1, "GET", span_of("/1/2/3/4/5/6/7/8/9"), &match),
                     ROUTE_NO_PATH);
}

TEST(many_empty_segments_stay_inside)
{
    char path[ROUTE_PATH_BYTES_MAX + 1];

    memset(path, '/', sizeof path);
    path[ROUTE_PATH_BYTES_MAX] = 0;
    assert_int_equal(find("GET", path), ROUTE_NO_PATH);
}

static enum pinion_err query(const char *text, const char *name, char out[16])
{
    return route_query(span_of(text), name, out, 16, NULL);
}

TEST(query_values)
{
    char out[16];

    assert_int_equal(query("state=ready&limit=10", "limit", out), PINION_OK);
    assert_string_equal(out, "10");
    assert_int_equal(query("tag=a+b%26c", "tag", out), PINION_OK);
    assert_string_equal(out, "a b&c");
    assert_int_equal(query("wait", "wait", out), PINION_OK);
    assert_string_equal(out, "");
    assert_int_equal(query("a=1=2", "a", out), PINION_OK);
    assert_string_equal(out, "1=2");
    assert_int_equal(query("awaits=1", "wait", out), PINION_NOT_FOUND);
    assert_int_equal(query(NULL, "wait", out), PINION_NOT_FOUND);
    assert_int_equal(query("", "wait", out), PINION_NOT_FOUND);
}

TEST(query_refuses)
{
    struct error why = {0};
    char out[16];

    assert_int_equal(query("a=1&a=1", "a", out), PINION_INVALID);
    assert_int_equal(query("a=%00", "a", out), PINION_INVALID);
    assert_int_equal(query("a=%f", "a", out), PINION_INVALID);
    assert_int_equal(query("a=%ff", "a", out), PINION_INVALID);
    assert_int_equal(query("a=123456789012345", "a", out), PINION_OK); /* with its NUL: 16 */
    assert_int_equal(query("a=1234567890123456", "a", out), PINION_INVALID);
    assert_int_equal(route_query(span_of("q=%"), "q", out, sizeof out, &why), PINION_INVALID);
    assert_non_null(strstr(why.text, "?q="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_rows),
        cmocka_unit_test(first_row_wins),
        cmocka_unit_test(takes_arguments_in_order),
        cmocka_unit_test(no_such_path),
        cmocka_unit_test(other_methods),
        cmocka_unit_test(decodes_once),
        cmocka_unit_test(refuses_bad_paths),
        cmocka_unit_test(path_length_at_the_limit),
        cmocka_unit_test(segments_at_the_limit),
        cmocka_unit_test(many_empty_segments_stay_inside),
        cmocka_unit_test(query_values),
        cmocka_unit_test(query_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
