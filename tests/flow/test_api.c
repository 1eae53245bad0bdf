/* Every route with good and bad input: one table against a real service and a real Redis.
 *
 * Rows run in their order, on one connection as long as the server keeps it. What a row makes,
 * later rows find. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "control/api/enqueue.h"
#include "control/api/jobs_page.h"
#include "tests/flow/api_world.h"

#define UTF8_BAD "\xc3\x28"
#define JOBS     "/v1/queues/mail/jobs"
#define UNIQ "/v1/queues/uniq/jobs"

struct row {
    const char *method, *target, *headers, *body;
    unsigned    status;
    const char *says; /* a part of the answer, head or body */
};

static const struct row rows[] = {
    /* ---- whoever asks */
    {"GET", "/healthz", 0, 0, 200, "ok"},
    {"GET", "/readyz", 0, 0, 200, "ready"},
    {"GET", "/v1/health", 0, 0, 200, "\"ready\":true"},
    {"GET", "/v1/health", "Authorization: Bearer wrong\r\n", 0, 401, "is not known"},
    {"GET", "/v1/health", "Authorization: Basic dTpw\r\n", 0, 401, "Bearer TOKEN"},
    {"GET", "/healthz", "Authorization: Bearer wrong\r\n", 0, 200, "ok"},
    {"GET", "/metrics", 0, 0, 200, "pinion_redis_up 1\n"},
    {"HEAD", "/v1/stats", 0, 0, 200, "Content-Length: "},
    {"GET", "/v1/nothing", 0, 0, 404, "not_found"},
    {"GET", "/v1/queues/a%2fb", 0, 0, 400, "encoded slashes"},
    {"POST", "/v1/health", AUTH, "", 405, "Allow: GET, HEAD\r\n"},
    {"PUT", "/v1/jobs/mail:a", 0, "{}", 405, "Allow: GET, HEAD, PATCH, DELETE\r\n"},
    {"DELETE", JOBS, AUTH, 0, 405, "Allow: GET, HEAD, POST\r\n"},

    /* ---- changes need a token */
    {"POST", JOBS, JSON, "{\"kind\":\"a\"}", 401, "WWW-Authenticate: Bearer\r\n"},
    {"POST", JOBS, JSON "Authorization: Bearer x\r\n", "{\"kind\":\"a\"}", 401, "is not known"},
    {"POST", JOBS, JSON "Authorization: Bearer \r\n", "{\"kind\":\"a\"}", 401, "is not known"},
    {"POST", "/v1/queues/mail/pause", 0, "", 401, "needs a token"},
    {"POST", "/v1/queues/mail/resume", 0, "", 401, "needs a token"},
    {"DELETE", "/v1/jobs/mail:a", 0, 0, 401, "needs a token"},
    {"POST", "/v1/jobs/mail:a/cancel", 0, "", 401, "needs a token"},
    {"POST", "/v1/jobs/mail:a/retry", 0, "", 401, "needs a token"},
    {"POST", "/v1/jobs/mail:a/run", 0, "", 401, "needs a token"},
    {"GET", "/v1/queues/mail", 0, 0, 404, "GET /v1/queues lists them"},

    /* ---- bodies that make nothing */
    {"POST", JOBS, AUTH JSON, "", 400, "expected a JSON object"},
    {"POST", JOBS, AUTH JSON, "{", 400, "expected a key in quotes"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\"} x", 400, "column 14"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"kind\":\"b\"}", 400, "kind stands there twice"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"payload\":\"" UTF8_BAD "\"}", 400, "UTF-8"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"payload\":\"\\ud800\"}", 400, "column"},
    {"POST", JOBS, AUTH JSON, "{\"payload\":\"a\"}", 400, "no kind"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a b\"}", 400, "expected 1 to 128 of"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":7}", 400, "expected a string"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"color\":1}", 400, "key color is unknown"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"after\":[\"a b\"]}", 400, "expected the id"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"after\":[\"no\"]}", 404, "after 'mail:no'"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"priority\":10}", 400, "from 0 to 9"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"in_ms\":1e3}", 400, "a whole number"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"run_at\":\"2026-11-23\"}", 400, "with its zone"},
    {"POST", JOBS, AUTH JSON, "{\"kind\":\"a\",\"queue\":\"other\"}", 400, "as in the path"},
    {"POST", JOBS, AUTH JSON, "[{\"kind\":\"a\"},{\"kind\":\"\"}]", 400, "item 1: kind"},
    {"POST", JOBS, AUTH JSON, "[{\"kind\":\"a\"},7]", 400, "item 1: column 1"},
    {"POST", JOBS, AUTH JSON, "[{\"kind\":\"a\"}", 400, "expected a , or ]"},
    {"POST", JOBS, AUTH, "{\"kind\":\"a\"}", 400, "application/json"},
    {"POST", JOBS, AUTH "Content-Type: text/plain\r\n", "{\"kind\":\"a\"}", 400,
     "application/json"},
    {"POST", JOBS, AUTH "Content-Type: application/jsonx\r\n", "{}", 400, "application/json"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: a b\r\n", "{\"kind\":\"a\"}", 400, "1 to 64 of"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: \r\n", "{\"kind\":\"a\"}", 400, "Idempotency-Key"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: a\r\n", "{\"kind\":\"a\",\"id\":\"b\"}", 400,
     "expected one"},
    {"POST", "/v1/queues/a%20b/jobs", AUTH JSON, "{\"kind\":\"a\"}", 400, "queue"},
    {"GET", "/v1/queues/mail", 0, 0, 404, "not found"}, /* really nothing was made */

    /* ---- one job, and its repetition */
    {"POST", JOBS, AUTH JSON, "[]", 200, "[]"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: k-1\r\n", "{\"kind\":\"a\",\"payload\":\"secret\"}",
     201, "{\"id\":\"mail:k-1\",\"existing\":false}"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: k-1\r\n", "{\"kind\":\"a\",\"payload\":\"secret\"}",
     200, "{\"id\":\"mail:k-1\",\"existing\":true}"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: \"k-1\"\r\n",
     "{\"kind\":\"a\",\"payload\":\"secret\",\"id\":\"k-1\"}", 200, "\"existing\":true"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: k-1\r\n", "{\"kind\":\"b\"}", 409, "other content"},
    {"POST", JOBS, AUTH "Content-Type: Application/JSON; charset=utf-8\r\n",
     " {\"kind\":\"b\",\"queue\":\"mail\",\"in_ms\":3600000,\"id\":\"later\"}\n", 201,
     "mail:later"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: m\r\n", "[{\"kind\":\"a\"},{\"kind\":\"b\"}]", 201,
     "[{\"id\":\"mail:m-0\",\"existing\":false},{\"id\":\"mail:m-1\",\"existing\":false}]"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: m\r\n", "[{\"kind\":\"a\"},{\"kind\":\"b\"}]", 200,
     "[{\"id\":\"mail:m-0\",\"existing\":true},{\"id\":\"mail:m-1\",\"existing\":true}]"},
    {"POST", JOBS, AUTH JSON "Idempotency-Key: m\r\n", "[{\"kind\":\"a\"},{\"kind\":\"z\"}]", 409,
     "\"code\":\"conflict\""},

    /* ---- looking */
    {"GET", "/v1/jobs/mail:k-1", AUTH, 0, 200, "\"payload\":\"secret\""},
    {"GET", "/v1/jobs/mail%3Ak-1", AUTH, 0, 200, "\"state\":\"ready\""},
    {"GET", "/v1/jobs/mail:none", 0, 0, 404, "job mail:none: not found"},
    {"GET", "/v1/jobs/none", 0, 0, 400, "QUEUE:ID"},
    {"GET", "/v1/jobs/mail:k-1?wait=1", 0, 0, 400, "?wait= is unknown: expected no query"},
    {"GET", JOBS "?state=scheduled", 0, 0, 200, "\"id\":\"mail:later\""},
    {"GET", JOBS "?kind=b&limit=1", 0, 0, 200, "\"next\":\""},
    {"GET", JOBS "?state=running", 0, 0, 400, "expected scheduled, waiting"},
    {"GET", JOBS "?kind=a%20b", 0, 0, 400, "kind 'a b'"},
    {"GET", JOBS "?limit=0", 0, 0, 400, "from 1 to 1000"},
    {"GET", JOBS "?limit=1001", 0, 0, 400, "from 1 to 1000"},
    {"GET", JOBS "?limit=1&limit=1", 0, 0, 400, "given twice"},
    {"GET", JOBS "?after=nonsense", 0, 0, 400, "expected the `next` of a listing"},
    {"GET", JOBS "?after=ready&state=dead", 0, 0, 400, "another state"},
    {"GET", JOBS "?stat=dead", 0, 0, 400,
     "expected state, kind, tag, error, older_than, newer_than, after, limit"},
    {"GET", "/v1/queues/nowhere/jobs", 0, 0, 200, "{\"items\":[],\"next\":null}"},
    {"GET", "/v1/queues/mail", 0, 0, 200, "\"ready\":3"},
    {"GET", "/v1/queues/mail?x", 0, 0, 400, "?x= is unknown"},
    {"GET", "/v1/queues/a%20b", 0, 0, 400, "queue"},
    {"GET", "/v1/queues", 0, 0, 200, "\"queue\":\"mail\""},
    {"GET", "/v1/queues?after=default", 0, 0, 200, "{\"items\":[{\"queue\":\"mail\""},
    {"GET", "/v1/queues?limit=1", 0, 0, 200, "\"next\":\"default\""},
    {"GET", "/v1/queues?limit=x", 0, 0, 400, "whole number"},
    {"GET", "/v1/stats", 0, 0, 200, "\"queues\":2"},
    {"GET", "/v1/stats?x=1", 0, 0, 400, "expected no query"},
    {"GET", "/v1/servers", 0, 0, 200, "\"handlers\":["},
    {"GET", "/v1/servers?all=1", 0, 0, 400, "expected after, limit"},
    {"GET", "/v1/cron?spec=0+0+1+1+*", 0, 0, 200, "\"explain\":"},
    {"GET", "/v1/cron", 0, 0, 400, "?spec= is missing"},

    /* ---- steering */
    {"POST", "/v1/jobs/mail:k-1/cancel", AUTH, "", 200,
     "{\"id\":\"mail:k-1\",\"status\":\"cancelled\"}"},
    {"POST", "/v1/jobs/mail:k-1/cancel", AUTH, "", 200, "cancelled"},
    {"POST", "/v1/jobs/mail:k-1/run", AUTH, "", 409, "it is cancelled: expected scheduled or"},
    {"POST", "/v1/jobs/mail:k-1/retry", AUTH JSON, "{}", 200, "\"status\":\"ready\""},
    {"POST", "/v1/jobs/mail:k-1/retry", AUTH, "{\"x\":1}", 400, "expected no body"},
    {"POST", "/v1/jobs/mail:m-1/retry", AUTH, "", 200, "ready"}, /* it is what was asked for */
    {"POST", "/v1/jobs/mail:later/retry", AUTH, "", 409, "it is scheduled: expected dead"},
    {"POST", "/v1/jobs/mail:later/run", AUTH, "", 200, "ready"},
    {"POST", "/v1/jobs/mail:none/run", AUTH, "", 404, "not found"},
    {"POST", "/v1/jobs/none/run", AUTH, "", 400, "QUEUE:ID"},
    {"DELETE", "/v1/jobs/mail:later", AUTH, 0, 200, "deleted"},
    {"DELETE", "/v1/jobs/mail:later", AUTH, 0, 404, "not found"},
    {"GET", "/v1/jobs/mail:later", AUTH, 0, 404, "not found"},
    {"POST", "/v1/queues/mail/pause", AUTH, "", 200, "{\"queue\":\"mail\",\"paused\":true}"},
    {"GET", "/v1/queues/mail", 0, 0, 200, "\"paused\":true"},
    {"POST", "/v1/queues/mail/resume", AUTH, "{}", 200, "\"paused\":false"},
    {"POST", "/v1/queues/mail/resume", AUTH, "now", 400, "expected no body"},
    {"POST", "/v1/queues/a%20b/pause", AUTH, "", 400, "queue"},
    {"POST", "/v1/queues/new/pause", AUTH, "", 200, "\"paused\":true"},
    {"GET", "/v1/queues", 0, 0, 200, "\"queue\":\"new\""},

    /* ---- one for a key */
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"a\",\"unique\":\"a b\"}", 400, "unique 'a b': expected"},
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"a\",\"replace\":true}", 400,
     "replace: expected `unique` with it"},
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"a\",\"id\":\"n\",\"unique\":\"k=1h\"}", 201,
     "{\"id\":\"uniq:n\",\"existing\":false}"},
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"b\",\"unique\":\"k\"}", 200,
     "{\"id\":\"uniq:n\",\"existing\":true}"},
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"b\",\"unique\":\"k\",\"replace\":true}", 200,
     "{\"id\":\"uniq:n\",\"existing\":true,\"replaced\":true}"},
    {"POST", UNIQ, AUTH JSON, "[{\"kind\":\"b\",\"unique\":\"k\",\"replace\":true}]", 200,
     "[{\"id\":\"uniq:n\",\"existing\":true,\"replaced\":true}]"},
    {"GET", "/v1/jobs/uniq:n", AUTH, 0, 200, "\"unique\":\"k=done\""},
    {"DELETE", "/v1/jobs/uniq:n", AUTH, 0, 200, "deleted"},

    /* ---- edited */
    {"POST", UNIQ, AUTH JSON, "{\"kind\":\"a\",\"id\":\"e\",\"payload\":\"old\"}", 201, "uniq:e"},
    {"PATCH", "/v1/jobs/uniq:e", JSON, "{\"priority\":0}", 401, "token"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "{}", 400, "nothing to change: expected a payload"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "{\"kind\":\"b\"}", 400, "key kind cannot be edited"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "{\"priority\":10}", 400, "from 0 to 9"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "{\"in_ms\":1,\"run_at\":\"2099-01-01T00:00:00Z\"}",
     400, "`in_ms` and `run_at`: expected one of them"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "[]", 400, "expected a JSON object"},
    {"PATCH", "/v1/jobs/uniq:none", AUTH JSON, "{\"priority\":0}", 404, "not found"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON,
     "{\"payload\":\"new\",\"priority\":0,\"in_ms\":3600000}", 200,
     "{\"id\":\"uniq:e\",\"status\":\"edited\"}"},
    {"GET", "/v1/jobs/uniq:e", AUTH, 0, 200, "\"state\":\"scheduled\""},
    {"GET", "/v1/jobs/uniq:e", AUTH, 0, 200, "\"payload\":\"new\""},
    {"POST", "/v1/jobs/uniq:e/cancel", AUTH, 0, 200, "cancelled"},
    {"PATCH", "/v1/jobs/uniq:e", AUTH JSON, "{\"priority\":0}", 409,
     "it is cancelled: expected one that waits"},

    {"PUT", "/v1/queues/z/batches/x", JSON, "{}", 401, "token"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "[]", 400, "expected a JSON object"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "{\"kind\":\"a\"}", 400, "on_complete"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "{\"on_complete\":{}}", 400, "kind"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON,
     "{\"on_complete\":{\"kind\":\"a\",\"id\":\"a\"}}", 400, "on_complete: key id"},
    {"PUT", "/v1/queues/z/batches/a%20b", AUTH JSON, "{}", 400, "batch 'a b'"},
    {"GET", "/v1/queues/z/batches/x", 0, 0, 404, "batch x: not found"},
    {"POST", "/v1/queues/z/batches/x/close", AUTH, 0, 404, "batch x: not found"},
    {"GET", "/v1/queues/z/batches", 0, 0, 200, "{\"items\":[],\"next\":null}"},
    {"GET", "/v1/queues/z/batches?after=x", 0, 0, 400, "expected the `next`"},
    {"GET", "/v1/queues/z/batches?limit=1001", 0, 0, 400, "from 1 to 1000"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "{\"on_complete\":{\"kind\":\"a\"}}", 201,
     "\"state\":\"open\""},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "{\"on_complete\":{\"kind\":\"a\"}}", 200,
     "\"on_complete\":\"z:"},
    {"PUT", "/v1/queues/z/batches/x", AUTH JSON, "{\"on_complete\":{\"kind\":\"b\"}}", 409,
     "makes another job"},
    {"POST", "/v1/queues/z/jobs", AUTH JSON,
     "{\"kind\":\"a\",\"id\":\"m\",\"batch\":\"x\"}", 201, "z:m"},
    {"POST", "/v1/queues/z/jobs", AUTH JSON, "{\"kind\":\"a\",\"batch\":\"other:x\"}", 400,
     "the job's own queue"},
    {"GET", "/v1/jobs/z:m", 0, 0, 200, "\"batch\":\"x\""},
    {"POST", "/v1/queues/z/batches/x/close", AUTH, 0, 200, "\"existing\":false"},
    {"POST", "/v1/queues/z/batches/x/close", AUTH, 0, 200, "\"existing\":true"},
    {"POST", "/v1/queues/z/jobs", AUTH JSON, "{\"kind\":\"a\",\"batch\":\"x\"}", 409,
     "batch 'x' is closed"},
    {"POST", "/v1/jobs/z:m/cancel", AUTH, 0, 200, "cancelled"},
    {"GET", "/v1/queues/z/batches", 0, 0, 200, "\"state\":\"complete\",\"total\":1"},
};

/* The code and the status are those of one row of base/error.c; only 405 has none of its own. */
static void check_code(size_t i, struct answer a)
{
    static const char start[] = "\"error\":{\"code\":\"";
    const char *name = strstr(a.body, start);

    if (!name) fail_msg("row %zu: an error without a code: %s", i, a.body);
    name += sizeof start - 1;
    enum pinion_err code = error_from_name(name, strcspn(name, "\""));
    if (a.status != (code == PINION_INVALID && a.status == 405 ? 405 : error_http(code)))
        fail_msg("row %zu: %u does not go with: %s", i, a.status, a.body);
}

TEST(every_route_with_good_and_bad_input)
{
    for (size_t i = 0; i < countof(rows); i++) {
        const struct row *r = &rows[i];
        struct answer a = ask(r->method, r->target, r->headers, r->body);
        if (a.status != r->status)
            fail_msg("row %zu: %s %s %.200s: %u, expected %u: %s", i, r->method, r->target,
                     r->body ? r->body : "", a.status, r->status, a.body ? a.body : "(closed)");
        if (!strstr(a.head, r->says) && !strstr(a.body, r->says))
            fail_msg("row %zu: %s %s %.200s: no '%s' in: %s%s", i, r->method, r->target,
                     r->body ? r->body : "", r->says, a.head, a.body);
        if (a.status >= 400) check_code(i, a);
        if (strstr(a.head, "Connection: close")) fail_msg("row %zu: the connection is lost", i);
    }
}

/* ---- bodies at their bounds ------------------------------------------------------------------ */

static char *repeated(const char *before, char c, size_t count, const char *after)
{
    struct buffer b = BUFFER_INIT;

    buffer_add_text(&b, before);
    memset(buffer_reserve(&b, count), c, count);
    b.len += count;
    buffer_add_text(&b, after);
    return buffer_take(&b, NULL);
}

TEST(a_payload_at_its_limit_and_one_past_it)
{
    for (int past = 0; past < 2; past++) {
        char *body = repeated("{\"kind\":\"a\",\"payload\":\"", 'x',
                              (size_t)PAYLOAD_BYTES_MAX + (size_t)past, "\"}");
        json_t *a = ask_json(past ? 413 : 201, "POST", "/v1/queues/large/jobs", AUTH JSON, body);
        if (past) assert_string_equal(text_at(a, "error.code"), "too_large");
        json_decref(a);
        free(body);
    }
    assert_int_equal(ask("GET", "/v1/queues/large/jobs", AUTH, NULL).status, 200);
}

TEST(an_array_at_its_limit_and_one_past_it)
{
    for (int past = 0; past < 2; past++) {
        struct buffer body = BUFFER_INIT;
        buffer_add_text(&body, "[{\"kind\":\"a\"}");
        for (int i = 1; i < API_NEW_JOBS_MAX + past; i++)
            buffer_add_text(&body, ",{\"kind\":\"a\"}");
        buffer_add_text(&body, "]");
        json_t *a =
            ask_json(past ? 413 : 201, "POST", "/v1/queues/many/jobs", AUTH JSON, body.data);
        if (!past) assert_int_equal(json_array_size(a), API_NEW_JOBS_MAX);
        json_decref(a);
        buffer_deinit(&body);
        a = ask_json(200, "GET", "/v1/queues/many", NULL, NULL);
        assert_int_equal(number_at(a, "counts.ready"), API_NEW_JOBS_MAX);
        json_decref(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_route_with_good_and_bad_input),
        cmocka_unit_test(a_payload_at_its_limit_and_one_past_it),
        cmocka_unit_test(an_array_at_its_limit_and_one_past_it),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
