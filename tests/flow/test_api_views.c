/* What is looked at besides jobs and queues: servers, what they did of late, cron expressions, and
 * a schedule that is known already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "control/api/servers.h"
#include "control/upcoming.h"
#include "scheduler/cron.h"
#include "tests/flow/api_world.h"

static void refused(const char *target, const char *message)
{
    json_t *a = ask_json(400, "GET", target, NULL, NULL);

    assert_string_equal(text_at(a, "error.code"), "invalid");
    assert_non_null(strstr(text_at(a, "error.message"), message));
    json_decref(a);
}

static size_t size_at(const json_t *o, const char *key)
{
    return json_array_size(json_object_get(o, key));
}

/* ---- of late --------------------------------------------------------------------------------- */

static json_int_t done_of_late(void)
{
    json_t *s = ask_json(200, "GET", "/v1/stats", NULL, NULL);
    json_int_t n = number_at(s, "server.recent.run.count");

    json_decref(s);
    return n;
}

TEST(what_was_done_of_late_is_told)
{
    json_decref(ask_json(201, "POST", "/v1/queues/default/jobs", AUTH JSON,
                         "[{\"kind\":\"wc\",\"payload\":\"a b\"},{\"kind\":\"wc\"}]"));
    eventually(done_of_late() == 2);
    json_t *s = ask_json(200, "GET", "/v1/stats", NULL, NULL);
    const json_t *recent = json_object_get(json_object_get(s, "server"), "recent");
    const json_t *kind = json_array_get(json_object_get(recent, "kinds"), 0);
    assert_true(number_at(recent, "window_ms") >= 1);
    assert_int_equal(number_at(recent, "wait.count"), 2);
    assert_true(json_is_number(json_object_get(json_object_get(recent, "run"), "p99_ms")));
    assert_true(json_is_null(json_object_get(json_object_get(recent, "lateness"), "p50_ms")));
    assert_string_equal(text_at(kind, "queue"), "default");
    assert_string_equal(text_at(kind, "kind"), "wc");
    assert_int_equal(number_at(recent, "kinds_more"), 0);
    json_decref(s);
}

static bool server_tells_of_two(void)
{
    json_t *s = ask_json(200, "GET", "/v1/servers", NULL, NULL);
    const json_t *server = json_array_get(json_object_get(s, "items"), 0);
    bool told = number_at(server, "recent.run.count") == 2;

    json_decref(s);
    return told;
}

/* The heartbeats carry it. */
TEST(each_server_tells_it_to_all)
{
    eventually(server_tells_of_two());
}

TEST(rates_of_queues_are_told)
{
    json_t *s = ask_json(200, "GET", "/v1/stats", NULL, NULL);
    json_t *q = ask_json(200, "GET", "/v1/queues/default", NULL, NULL);

    assert_true(json_object_get(q, "rates") != NULL);
    assert_true(json_object_get(s, "rates") != NULL);
    json_decref(s);
    json_decref(q);
    json_decref(ask_json(200, "POST", "/v1/queues/unserved/pause", AUTH, ""));
    q = ask_json(200, "GET", "/v1/queues/unserved", NULL, NULL);
    assert_true(json_is_null(json_object_get(q, "rates")));
    json_decref(q);
}

/* ---- servers --------------------------------------------------------------------------------- */

/* As servers say it; two that are lost beside the one that runs. */
TEST(servers_come_in_pages)
{
    free(redis_server_do(world_redis, "HSET pinion:{default}:servers zz-1 1000 zz-2 1000"));
    json_t *page = ask_json(200, "GET", "/v1/servers?limit=2", NULL, NULL), *rest;
    char target[200];

    assert_int_equal(size_at(page, "items"), 2);
    assert_string_equal(text_at(page, "next"), "zz-1");
    snprintf(target, sizeof target, "/v1/servers?limit=2&after=%s", text_at(page, "next"));
    rest = ask_json(200, "GET", target, NULL, NULL);
    assert_int_equal(size_at(rest, "items"), 1);
    assert_true(json_is_null(json_object_get(rest, "next")));
    json_decref(page);
    json_decref(rest);
    refused("/v1/servers?limit=1001", "from 1 to 1000");
    refused("/v1/servers?after=" /* 65 */
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "after");
    refused("/v1/servers?name=x", "?name= is unknown");
}

/* ---- cron ------------------------------------------------------------------------------------ */

TEST(a_cron_expression_is_explained)
{
    json_t *a = ask_json(
        200, "GET",
        "/v1/cron?spec=30+1+*+*+*&tz=Europe/Berlin&dst=both&from=2026-10-23&count=1000", NULL,
        NULL);

    assert_string_equal(text_at(a, "spec"), "30 1 * * *");
    assert_string_equal(text_at(a, "tz"), "Europe/Berlin");
    assert_int_equal(size_at(a, "next"), UPCOMING_MAX);
    assert_int_equal(size_at(a, "notes"), UPCOMING_MAX);
    json_decref(a);
    a = ask_json(200, "GET",
                 "/v1/cron?spec=30%202%20*%20*%20*&tz=Europe/Berlin&dst=both&from=2026-10-25"
                 "&count=2",
                 NULL, NULL);
    const json_t *notes = json_object_get(a, "notes");
    assert_string_equal(json_string_value(json_array_get(notes, 0)), "overlap_first");
    assert_string_equal(json_string_value(json_array_get(notes, 1)), "overlap_second");
    json_decref(a);
    a = ask_json(200, "GET", "/v1/cron?spec=@reboot", NULL, NULL);
    assert_int_equal(size_at(a, "next"), 0);
    json_decref(a);
    a = ask_json(200, "GET", "/v1/cron?spec=0+0+1+*+%2BMON", NULL, NULL); /* a real plus: AND */
    assert_string_equal(text_at(a, "spec"), "0 0 1 * +MON");
    assert_string_equal(text_at(a, "tz"), "UTC");
    assert_int_equal(size_at(a, "next"), UPCOMING_DEFAULT);
    json_decref(a);
}

TEST(a_bad_question_about_cron_is_refused)
{
    char target[CRON_TEXT_MAX + 40];

    refused("/v1/cron", "?spec= is missing");
    refused("/v1/cron?spec=30+25+*+*+*", "column 4");
    refused("/v1/cron?spec=*+*+*+*+*&tz=Europe/Berln", "did you mean Europe/Berlin");
    refused("/v1/cron?spec=*+*+*+*+*&tz=../../etc/passwd", "?tz");
    refused("/v1/cron?spec=*+*+*+*+*&dst=sometimes", "?dst");
    refused("/v1/cron?spec=*+*+*+*+*&from=soon", "?from");
    refused("/v1/cron?spec=*+*+*+*+*&tz=Europe/Berlin&from=2026-03-29T02:30:00", "?from");
    refused("/v1/cron?spec=*+*+*+*+*&count=1001", "from 1 to 1000");
    refused("/v1/cron?spec=*+*+*+*+*&count=0", "from 1 to 1000");
    refused("/v1/cron?spec=*+*+*+*+*&zone=UTC", "?zone= is unknown");
    snprintf(target, sizeof target, "/v1/cron?spec=%0*d", CRON_TEXT_MAX + 1, 0);
    refused(target, "spec");
}

/* ---- known already --------------------------------------------------------------------------- */

TEST(a_schedule_that_is_known_is_not_sent_again)
{
    static const char *const known[] = {"\"1\"", "W/\"1\"", "\"7\", \"1\"", " \"1\" ,\"x\"", "*"};
    static const char *const other[] = {"\"2\"", "1", "\"11\"", ",", "W/", "\"1"};
    char headers[100];

    json_decref(ask_json(201, "PUT", "/v1/schedules/known", AUTH JSON,
                         "{\"every_ms\":3600000,\"kind\":\"wc\"}"));
    for (size_t i = 0; i < countof(known); i++) {
        snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", known[i]);
        struct answer a = ask("GET", "/v1/schedules/known", headers, NULL);
        assert_int_equal(a.status, 304);
        assert_string_equal(a.body, "");
        assert_non_null(strstr(a.head, "ETag: \"1\""));
    }
    for (size_t i = 0; i < countof(other); i++) {
        snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", other[i]);
        assert_int_equal(ask("GET", "/v1/schedules/known", headers, NULL).status, 200);
    }
    json_decref(ask_json(200, "PUT", "/v1/schedules/known", AUTH JSON,
                         "{\"every_ms\":7200000,\"kind\":\"wc\"}"));
    assert_int_equal(ask("GET", "/v1/schedules/known", "If-None-Match: \"1\"\r\n", NULL).status,
                     200);
    assert_int_equal(ask("GET", "/v1/schedules/gone", "If-None-Match: *\r\n", NULL).status, 404);
    json_decref(ask_json(200, "DELETE", "/v1/schedules/known", AUTH, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_of_late_is_told),
        cmocka_unit_test(each_server_tells_it_to_all),
        cmocka_unit_test(rates_of_queues_are_told),
        cmocka_unit_test(servers_come_in_pages),
        cmocka_unit_test(a_cron_expression_is_explained),
        cmocka_unit_test(a_bad_question_about_cron_is_refused),
        cmocka_unit_test(a_schedule_that_is_known_is_not_sent_again),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
