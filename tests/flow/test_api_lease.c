/* Workers elsewhere, at the edges: what is refused, how many may wait, and a server that is quiet
 * or stops. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "tests/flow/pull_world.h"
#include "workers/limits.h"
#include "workers/pull.h"
#include "workers/workers.h"

/* ---- what is refused ------------------------------------------------------------------------- */

static const struct {
    const char *target, *body;
    unsigned status;
    const char *says;
} refused[] = {
    {LEASE "?max=0", "", 400, "from 1 to 512"},
    {LEASE "?max=513", "", 400, "from 1 to 512"},
    {LEASE "?wait=5m1ms", "", 400, "at most 5m"},
    {LEASE "?wait=soon", "", 400, "expected a duration"},
    {LEASE "?lease_ms=999", "", 400, "expected 1000 to 3600000"},
    {LEASE "?lease_ms=3600001", "", 400, "to 3600000"},
    {LEASE "?kind=a*", "", 400, "a prefix that ends in"},
    {LEASE "?kind=", "", 400, "expected a kind"},
    {LEASE "?worker=a%20b", "", 400, "?worker="},
    {LEASE "?kinds=a", "", 400, "expected kind, wait, max"},
    {LEASE, "{\"max\":1}", 400, "expected no body"},
    {"/v1/queues/other/lease", "", 409, "does not serve queue 'other'"},
    {"/v1/queues/bad%20name/lease", "", 400, "queue"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1\"}", 409, "not leased with this token"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1795452056316999\"}", 409, "not leased with this"},
    {"/v1/jobs/default:x/fail", "{\"token\":\"1795452056316999\"}", 409, "not leased with this"},
    {"/v1/jobs/default:x/extend", "{\"token\":\"1795452056316999\"}", 409, "not leased with this"},
    {"/v1/jobs/default:x/progress", "{\"token\":\"1795452056316999\",\"percent\":1}", 409,
     "not leased with this"},
    {"/v1/jobs/nowhere/ack", "{\"token\":\"1\"}", 400, "QUEUE:"},
    {"/v1/jobs/default:x/ack", "{}", 400, "token is missing"},
    {"/v1/jobs/default:x/ack", "{\"token\":7}", 400, "token: expected"},
    {"/v1/jobs/default:x/ack", "[]", 400, "expected a JSON object"},
    {"/v1/jobs/default:x/ack", "{", 400, "expected JSON"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1\",\"token\":\"2\"}", 400, "expected JSON"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1\",\"error\":\"x\"}", 400,
     "error is unknown: expected token, result, result_base64"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1\",\"result_base64\":\"?\"}", 400, "base64"},
    {"/v1/jobs/default:x/ack", "{\"token\":\"1\",\"result\":1,\"result_base64\":\"\"}", 400,
     "expected one of them"},
    {"/v1/jobs/default:x/fail", "{\"token\":\"1\",\"retry\":1}", 400, "true or false"},
    {"/v1/jobs/default:x/fail", "{\"token\":\"1\",\"error\":1}", 400, "error: expected a string"},
    {"/v1/jobs/default:x/fail", "{\"token\":\"1\",\"retry_in_ms\":-1}", 400, "retry_in_ms"},
    {"/v1/jobs/default:x/fail", "{\"token\":\"1\",\"retry\":false,\"retry_in_ms\":1}", 400,
     "expected one of them"},
    {"/v1/jobs/default:x/extend", "{\"token\":\"1\",\"lease_ms\":999}", 400, "1000 to 3600000"},
    {"/v1/jobs/default:x/extend", "{\"token\":\"1\",\"lease_ms\":3600001}", 400, "to 3600000"},
    {"/v1/jobs/default:x/progress", "{\"token\":\"1\"}", 400, "percent is missing"},
    {"/v1/jobs/default:x/progress", "{\"token\":\"1\",\"percent\":101}", 400, "0 to 100"},
    {"/v1/jobs/default:x/progress", "{\"token\":\"1\",\"percent\":1,\"note\":1}", 400, "note"},
    {"/v1/queues/default/ack", "{\"token\":\"1\"}", 400, "expected an array"},
    {"/v1/queues/default/ack", "[{\"token\":\"1\"}]", 400, "item 0: id is missing"},
    {"/v1/queues/default/ack", "[{\"id\":\"a:b\",\"token\":\"1\"}]", 400, "one of queue 'default'"},
    {"/v1/queues/default/fail", "[{\"id\":\"x\",\"token\":\"1\"}]", 400, "item 0"},
    {LEASE "?max=1&max=2", "", 400, "max"},
    {LEASE "?max=18446744073709551617", "", 400, "from 1 to 512"},
    {LEASE "?max=1.5", "", 400, "from 1 to 512"},
    {LEASE "?max=-1", "", 400, "from 1 to 512"},
    {LEASE "?lease_ms=1e4", "", 400, "lease_ms"},
    {LEASE "?wait=-1s", "", 400, "expected a duration"},
    {LEASE "?kind=%00", "", 400, "kind"},
    {LEASE "?worker=%c3%a4", "", 400, "?worker="},
    {LEASE, "[]", 400, "expected no body"},
    {"/v1/jobs/default:x/extend", "{\"token\":\"1\",\"lease_ms\":1e400}", 400, "expected JSON"},
    {"/v1/jobs/default:x/extend", "{\"token\":\"1\",\"lease_ms\":99999999999999999999}", 400,
     "expected JSON"},
    {"/v1/queues/default/extend", "[{\"id\":\"default:x\",\"token\":\"1\",\"id\":\"a:y\"}]",
     400, "expected JSON"},
    {"/v1/queues/default/extend", "[{\"id\":\"default:x\",\"token\":\"1\"},7]", 400,
     "item 1: expected a JSON object"},
};

TEST(bad_input_is_refused_in_words_and_changes_nothing)
{
    world_open();
    for (size_t i = 0; i < countof(refused); i++) {
        struct answer a = ask("POST", refused[i].target, refused[i].body[0] ? AUTH JSON : AUTH,
                              refused[i].body);
        if (a.status != refused[i].status || !strstr(a.body, refused[i].says))
            fail_msg("%s %s: %u, expected %u: %s", refused[i].target, refused[i].body, a.status,
                     refused[i].status, a.body);
    }
    assert_int_equal(ask("POST", LEASE, NULL, "").status, 401);
    assert_int_equal(totals()->stale.value, 5);
    assert_int_equal(waiting(), 0);
    world_close();
}

/* So many outcomes of jobs that nobody leased, each with a result of so many bytes. */
static struct answer ack_many(size_t count, size_t bytes)
{
    struct buffer body = BUFFER_INIT;
    char *result = xmalloc(bytes + 1);

    memset(result, 'x', bytes);
    result[bytes] = '\0';
    for (size_t i = 0; i < count; i++)
        buffer_printf(&body, "%c{\"id\":\"default:a%zu\",\"token\":\"1\",\"result\":\"%s\"}",
                      i ? ',' : '[', i, result);
    buffer_add_text(&body, "]");
    struct answer a = ask("POST", "/v1/queues/default/ack", AUTH JSON, body.data);
    free(result);
    buffer_deinit(&body);
    return a;
}

TEST(a_request_has_only_so_many_outcomes_and_bytes)
{
    size_t fit = BATCH_BYTES_MAX / RESULT_BYTES_MAX;
    struct answer a;

    world_open();
    assert_int_equal(ask("POST", "/v1/queues/default/ack", AUTH JSON, "[]").status, 200);
    assert_int_equal(ack_many(BATCH_ITEMS_MAX, 0).status, 409); /* taken, and each is stale */
    a = ack_many(BATCH_ITEMS_MAX + 1, 0);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "513 items: at most 512"));
    assert_int_equal(ack_many(fit, RESULT_BYTES_MAX).status, 409);
    a = ack_many(fit + 1, RESULT_BYTES_MAX);
    assert_int_equal(a.status, 413);
    assert_non_null(strstr(a.body, "at most 1048576 in one request"));
    assert_int_equal(totals()->stale.value, BATCH_ITEMS_MAX + fit);
    world_close();
}

static json_t *ack_with(unsigned status, const json_t *item, size_t bytes)
{
    char *result = xmalloc(bytes + 1);

    memset(result, 'x', bytes);
    result[bytes] = '\0';
    char *more = xasprintf(",\"result\":\"%s\"", result);
    json_t *answer = say(status, item, "ack", more);
    free(more);
    free(result);
    return answer;
}

TEST(limits_hold_at_the_edge)
{
    struct buffer query = BUFFER_INIT;

    world_open();
    free(enqueue("{\"kind\":\"e\",\"retain_ms\":60000}"));
    json_t *got = lease("kind=e&max=512&wait=0");
    json_decref(ack_with(413, item_of(got, 0), RESULT_BYTES_MAX + 1));
    json_decref(ack_with(200, item_of(got, 0), RESULT_BYTES_MAX));
    for (int i = 0; i < PULL_KINDS_MAX; i++) buffer_printf(&query, "kind=k%d&", i);
    buffer_add_text(&query, "max=512&lease_ms=3600000&wait=0");
    json_decref(lease(query.data));
    buffer_add_text(&query, "&kind=x");
    char *target = xasprintf(LEASE "?%s", query.data);
    assert_int_equal(ask("POST", target, AUTH, "").status, 400);
    free(target);
    buffer_deinit(&query);
    json_decref(got);
    world_close();
}

TEST(only_so_many_different_wishes_may_wait)
{
    struct visitor *v[PULL_LINES_MAX];
    char query[64];

    world_open();
    for (int i = 0; i < PULL_LINES_MAX; i++) {
        v[i] = visitor_open();
        snprintf(query, sizeof query, "kind=k%d&wait=1m", i);
        send_lease(v[i], query);
    }
    eventually(waiting() == PULL_LINES_MAX);
    assert_int_equal(ask("POST", LEASE "?kind=more&wait=1m", AUTH, "").status, 429);
    free(enqueue("{\"kind\":\"k63\"}"));
    json_t *got = read_lease(v[63]);
    assert_int_equal(count_of(got), 1);
    json_decref(got);
    json_decref(lease("kind=more")); /* there is room for one now */
    for (int i = 0; i < PULL_LINES_MAX; i++) visitor_close(v[i]);
    eventually(waiting() == 0);
    world_close();
}

/* ---- as many as may wait --------------------------------------------------------------------- */

static unsigned answered;

static void on_answered(struct pull_ask *ask, enum pinion_err err, const struct pulled *jobs,
                        size_t count)
{
    (void)ask, (void)jobs;
    assert_int_equal(err, PINION_OK);
    assert_int_equal(count, 0);
    answered++;
}

/* All but one of those who may wait, without a connection for each. */
static struct pull_ask *crowd(void)
{
    struct pull_ask *asks = xcalloc(PULL_WAITS_MAX - 1, sizeof *asks);
    struct error why;

    answered = 0;
    for (size_t i = 0; i < PULL_WAITS_MAX - 1; i++) {
        asks[i] = (struct pull_ask){.max = 1, .wait_ms = 300000, .done = on_answered,
                                    .kinds = {"none"}, .kinds_count = 1};
        if (pull_start(service_pull(world_service), span_of("default"), &asks[i], &why))
            fail_msg("%s", why.text);
    }
    return asks;
}

TEST(only_so_many_may_wait)
{
    struct pull_ask one;
    struct error why;
    struct pull *pull;
    struct answer a;

    world_open();
    pull = service_pull(world_service);
    struct pull_ask *asks = crowd();
    struct visitor *last = visitor_open();
    send_lease(last, "kind=none&wait=1m");
    eventually(waiting() == PULL_WAITS_MAX);
    a = ask("POST", LEASE "?kind=none&wait=1m", AUTH, "");
    assert_int_equal(a.status, 429);
    assert_non_null(strstr(a.head, "\r\nRetry-After: "));
    assert_non_null(strstr(a.body, "\"busy\",\"message\":\"1000 wait for jobs at this server "
                                   "already: come again, or ask another one\""));
    assert_int_equal(ask("POST", LEASE, AUTH, "").status, 429); /* without a wait, too */
    visitor_close(last);
    eventually(waiting() == PULL_WAITS_MAX - 1);
    /* There is room for one now. It does not wait, and is told so by the first claim, though that
     * is all for others who came before. */
    one = (struct pull_ask){.max = 1, .done = on_answered, .kinds = {"none"}, .kinds_count = 1};
    assert_int_equal(pull_start(pull, span_of("default"), &one, &why), PINION_OK);
    world_turn();
    eventually(pull_is_empty(pull));
    assert_int_equal(answered, 1);
    pull_stop(pull);
    assert_int_equal(answered, PULL_WAITS_MAX);
    assert_int_equal(waiting(), 0);
    free(asks);
    world_close();
}

/* ---- quiet, and the end ---------------------------------------------------------------------- */

/* The only server there is: quiet, resume. */
static void tell_server(const char *verb, const char *state)
{
    json_t *servers = ask_json(200, "GET", "/v1/servers", AUTH, NULL);
    const json_t *one = json_array_get(json_object_get(servers, "items"), 0);
    char *target = xasprintf("/v1/servers/%s/%s", text_at(one, "name"), verb);
    json_t *told = ask_json(200, "POST", target, AUTH, "");

    assert_string_equal(text_at(told, "state"), state);
    json_decref(told);
    json_decref(servers);
    free(target);
}

TEST(a_quiet_server_leases_nothing_and_what_is_leased_goes_on)
{
    struct visitor *v;
    struct answer a;

    world_open();
    for (int i = 0; i < 3; i++) free(enqueue("{\"kind\":\"a\"}"));
    json_t *got = lease("kind=a&max=2");
    v = visitor_open();
    send_lease(v, "kind=b&wait=1m");
    eventually(waiting() == 1);
    tell_server("quiet", "quiet");
    json_t *none = read_lease(v); /* long before its wait is over */
    assert_int_equal(count_of(none), 0);
    assert_int_equal(waiting(), 0);
    a = ask("POST", LEASE "?kind=a&wait=1m", AUTH, "");
    assert_int_equal(a.status, 503);
    assert_non_null(strstr(a.head, "\r\nRetry-After: "));
    assert_non_null(strstr(a.body, "this server is quiet, and leases no more jobs"));
    assert_int_equal(ask("POST", LEASE "?kind=a", AUTH, "").status, 503);
    say_so(200, item_of(got, 0), "extend", "", "status", "active");
    say_so(200, item_of(got, 0), "progress", ",\"percent\":5", "status", "active");
    say_so(200, item_of(got, 0), "ack", "", "status", "done");
    say_so(200, item_of(got, 1), "fail", ",\"retry\":false", "status", "dead");
    tell_server("resume", "serving");
    json_t *again = lease("kind=a");
    assert_int_equal(count_of(again), 1);
    json_decref(again);
    json_decref(none);
    json_decref(got);
    visitor_close(v);
    world_close();
}

static bool nobody_is_idle(void)
{
    char *names = redis_server_do(world_redis, "HKEYS pinion:{default}:idle");
    bool none = strchr(names, '#') == NULL;

    free(names);
    return none;
}

/* A claim is on its way when the server becomes quiet: what it brings is handed out; and who is
 * told that there is nothing is not among the idle any more. */
TEST(a_claim_that_crosses_the_word_is_answered)
{
    static const struct {
        const char *kind;
        size_t count;
    } cases[] = {{"there", 1}, {"none", 0}};
    struct pull *pull;

    world_open();
    pull = service_pull(world_service);
    for (size_t i = 0; i < countof(cases); i++) {
        struct visitor *v = visitor_open();
        char *query = xasprintf("kind=%s&wait=1m", cases[i].kind);
        free(enqueue("{\"kind\":\"there\"}"));
        redis_server_freeze(world_redis);
        send_lease(v, query);
        eventually(waiting() == 1);
        for (int turn = 0; turn < 10; turn++) world_turn();
        pull_quiet(pull, true);
        assert_int_equal(waiting(), 1);
        redis_server_thaw(world_redis);
        json_t *got = read_lease(v);
        assert_int_equal(count_of(got), cases[i].count);
        eventually(pull_is_empty(pull) && nobody_is_idle());
        pull_quiet(pull, false);
        json_decref(got);
        visitor_close(v);
        free(query);
    }
    json_t *left = lease("kind=there");
    assert_int_equal(count_of(left), 1);
    json_decref(left);
    world_close();
}

TEST(a_server_that_stops_answers_all_who_wait)
{
    world_open();
    struct visitor *v = visitor_open();
    send_lease(v, "kind=p&wait=1m");
    eventually(waiting() == 1);
    service_stop(world_service);
    json_t *none = read_lease(v);
    assert_int_equal(count_of(none), 0);
    json_decref(none);
    visitor_close(v);
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_refused_in_words_and_changes_nothing),
        cmocka_unit_test(a_request_has_only_so_many_outcomes_and_bytes),
        cmocka_unit_test(limits_hold_at_the_edge),
        cmocka_unit_test(only_so_many_different_wishes_may_wait),
        cmocka_unit_test(only_so_many_may_wait),
        cmocka_unit_test(a_quiet_server_leases_nothing_and_what_is_leased_goes_on),
        cmocka_unit_test(a_claim_that_crosses_the_word_is_answered),
        cmocka_unit_test(a_server_that_stops_answers_all_who_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
