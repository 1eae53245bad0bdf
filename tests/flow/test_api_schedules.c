/* Schedules over HTTP: one table of requests against a real service and a real Redis, in their
 * order; then what a table cannot say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/api_world.h"

#define S    "/v1/schedules"
#define N    S "/nightly"
#define BODY "{\"cron\":\"0 3 1 1 *\",\"kind\":\"a\",\"payload\":\"secret\"}"

static const struct row {
    const char *method, *target, *headers, *body;
    unsigned    status;
    const char *says;
} rows[] = {
    /* ---- who may */
    {"PUT", N, JSON, BODY, 401, "needs a token"},
    {"DELETE", N, 0, 0, 401, "needs a token"},
    {"POST", N "/pause", 0, "", 401, "needs a token"},
    {"POST", N "/resume", 0, "", 401, "needs a token"},
    {"POST", N "/run", 0, "", 401, "needs a token"},
    {"POST", N "/backfill", JSON, "{}", 401, "needs a token"},
    {"GET", S, 0, 0, 200, "{\"items\":[],\"next\":null}"},
    {"GET", N, 0, 0, 404, "schedule nightly: not found"},

    /* ---- bodies that make nothing */
    {"PUT", N, AUTH, BODY, 400, "application/json"},
    {"PUT", N, AUTH JSON, "", 400, "expected a JSON object"},
    {"PUT", N, AUTH JSON, "{\"kind\":\"a\"}", 400,
     "`cron`, `every_ms` and `at`: expected one of them"},
    {"PUT", N, AUTH JSON, "{\"every_ms\":-1,\"kind\":\"a\"}", 400, "every_ms"},
    {"PUT", N, AUTH JSON, "{\"cron\":\"0 0 32 * *\",\"kind\":\"a\"}", 400, "column 5"},
    {"PUT", N, AUTH JSON, "{\"cron\":\"@daily\",\"tz\":\"Europe/Berln\",\"kind\":\"a\"}", 400,
     "did you mean Europe/Berlin?"},
    {"PUT", N, AUTH JSON, "{\"every_ms\":1000,\"kind\":\"a\",\"colour\":1}", 400, "key colour"},
    {"PUT", S "/a%20b", AUTH JSON, BODY, 400, "expected a name of 1 to 64"},
    {"PUT", S "/a%2fb", AUTH JSON, BODY, 400, "encoded slashes"},
    {"PUT", N, AUTH JSON "If-None-Match: \"1\"\r\n", BODY, 400, "expected If-None-Match: *"},
    {"PUT", N, AUTH JSON "If-Match: \"1\", \"2\"\r\n", BODY, 400, "with one ETag"},
    {"PUT", N, AUTH JSON "If-Match: *\r\n", BODY, 412, "is not there"},
    {"PUT", N, AUTH JSON "If-Match: \"1\"\r\n", BODY, 412, "is not there"},
    {"GET", S, 0, 0, 200, "{\"items\":[]"}, /* really nothing was made */

    /* ---- one, and the same again */
    {"PUT", N, AUTH JSON "If-None-Match: *\r\n", BODY, 201, "ETag: \"1\""},
    {"PUT", N, AUTH JSON, BODY, 200, "ETag: \"1\""},
    {"PUT", N, AUTH JSON "If-None-Match: *\r\n", BODY, 412, "already"},
    {"PUT", N, AUTH JSON "If-Match: \"7\"\r\n", BODY, 412, "at revision 1"},
    {"PUT", N, AUTH JSON "If-Match: nonsense\r\n", BODY, 412, "at revision 1"},
    {"PUT", N, AUTH JSON, "{\"every_ms\":1000,\"kind\":\"a\",\"queue\":\"mail\"}", 409,
     "belongs to queue default"},
    {"PUT", N, AUTH JSON "If-Match: \"1\"\r\n",
     "{\"cron\":\"0 4 1 1 *\",\"kind\":\"a\",\"payload\":\"secret\"}", 200, "ETag: \"2\""},
    {"PUT", S "/later", AUTH JSON,
     "{\"at\":\"2199-01-01T00:00:00Z\",\"kind\":\"a\",\"queue\":\"mail\"}", 201,
     "\"at\":\"2199-01-01"},

    /* ---- looking */
    {"GET", N, AUTH, 0, 200, "\"payload\":\"secret\""},
    {"GET", N, AUTH, 0, 200, "\"history\":[]"},
    {"GET", N "?x=1", 0, 0, 400, "expected no query"},
    {"GET", S "?limit=1", 0, 0, 200, "\"next\":\"later\""},
    {"GET", S "?after=later", 0, 0, 200, "{\"items\":[{\"name\":\"nightly\""},
    {"GET", S "?queue=mail", 0, 0, 200, "\"next\":null"},
    {"GET", S "?queue=a%20b", 0, 0, 400, "queue"},
    {"GET", S "?limit=257", 0, 0, 400, "from 1 to 256"},
    {"GET", N "/next?count=2", 0, 0, 200, "-01-01T04:00:00+00:00"},
    {"GET", N "/next?count=0", 0, 0, 400, "whole number from 1"},
    {"GET", S "/none/next", 0, 0, 404, "not found"},
    {"POST", N "/next", AUTH, "", 405, "Allow: GET, HEAD"},
    {"POST", N, AUTH, "", 405, "Allow: GET, HEAD, PUT, DELETE"},

    /* ---- steering */
    {"POST", N "/pause", AUTH, "", 200, "\"paused\":true"},
    {"POST", N "/pause", AUTH, "", 200, "ETag: \"3\""}, /* it is paused already */
    {"POST", N "/resume", AUTH, "{}", 200, "\"paused\":false"},
    {"GET", N, AUTH, 0, 200, "\"payload\":\"secret\""}, /* both left the job as it was */
    {"POST", N "/resume", AUTH, "now", 400, "expected no body"},
    {"POST", N "/run", AUTH, "", 201, "{\"id\":\"default:"},
    {"GET", N, AUTH, 0, 200, "\"outcome\":\"run\""},
    {"POST", S "/none/run", AUTH, "", 404, "not found"},
    {"POST", N "/backfill", AUTH JSON, "{\"from\":\"2020-01-01T00:00:00Z\"}", 400, "expected {"},
    {"POST", N "/backfill", AUTH JSON,
     "{\"from\":\"2020-01-01\",\"to\":\"2022-01-01T00:00:00Z\"}", 400, "with its zone"},
    {"POST", N "/backfill", AUTH JSON,
     "{\"from\":\"2022-01-01T00:00:00Z\",\"to\":\"2020-01-01T00:00:00Z\"}", 400, "after `from`"},
    {"POST", N "/backfill", AUTH JSON,
     "{\"from\":\"2020-01-01T00:00:00Z\",\"to\":\"2190-01-01T00:00:00Z\"}", 400, "has passed"},
    {"POST", N "/backfill", AUTH JSON,
     "{\"from\":\"2020-01-01T00:00:00Z\",\"to\":\"2022-01-01T00:00:00Z\",\"dry_run\":true}", 200,
     "\"fire_time\":\"2021-01-01T04:00:00.000Z\",\"id\":null"},
    {"POST", N "/backfill", AUTH JSON,
     "{\"from\":\"2020-01-01T00:00:00Z\",\"to\":\"2022-01-01T00:00:00Z\"}", 200,
     "\"id\":\"default:"},

    /* ---- the end */
    {"DELETE", N, AUTH "If-Match: \"1\"\r\n", 0, 412, "is at revision 4 now"},
    {"DELETE", N, AUTH "If-Match: nonsense\r\n", 0, 412, "is at revision 4 now"},
    {"DELETE", N, AUTH "If-Match: \"-1\"\r\n", 0, 412, "is at revision 4 now"},
    {"DELETE", N, AUTH "If-Match: \r\n", 0, 412, "is at revision 4 now"},
    {"DELETE", N, AUTH "If-Match: \"1\", \"4\"\r\n", 0, 400, "with one ETag"},
    {"DELETE", N, AUTH "If-None-Match: *\r\n", 0, 400, "expected no If-None-Match"},
    {"DELETE", N, "If-Match: \"4\"\r\n", 0, 401, "needs a token"},
    {"GET", N, 0, 0, 200, "ETag: \"4\""}, /* none of these did anything */
    {"DELETE", N, AUTH "If-Match: \"4\"\r\n", 0, 200, "\"status\":\"removed\""},
    {"DELETE", N, AUTH, 0, 404, "not found"},
    {"DELETE", N, AUTH "If-Match: \"4\"\r\n", 0, 404, "not found"},
    {"DELETE", N, AUTH "If-Match: *\r\n", 0, 404, "not found"},
    {"PUT", N, AUTH JSON, BODY, 201, "ETag: "},
    {"DELETE", N, AUTH "If-Match: *\r\n", 0, 200, "\"status\":\"removed\""},
    {"PUT", N, AUTH JSON, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"mail\"}", 201, "mail"},
};

TEST(each_route_answers)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct answer a = ask(r->method, r->target, r->headers, r->body);
        if (a.status != r->status || (!strstr(a.body, r->says) && !strstr(a.head, r->says)))
            fail_msg("row %zu: %s %s: %u, expected %u and %s: %s%s", i, r->method, r->target,
                     a.status, r->status, r->says, a.head, a.body);
    }
}

TEST(the_payload_needs_a_token)
{
    ask("PUT", S "/hidden", AUTH JSON, BODY);
    assert_null(strstr(ask("GET", S "/hidden", NULL, NULL).body, "secret"));
    assert_null(strstr(ask("GET", S, NULL, NULL).body, "secret"));
    assert_non_null(strstr(ask("GET", S, AUTH, NULL).body, "secret"));
}

TEST(what_was_got_may_be_sent_back)
{
    char *body = xstrdup(ask("GET", S "/hidden", AUTH, NULL).body);
    json_t *before = ask_json(200, "GET", S "/hidden", AUTH, NULL);
    json_t *after = ask_json(200, "PUT", S "/hidden", AUTH JSON, body);

    assert_int_equal(number_at(before, "revision"), number_at(after, "revision"));
    json_decref(before);
    json_decref(after);
    free(body);
}

TEST(pages_join_the_queues_by_name)
{
    char target[160], body[120], after[80] = "";
    unsigned seen = 0;
    json_t *page;

    for (int i = 0; i < 30; i++) {
        snprintf(target, sizeof target, S "/p%02d", i);
        snprintf(body, sizeof body, "{\"every_ms\":3600000,\"kind\":\"a\",\"queue\":\"q%d\"}",
                 i % 4);
        assert_int_equal(ask("PUT", target, AUTH JSON, body).status, 201);
    }
    snprintf(after, sizeof after, "ozzz");
    for (bool more = true; more; seen++) {
        snprintf(target, sizeof target, S "?limit=7&after=%s", after);
        page = ask_json(200, "GET", target, AUTH, NULL);
        json_t *items = json_object_get(page, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
            snprintf(body, sizeof body, "p%02u", seen * 7 + (unsigned)i);
            assert_string_equal(text_at(json_array_get(items, i), "name"), body);
        }
        const char *next = json_string_value(json_object_get(page, "next"));
        more = next != NULL;
        assert_int_equal(json_array_size(items), more ? 7 : 2);
        if (more) snprintf(after, sizeof after, "%s", next);
        json_decref(page);
    }
    assert_int_equal(seen, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_route_answers),
        cmocka_unit_test(the_payload_needs_a_token),
        cmocka_unit_test(what_was_got_may_be_sent_back),
        cmocka_unit_test(pages_join_the_queues_by_name),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
