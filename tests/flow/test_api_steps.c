/* What takes more than one exchange: counts that agree, pages, content, batches, leavers, and a
 * Redis that is away, silent or full. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "control/api/metrics.h"
#include "queue/look.h"
#include "tests/flow/api_world.h"

static void post(unsigned status, const char *target, const char *headers, const char *body)
{
    json_decref(ask_json(status, "POST", target, headers, body));
}

static json_int_t redis_int(const char *command)
{
    char *text = redis_server_do(world_redis, "%s", command);
    json_int_t n = strtoll(text, NULL, 10);

    free(text);
    return n;
}

static json_int_t ready_jobs(const char *queue)
{
    char *target = xasprintf("/v1/queues/%s", queue);
    json_t *q = ask_json(200, "GET", target, NULL, NULL);
    json_int_t n = number_at(q, "counts.ready");

    json_decref(q);
    free(target);
    return n;
}

/* ---- what is told ---------------------------------------------------------------------------- */

TEST(counts_over_http_and_in_redis_agree)
{
    post(201, "/v1/queues/count/jobs", AUTH JSON,
         "[{\"kind\":\"a\"},{\"kind\":\"b\"},{\"kind\":\"a\",\"in_ms\":3600000},"
         "{\"kind\":\"c\",\"id\":\"x\"},{\"kind\":\"c\",\"id\":\"y\"}]");
    post(200, "/v1/jobs/count:x/cancel", AUTH, "");
    json_decref(ask_json(200, "DELETE", "/v1/jobs/count:y", AUTH, NULL));
    json_t *q = ask_json(200, "GET", "/v1/queues/count", NULL, NULL);
    assert_int_equal(number_at(q, "counts.ready"), 2);
    assert_int_equal(number_at(q, "counts.scheduled"), redis_int("ZCARD pinion:{count}:scheduled"));
    assert_int_equal(number_at(q, "counts.cancelled"), redis_int("ZCARD pinion:{count}:cancelled"));
    assert_int_equal(number_at(q, "totals.enqueued"), 5);
    assert_int_equal(number_at(q, "totals.deleted"), 1);
    int64_t sum = 0;
    const char *name;
    json_t *n;
    json_object_foreach(json_object_get(q, "counts"), name, n) sum += json_integer_value(n);
    assert_int_equal(sum, redis_int("HLEN pinion:{count}:jobs"));
    json_decref(q);
    struct answer a = ask("GET", "/metrics", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.head, "Content-Type: text/plain; version=0.0.4"));
}

TEST(what_is_done_is_counted)
{
    json_t *s;

    post(201, "/v1/queues/default/jobs", AUTH JSON,
         "{\"kind\":\"wc\",\"payload\":\"one two\",\"id\":\"done\",\"retain_ms\":60000}");
    for (;;) {
        s = ask_json(200, "GET", "/v1/jobs/default:done", AUTH, NULL);
        if (strcmp(text_at(s, "state"), "done") == 0) break;
        json_decref(s);
        world_turn();
    }
    assert_string_equal(text_at(s, "result"), "2\n");
    json_decref(s);
    s = ask_json(200, "GET", "/v1/stats", NULL, NULL);
    assert_int_equal(number_at(s, "server.done"), 1);
    assert_true(number_at(s, "totals.done") >= 1);
    json_decref(s);
    struct answer a = ask("GET", "/metrics", NULL, NULL);
    assert_non_null(
        strstr(a.body, "pinion_jobs_total{queue=\"default\",kind=\"wc\",outcome=\"done\"} 1\n"));
    assert_non_null(strstr(a.body, "pinion_job_run_seconds_count 1\n"));
}

TEST(content_is_for_those_who_show_a_token)
{
    static const char *const content[] = {"payload", "result", "error"};
    static const char *const targets[] = {"/v1/jobs/shy:x", "/v1/queues/shy/jobs"};

    post(201, "/v1/queues/shy/jobs", AUTH JSON,
         "{\"kind\":\"a\",\"payload\":\"secret\",\"id\":\"x\"}");
    for (size_t t = 0; t < countof(targets); t++) {
        for (int shown = 0; shown < 2; shown++) {
            json_t *a = ask_json(200, "GET", targets[t], shown ? AUTH : NULL, NULL);
            json_t *job = t ? json_array_get(json_object_get(a, "items"), 0) : a;
            assert_string_equal(text_at(job, "id"), "shy:x");
            for (size_t i = 0; i < countof(content); i++)
                assert_int_equal(json_object_get(job, content[i]) != NULL, shown);
            json_decref(a);
        }
    }
}

/* Pages of any size show every job once. */
TEST(pages_join_up)
{
    static const unsigned limits[] = {1, 7, 100};
    struct buffer body = BUFFER_INIT;

    for (int i = 0; i < 60; i++)
        buffer_printf(&body, "%c{\"kind\":\"%c\"%s}", i ? ',' : '[', 'a' + i % 3,
                      i % 2 ? ",\"in_ms\":3600000" : "");
    buffer_add_char(&body, ']');
    post(201, "/v1/queues/pages/jobs", AUTH JSON, body.data);
    buffer_deinit(&body);
    for (size_t i = 0; i < countof(limits); i++) {
        json_t *seen = json_object(), *page;
        char target[400], after[300] = "";
        do {
            snprintf(target, sizeof target, "/v1/queues/pages/jobs?kind=b&limit=%u%s%s", limits[i],
                     after[0] ? "&after=" : "", after);
            page = ask_json(200, "GET", target, NULL, NULL);
            size_t at;
            json_t *job;
            json_array_foreach(json_object_get(page, "items"), at, job)
            {
                assert_null(json_object_get(seen, text_at(job, "id")));
                json_object_set(seen, text_at(job, "id"), job);
                assert_string_equal(text_at(job, "kind"), "b");
            }
            const char *next = json_string_value(json_object_get(page, "next"));
            snprintf(after, sizeof after, "%s", next ? next : "");
            json_decref(page);
        } while (after[0]);
        assert_int_equal(json_object_size(seen), 20);
        json_decref(seen);
    }
}

/* ---- many at once ---------------------------------------------------------------------------- */

TEST(jobs_of_many_clients_travel_together)
{
    enum { CLIENTS = 50 };
    static const char text[] =
        "POST /v1/queues/crowd/jobs HTTP/1.1\r\nHost: localhost\r\n" AUTH JSON
        "Content-Length: 12\r\n\r\n{\"kind\":\"a\"}";
    struct visitor *v[CLIENTS];
    json_int_t before;

    post(201, "/v1/queues/crowd/jobs", AUTH JSON, "{\"kind\":\"a\"}");
    before =
        redis_int("EVAL return(redis.call('info','commandstats'):match('evalsha:calls=(%d+)')) 0");
    for (int i = 0; i < CLIENTS; i++) v[i] = visitor_open();
    for (int i = 0; i < CLIENTS; i++) visitor_send(v[i], text, sizeof text - 1);
    for (int i = 0; i < CLIENTS; i++) {
        assert_int_equal(visitor_answer(v[i]).status, 201);
        visitor_close(v[i]);
    }
    json_int_t calls =
        redis_int("EVAL return(redis.call('info','commandstats'):match('evalsha:calls=(%d+)')) 0") -
        before;
    if (calls > CLIENTS / 2) fail_msg("%lld calls for %d jobs", (long long)calls, CLIENTS);
    assert_int_equal(ready_jobs("crowd"), CLIENTS + 1);
}

/* Who leaves before the answer has asked all the same; nothing is left over of him. */
TEST(clients_that_leave_do_no_harm)
{
    static const char *const texts[] = {
        "POST /v1/queues/left/jobs HTTP/1.1\r\nHost: localhost\r\n" AUTH JSON
        "Content-Length: 12\r\n\r\n{\"kind\":\"a\"}",
        "GET /v1/queues HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/queues/left/jobs HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "GET /v1/jobs/left:a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    };

    redis_server_freeze(world_redis);
    for (size_t i = 0; i < 2 * countof(texts); i++) {
        struct visitor *v = visitor_open();
        const char *text = texts[i / 2];
        visitor_send(v, text, strlen(text));
        for (int turn = 0; turn < 5; turn++) world_turn();
        if (i % 2)
            visitor_reset(v);
        else
            visitor_close(v);
    }
    redis_server_thaw(world_redis);
    eventually(redis_int("LLEN pinion:{left}:lane:5:a") == 2);
    assert_int_equal(ask("GET", "/v1/queues", NULL, NULL).status, 200);
}

/* A client that sends, and is gone before it is answered. */
static void ask_and_leave(const char *method, const char *target, const char *headers,
                          const char *body)
{
    struct visitor *v = visitor_open();
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n%s",
                           method, target, headers, strlen(body), body);

    visitor_send(v, text, strlen(text));
    for (int turn = 0; turn < 5; turn++) world_turn();
    visitor_reset(v);
    free(text);
}

/* Whoever lost an answer asks again, and is told what his first request did; nothing is done
 * twice. */
TEST(a_lost_answer_is_given_again)
{
    static const struct {
        const char *method, *target, *headers, *body;
        const char *done;   /* gives 1 when the first request was carried out, */
        const char *answer; /* and this is the second one's, with status 200 */
    } rows[] = {
        {"POST", "/v1/queues/lost/jobs", AUTH JSON "Idempotency-Key: k\r\n", "{\"kind\":\"a\"}",
         "HLEN pinion:{lost}:jobs", "{\"id\":\"lost:k\",\"existing\":true}"},
        {"POST", "/v1/queues/lost/jobs", AUTH JSON,
         "{\"kind\":\"b\",\"id\":\"own\",\"in_ms\":60000}",
         "HEXISTS pinion:{lost}:jobs own", "{\"id\":\"lost:own\",\"existing\":true}"},
        {"POST", "/v1/jobs/lost:own/cancel", AUTH, "", "ZCARD pinion:{lost}:cancelled",
         "\"cancelled\""},
        {"PUT", "/v1/queues/lost/batches/b", AUTH JSON, "{\"on_complete\":{\"kind\":\"c\"}}",
         "HLEN pinion:{lost}:batch_jobs", "\"state\":\"open\""},
        {"POST", "/v1/queues/lost/batches/b/close", AUTH, "", "LLEN pinion:{lost}:lane:5:c",
         "\"existing\":true"},
        {"POST", "/v1/queues/lost/jobs/retry?state=cancelled", AUTH, "",
         "LLEN pinion:{lost}:lane:5:b", "\"changed\":0"},
        {"PUT", "/v1/queues/lost/limits", AUTH JSON, "{\"queue\":{\"concurrency\":3}}",
         "HLEN pinion:{lost}:limits", "\"concurrency\":3"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        ask_and_leave(rows[i].method, rows[i].target, rows[i].headers, rows[i].body);
        eventually(redis_int(rows[i].done) == 1);
        struct answer a = ask(rows[i].method, rows[i].target, rows[i].headers, rows[i].body);
        if (a.status != 200 || !strstr(a.body, rows[i].answer))
            fail_msg("row %zu: %u: %s", i, a.status, a.body);
        assert_int_equal(redis_int(rows[i].done), 1);
    }
    assert_int_equal(redis_int("HLEN pinion:{lost}:jobs"), 3);
}

/* ---- Redis ----------------------------------------------------------------------------------- */

/* First from what was seen a moment ago, then without the queues: what is old is no measurement. */
TEST(a_silent_redis_hangs_no_scrape_and_no_health)
{
    redis_server_freeze(world_redis);
    eventually(!strstr(ask("GET", "/metrics", NULL, NULL).body, "pinion_queue_jobs{"));
    struct answer a = ask("GET", "/metrics", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "pinion_loop_stall_seconds_count"));
    assert_int_equal(ask("GET", "/healthz", NULL, NULL).status, 200);
    redis_server_thaw(world_redis);
    eventually(strstr(ask("GET", "/metrics", NULL, NULL).body, "pinion_queue_jobs{"));
}

TEST(a_full_redis_is_busy_and_still_told_about)
{
    json_t *e;

    free(redis_server_do(world_redis, "CONFIG SET maxmemory 1"));
    e = ask_json(429, "POST", "/v1/queues/full/jobs", AUTH JSON, "{\"kind\":\"a\"}");
    assert_string_equal(text_at(e, "error.code"), "busy");
    assert_non_null(strstr(text_at(e, "error.message"), "maxmemory"));
    json_decref(e);
    e = ask_json(429, "POST", "/v1/queues/full/jobs", AUTH JSON, "[{\"kind\":\"a\"}]");
    json_decref(e);
    json_decref(ask_json(200, "GET", "/v1/queues", NULL, NULL));
    free(redis_server_do(world_redis, "CONFIG SET maxmemory 0"));
    post(201, "/v1/queues/full/jobs", AUTH JSON, "{\"kind\":\"a\"}");
}

/* The connection breaks under the call: nobody knows, and the answer says how to find out. */
TEST(a_redis_that_dies_leaves_the_outcome_unknown)
{
    static const char text[] = "POST /v1/queues/gone/jobs HTTP/1.1\r\nHost: localhost\r\n" AUTH JSON
                               "Content-Length: 12\r\n\r\n{\"kind\":\"a\"}";
    static const char *const targets[] = {"/v1/queues",           "/v1/stats",
                                          "/v1/servers",          "/v1/queues/gone",
                                          "/v1/queues/gone/jobs", "/v1/jobs/gone:a"};
    struct visitor *v = visitor_open();

    redis_server_freeze(world_redis);
    visitor_send(v, text, sizeof text - 1);
    for (int turn = 0; turn < 5; turn++) world_turn();
    redis_server_kill(world_redis);
    struct answer a = visitor_answer(v);
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.body, "Idempotency-Key"));
    assert_non_null(strstr(a.head, "Retry-After: "));
    visitor_close(v);
    eventually(!service_redis_up(world_service));
    for (size_t i = 0; i < countof(targets); i++)
        json_decref(ask_json(503, "GET", targets[i], NULL, NULL));
    json_t *e = ask_json(503, "POST", "/v1/queues/gone/jobs", AUTH JSON, "{\"kind\":\"a\"}");
    assert_non_null(strstr(text_at(e, "error.message"), "nothing was done"));
    json_decref(e);
    json_decref(ask_json(400, "POST", "/v1/queues/gone/jobs", AUTH JSON, "{\"kind\":\"a b\"}"));
    json_decref(ask_json(503, "POST", "/v1/jobs/gone:a/cancel", AUTH, ""));
    assert_int_equal(ask("GET", "/readyz", NULL, NULL).status, 503);
    a = ask("GET", "/metrics", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "pinion_redis_up 0\n"));
    assert_null(strstr(a.body, "pinion_queue_jobs{"));
    redis_server_begin(world_redis);
    redis_server_await(world_redis);
    eventually(service_ready(world_service));
    post(201, "/v1/queues/gone/jobs", AUTH JSON, "{\"kind\":\"a\"}");
    json_t *queues = ask_json(200, "GET", "/v1/queues?after=gon&limit=1", NULL, NULL);
    json_t *first = json_array_get(json_object_get(queues, "items"), 0);
    assert_string_equal(text_at(first, "queue"), "gone"); /* registered anew with the new Redis */
    json_decref(queues);
}

/* A graceful stop answers what was asked before it. */
TEST(a_stop_answers_what_is_open)
{
    static const char text[] = "POST /v1/queues/last/jobs HTTP/1.1\r\nHost: localhost\r\n" AUTH JSON
                               "Content-Length: 12\r\n\r\n{\"kind\":\"a\"}";
    struct visitor *v = visitor_open();

    visitor_send(v, text, sizeof text - 1);
    service_stop(world_service);
    struct answer a = visitor_answer(v);
    assert_true(a.status == 201 || a.status == 0); /* 0: it was not read any more */
    visitor_close(v);
    eventually(service_stopped(world_service));
    assert_int_equal(redis_int("LLEN pinion:{last}:lane:5:a"), a.status == 201);
}

/* More than what may be on its way at once, of a client that left, when Redis says nothing. */
TEST(a_stop_ends_what_nobody_waits_for)
{
    struct buffer text = BUFFER_INIT, body = BUFFER_INIT;
    struct visitor *v;

    world_close();
    world_open();
    for (int i = 0; i < 9000; i++) buffer_printf(&body, "%c{\"kind\":\"a\"}", i ? ',' : '[');
    buffer_printf(&text,
                  "POST /v1/queues/long/jobs HTTP/1.1\r\nHost: localhost\r\n" AUTH JSON
                  "Content-Length: %zu\r\n\r\n%s]",
                  body.len + 1, body.data);
    redis_server_freeze(world_redis);
    v = visitor_open();
    visitor_send(v, text.data, text.len);
    for (int turn = 0; turn < 20; turn++) world_turn();
    visitor_reset(v);
    service_stop(world_service);
    eventually(service_stopped(world_service));
    redis_server_thaw(world_redis);
    buffer_deinit(&text);
    buffer_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_over_http_and_in_redis_agree),
        cmocka_unit_test(what_is_done_is_counted),
        cmocka_unit_test(content_is_for_those_who_show_a_token),
        cmocka_unit_test(pages_join_up),
        cmocka_unit_test(jobs_of_many_clients_travel_together),
        cmocka_unit_test(clients_that_leave_do_no_harm),
        cmocka_unit_test(a_lost_answer_is_given_again),
        cmocka_unit_test(a_silent_redis_hangs_no_scrape_and_no_health),
        cmocka_unit_test(a_full_redis_is_busy_and_still_told_about),
        cmocka_unit_test(a_redis_that_dies_leaves_the_outcome_unknown),
        cmocka_unit_test(a_stop_answers_what_is_open),
        cmocka_unit_test(a_stop_ends_what_nobody_waits_for),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
