/* Steering a whole queue over HTTP: changing all that passes a filter, step by step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "control/api/bulk.h"
#include "queue/limits.h"
#include "tests/flow/api_world.h"

static void enqueue_many(const char *queue, unsigned count, const char *fields)
{
    char *target = xasprintf("/v1/queues/%s/jobs", queue);

    while (count > 0) {
        struct buffer body = BUFFER_INIT;
        unsigned n = count < 1000 ? count : 1000;
        for (unsigned i = 0; i < n; i++)
            buffer_printf(&body, "%s{\"kind\":\"nobody\"%s}", i ? "," : "[", fields);
        buffer_add_text(&body, "]");
        json_decref(ask_json(201, "POST", target, AUTH JSON, body.data));
        buffer_deinit(&body);
        count -= n;
    }
    free(target);
}

static json_int_t jobs_in(const char *queue, const char *state)
{
    char *target = xasprintf("/v1/queues/%s", queue), *path = xasprintf("counts.%s", state);
    json_t *q = ask_json(200, "GET", target, NULL, NULL);
    json_int_t n = number_at(q, path);

    json_decref(q);
    free(target);
    free(path);
    return n;
}

/* One request; gives how many were changed, and where to go on ("" at the end). */
static json_int_t change(const char *target, char next[200])
{
    json_t *a = ask_json(200, "POST", target, AUTH, "");
    json_int_t n = number_at(a, "changed");
    const char *cursor = json_string_value(json_object_get(a, "next"));

    snprintf(next, 200, "%s", cursor ? cursor : "");
    json_decref(a);
    return n;
}

static void refused(const char *method, const char *target, const char *says)
{
    struct answer a = ask(method, target, AUTH, "");

    if (a.status != 400 || !strstr(a.body, says))
        fail_msg("%s: %u %s, expected: %s", target, a.status, a.body, says);
}

/* ---- a listing ------------------------------------------------------------------------------- */

static void expect_listed(size_t n, const char *query)
{
    char *target = xasprintf("/v1/queues/list/jobs?state=ready&%s", query);
    json_t *a = ask_json(200, "GET", target, NULL, NULL);

    assert_int_equal(json_array_size(json_object_get(a, "items")), n);
    json_decref(a);
    free(target);
}

TEST(a_listing_takes_filters)
{
    enqueue_many("list", 3, ",\"tags\":[\"eu\",\"a/b\"]");
    enqueue_many("list", 2, ",\"tags\":[\"us\"]");
    expect_listed(3, "tag=eu");
    expect_listed(3, "tag=a%2fb&kind=nobody");
    expect_listed(0, "tag=e");
    expect_listed(0, "error=x");
    expect_listed(0, "older_than=1h");
    expect_listed(5, "newer_than=1h");
}

/* ---- bulk ------------------------------------------------------------------------------------ */

TEST(all_of_a_state_are_cancelled_retried_and_deleted)
{
    char next[200];

    enqueue_many("bulk", 150, ",\"tags\":[\"eu\"]");
    enqueue_many("bulk", 10, "");
    assert_int_equal(change("/v1/queues/bulk/jobs/cancel?state=ready&tag=eu", next), 150);
    assert_string_equal(next, "");
    assert_int_equal(jobs_in("bulk", "cancelled"), 150);
    assert_int_equal(change("/v1/queues/bulk/jobs/cancel?state=ready&tag=eu", next), 0);
    assert_int_equal(change("/v1/queues/bulk/jobs/retry?state=cancelled&kind=nobody", next), 150);
    assert_int_equal(jobs_in("bulk", "ready"), 160);
    assert_int_equal(change("/v1/queues/bulk/jobs/delete?state=ready&older_than=1h", next), 0);
    assert_int_equal(change("/v1/queues/bulk/jobs/delete?state=ready", next), 160);
    assert_int_equal(jobs_in("bulk", "ready"), 0);
}

TEST(a_long_change_goes_on_where_it_ended)
{
    const unsigned jobs = API_BULK_STEPS_MAX * BULK_CHANGES_MAX + 100;
    json_int_t changed = 0;
    unsigned calls = 0;
    char next[200] = "";

    enqueue_many("long", jobs, ",\"in_ms\":3600000");
    do {
        char *target = xasprintf("/v1/queues/long/jobs/cancel?state=scheduled%s%s",
                                 next[0] ? "&after=" : "", next);
        changed += change(target, next);
        free(target);
        calls++;
    } while (next[0]);
    assert_int_equal(changed, jobs);
    assert_int_equal(calls, 2);
}

TEST(a_purge_leaves_what_runs)
{
    char next[200];

    enqueue_many("purge", 100, "");
    enqueue_many("purge", 5, ",\"in_ms\":3600000");
    json_decref(
        ask_json(201, "POST", "/v1/queues/purge/jobs", AUTH JSON, "{\"kind\":\"a\",\"id\":\"x\"}"));
    json_decref(ask_json(200, "POST", "/v1/jobs/purge:x/cancel", AUTH, ""));
    assert_int_equal(change("/v1/queues/purge/purge?state=cancelled", next), 1);
    assert_int_equal(change("/v1/queues/purge/purge", next), 105);
    assert_string_equal(next, "");
    json_t *q = ask_json(200, "GET", "/v1/queues/purge", NULL, NULL);
    assert_int_equal(number_at(q, "counts.ready"), 0);
    assert_int_equal(number_at(q, "counts.scheduled"), 0);
    assert_int_equal(number_at(q, "totals.deleted"), 106);
    json_decref(q);
}

TEST(a_client_that_leaves_ends_the_change)
{
    static const char text[] = "POST /v1/queues/left/jobs/cancel?state=scheduled HTTP/1.1\r\n"
                               "Host: localhost\r\n" AUTH "Content-Length: 0\r\n\r\n";
    struct visitor *v;

    enqueue_many("left", 6000, ",\"in_ms\":3600000");
    v = visitor_open();
    visitor_send(v, text, sizeof text - 1);
    eventually(jobs_in("left", "cancelled") > 0);
    visitor_reset(v);
    for (int i = 0; i < 500; i++) world_turn();
    json_int_t cancelled = jobs_in("left", "cancelled");
    assert_true(cancelled < 6000);
    for (int i = 0; i < 500; i++) world_turn();
    assert_int_equal(jobs_in("left", "cancelled"), cancelled);
    assert_int_equal(jobs_in("left", "scheduled"), 6000 - cancelled);
}

/* ---- new jobs refused ------------------------------------------------------------------------ */

static void expect_busy(const char *queue, const char *body, const char *says)
{
    char *target = xasprintf("/v1/queues/%s/jobs", queue);
    struct answer a = ask("POST", target, AUTH JSON, body);

    if (a.status != 429 || !strstr(a.body, "\"busy\"") || !strstr(a.body, says) ||
        !strstr(a.head, "Retry-After: "))
        fail_msg("%u %s%s", a.status, a.head, a.body);
    free(target);
}

TEST(a_drained_queue_refuses_new_jobs)
{
    json_decref(ask_json(200, "POST", "/v1/queues/drain/drain", AUTH, ""));
    json_t *q = ask_json(200, "GET", "/v1/queues/drain", NULL, NULL);
    assert_true(json_is_true(json_object_get(q, "draining")));
    json_decref(q);
    expect_busy("drain", "{\"kind\":\"a\"}", "drained");
    expect_busy("drain", "[{\"kind\":\"a\"},{\"kind\":\"a\",\"in_ms\":1000}]", "drained");
    json_decref(ask_json(200, "POST", "/v1/queues/drain/drain?off=true", AUTH, ""));
    enqueue_many("drain", 1, "");
    json_decref(ask_json(200, "POST", "/v1/queues/drain/drain?off=false", AUTH, ""));
    expect_busy("drain", "{\"kind\":\"a\"}", "drained");
    json_decref(ask_json(200, "POST", "/v1/queues/drain/resume", AUTH, ""));
    enqueue_many("drain", 1, "");
    refused("POST", "/v1/queues/drain/drain?off=1", "expected true or false");
}

TEST(a_full_queue_refuses_new_jobs)
{
    json_t *a = ask_json(200, "PUT", "/v1/queues/full/bounds", AUTH JSON,
                         "{\"max_jobs\":2,\"max_bytes\":1000000}");

    assert_int_equal(number_at(a, "bounds.max_jobs"), 2);
    assert_int_equal(number_at(a, "bounds.max_bytes"), 1000000);
    json_decref(a);
    enqueue_many("full", 2, "");
    expect_busy("full", "{\"kind\":\"a\"}", "max_jobs");
    expect_busy("full", "[{\"kind\":\"a\"}]", "max_jobs");
    assert_int_equal(jobs_in("full", "ready"), 2);
    json_decref(ask_json(200, "PUT", "/v1/queues/full/bounds", AUTH JSON, "{\"max_jobs\":null}"));
    a = ask_json(200, "GET", "/v1/queues/full", NULL, NULL);
    assert_true(json_is_null(json_object_get(json_object_get(a, "bounds"), "max_jobs")));
    assert_int_equal(number_at(a, "bounds.max_bytes"), 1000000);
    json_decref(a);
    enqueue_many("full", 1, "");
}

TEST(bad_bounds_change_nothing)
{
    static const struct {
        const char *body, *says;
    } rows[] = {
        {"",                              "expected a JSON object"   },
        {"{}",                            "expected a JSON object"   },
        {"[]",                            "expected a JSON object"   },
        {"{\"max_jobs\":0}",              "expected a whole number"  },
        {"{\"max_jobs\":-1}",             "expected a whole number"  },
        {"{\"max_jobs\":\"1\"}",          "expected a whole number"  },
        {"{\"max_bytes\":1.5}",           "expected a whole number"  },
        {"{\"max_bytes\":1000000000000001}", "expected a whole number"},
        {"{\"max\":1}",                   "max is unknown"           },
        {"{\"max_jobs\":1,\"max_jobs\":2}", "expected a JSON object" },
    };

    enqueue_many("bound", 1, "");
    for (size_t i = 0; i < countof(rows); i++) {
        struct answer a = ask("PUT", "/v1/queues/bound/bounds", AUTH JSON, rows[i].body);
        if (a.status != 400 || !strstr(a.body, rows[i].says))
            fail_msg("%s: %u %s", rows[i].body, a.status, a.body);
    }
    enqueue_many("bound", 1, "");
    json_decref(ask_json(200, "PUT", "/v1/queues/bound/bounds", AUTH JSON,
                         "{\"max_bytes\":1000000000000000}")); /* at the limit */
}

/* ---- results --------------------------------------------------------------------------------- */

TEST(a_result_is_waited_for_and_told_at_once)
{
    static const char text[] = "GET /v1/jobs/default:late/result?wait=20s HTTP/1.1\r\n"
                               "Host: localhost\r\n" AUTH "\r\n";
    struct visitor *v = visitor_open(), *gone = visitor_open();
    struct answer a;
    json_t *o;

    json_decref(ask_json(201, "POST", "/v1/queues/default/jobs", AUTH JSON,
                         "{\"kind\":\"wc\",\"payload\":\"a b c\",\"id\":\"late\",\"in_ms\":3600000,"
                         "\"retain_ms\":60000}"));
    o = ask_json(202, "GET", "/v1/jobs/default:late/result", AUTH, NULL);
    assert_string_equal(text_at(o, "state"), "scheduled");
    json_decref(o);
    o = ask_json(202, "GET", "/v1/jobs/default:late/result?wait=50ms", AUTH, NULL);
    json_decref(o);
    visitor_send(v, text, sizeof text - 1);
    visitor_send(gone, text, sizeof text - 1);
    for (int i = 0; i < 50; i++) world_turn();
    visitor_reset(gone);
    json_decref(ask_json(200, "POST", "/v1/jobs/default:late/run", AUTH, ""));
    a = visitor_answer(v);
    assert_int_equal(a.status, 200);
    o = json_loads(a.body, 0, NULL);
    assert_string_equal(text_at(o, "state"), "done");
    assert_string_equal(text_at(o, "result"), "3\n");
    json_decref(o);
    visitor_close(v);
    o = ask_json(200, "GET", "/v1/jobs/default:late/result?wait=5s", AUTH, NULL);
    assert_string_equal(text_at(o, "result"), "3\n");
    json_decref(o);
    char *left = redis_server_do(world_redis, "PUBSUB CHANNELS *:events");
    assert_null(strstr(left, "events")); /* nobody listens any more */
    free(left);
}

TEST(bad_waits_for_results)
{
    refused("GET", "/v1/jobs/default:x/result?wait=soon", "expected a duration");
    refused("GET", "/v1/jobs/default:x/result?wait=300001ms", "at most 5m");
    refused("GET", "/v1/jobs/x/result", "expected");
    refused("GET", "/v1/jobs/default:x/result?for=1s", "?for= is unknown");
    assert_int_equal(ask("GET", "/v1/jobs/default:x/result", NULL, NULL).status, 401);
    assert_int_equal(ask("GET", "/v1/jobs/default:x/result?wait=300s", AUTH, NULL).status, 404);
}

/* ---- bad input ------------------------------------------------------------------------------- */

TEST(bad_filters_change_nothing)
{
    char *tag = xasprintf("/v1/queues/bad/purge?tag=%0*d", TAG_MAX + 1, 0);
    char *text = xasprintf("/v1/queues/bad/purge?error=%0*d", FILTER_ERROR_MAX, 0);

    enqueue_many("bad", 1, "");
    refused("POST", "/v1/queues/bad/jobs/retry", "expected one of done, dead, cancelled");
    refused("POST", "/v1/queues/bad/jobs/retry?state=ready", "expected one of done, dead");
    refused("POST", "/v1/queues/bad/jobs/cancel?state=dead", "expected one of scheduled, waiting");
    refused("POST", "/v1/queues/bad/jobs/delete?state=active", "expected one of scheduled");
    refused("POST", "/v1/queues/bad/jobs/delete?state=odd", "state 'odd'");
    refused("POST", "/v1/queues/bad/purge?kind=a%20b", "kind 'a b': expected 1 to 128");
    refused("POST", "/v1/queues/bad/purge?tag=a,b", "tag 'a,b': expected 1 to 64");
    refused("POST", tag, "tag");
    refused("POST", "/v1/queues/bad/purge?error=", "expected 1 to 256 bytes");
    refused("POST", "/v1/queues/bad/purge?older_than=soon", "expected a duration");
    refused("POST", "/v1/queues/bad/purge?newer_than=0", "expected a duration");
    refused("POST", "/v1/queues/bad/purge?older_than=2h&newer_than=1h", "no job is both");
    refused("POST", "/v1/queues/bad/purge?after=odd", "expected the `next`");
    refused("POST", "/v1/queues/bad/purge?after=active,1", "expected the `next`");
    refused("POST", "/v1/queues/bad/purge?limit=1", "?limit= is unknown");
    refused("GET", "/v1/queues/bad/jobs?older_than=x", "expected a duration");
    assert_int_equal(ask("POST", "/v1/queues/bad/purge", NULL, "").status, 401);
    assert_int_equal(jobs_in("bad", "ready"), 1);
    json_decref(ask_json(200, "POST", text, AUTH, "")); /* at the limit */
    assert_int_equal(jobs_in("bad", "ready"), 1);
    free(tag);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_takes_filters),
        cmocka_unit_test(all_of_a_state_are_cancelled_retried_and_deleted),
        cmocka_unit_test(a_long_change_goes_on_where_it_ended),
        cmocka_unit_test(a_purge_leaves_what_runs),
        cmocka_unit_test(a_client_that_leaves_ends_the_change),
        cmocka_unit_test(a_drained_queue_refuses_new_jobs),
        cmocka_unit_test(a_full_queue_refuses_new_jobs),
        cmocka_unit_test(bad_bounds_change_nothing),
        cmocka_unit_test(a_result_is_waited_for_and_told_at_once),
        cmocka_unit_test(bad_waits_for_results),
        cmocka_unit_test(bad_filters_change_nothing),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
