/* What no client of ours sends: one table against a real service and a real Redis. Each row says
 * how it is answered, in words, and whether the connection can be used afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/text.h"
#include "control/http/limits.h"
#include "tests/flow/api_world.h"

#define JOBS      "/v1/queues/bad/jobs"
#define HOST      "Host: localhost\r\n"
#define POST      "POST " JOBS " HTTP/1.1\r\n" HOST
#define POST_JSON POST AUTH JSON
#define GOOD      "{\"kind\":\"a\"}"

enum afterwards { KEPT, CLOSED };

struct row {
    const char *what, *head, *body; /* body NULL: neither one nor its length is sent */
    size_t fill;                    /* so often comes the last character of the body */
    unsigned status;
    enum pinion_err code;
    const char *says[2]; /* parts of the message, or of the head */
    enum afterwards afterwards;
};

/* clang-format off */
static const struct row rows[] = {
    /* ---- bodies that are not JSON */
    {"nothing", POST_JSON, "", 0, 400, PINION_INVALID, {"expected a JSON object"}, KEPT},
    {"an end too early", POST_JSON, "{\"kind\":", 0, 400, PINION_INVALID, {"column 9"}, KEPT},
    {"an open string", POST_JSON, "{\"kind\":\"a", 0, 400, PINION_INVALID, {"column"}, KEPT},
    {"a comma too many", POST_JSON, "{\"kind\":\"a\",}", 0, 400, PINION_INVALID,
     {"expected a key in quotes", "column 13"}, KEPT},
    {"single quotes", POST_JSON, "{'kind':'a'}", 0, 400, PINION_INVALID,
     {"expected a key in quotes", "column 2"}, KEPT},
    {"no JSON at all", POST_JSON, "kind=a", 0, 400, PINION_INVALID, {"expected a JSON object"},
     KEPT},
    {"a number", POST_JSON, "7", 0, 400, PINION_INVALID, {"expected a JSON object"}, KEPT},
    {"two values", POST_JSON, GOOD GOOD, 0, 400, PINION_INVALID, {"column 13"}, KEPT},
    {"an item that is broken", POST_JSON, "[" GOOD ",{\"kind\":}]", 0, 400, PINION_INVALID,
     {"column"}, KEPT},
    {"a key twice", POST_JSON, "{\"kind\":\"a\",\"kind\":\"a\"}", 0, 400, PINION_INVALID,
     {"kind stands there twice"}, KEPT},
    {"a key twice, spelled in two ways", POST_JSON, "{\"kind\":\"a\",\"k\\u0069nd\":\"b\"}", 0, 400,
     PINION_INVALID, {"is unknown: expected kind, payload"}, KEPT},
    {"a key twice in an item", POST_JSON,
     "[" GOOD ",{\"kind\":\"a\",\"id\":\"x\",\"id\":\"y\"}]", 0, 400, PINION_INVALID,
     {"item 1", "id stands there twice"}, KEPT},
    {"half a character", POST_JSON, "{\"kind\":\"a\",\"payload\":\"\xc3(\"}", 0, 400,
     PINION_INVALID, {"UTF-8", "column"}, KEPT},
    {"a character in more bytes than it needs", POST_JSON,
     "{\"kind\":\"a\",\"payload\":\"\xc0\xaf\"}", 0, 400, PINION_INVALID, {"UTF-8"}, KEPT},
    {"a surrogate as UTF-8", POST_JSON, "{\"kind\":\"a\",\"payload\":\"\xed\xa0\x80\"}", 0, 400,
     PINION_INVALID, {"UTF-8"}, KEPT},
    {"beyond Unicode", POST_JSON, "{\"kind\":\"a\",\"payload\":\"\xf4\x90\x80\x80\"}", 0, 400,
     PINION_INVALID, {"UTF-8"}, KEPT},
    {"bad UTF-8 outside of strings", POST_JSON, "\xff\xfe" GOOD, 0, 400, PINION_INVALID,
     {"column 1"}, KEPT},
    {"a control character", POST_JSON, "{\"kind\":\"a\",\"payload\":\"a\nb\"}", 0, 400,
     PINION_INVALID, {"column"}, KEPT},
    {"100,000 brackets", POST_JSON, "[", 99999, 400, PINION_INVALID, {"at most 64 levels"}, KEPT},
    {"100,000 brackets of a payload", POST_JSON, "{\"kind\":\"a\",\"payload\":[", 99999, 400,
     PINION_INVALID, {"at most 64 levels"}, KEPT},

    /* ---- bodies of another kind or size */
    {"no content type", POST AUTH, GOOD, 0, 400, PINION_INVALID,
     {"Content-Type: application/json"}, KEPT},
    {"a form", POST AUTH "Content-Type: application/x-www-form-urlencoded\r\n", "kind=a", 0, 400,
     PINION_INVALID, {"Content-Type: application/json"}, KEPT},
    {"a longer type", POST AUTH "Content-Type: application/json-seq\r\n", GOOD, 0, 400,
     PINION_INVALID, {"Content-Type: application/json"}, KEPT},
    {"one byte too many", POST_JSON, "x", HTTP_BODY_BYTES_MAX, 413, PINION_TOO_LARGE,
     {"body", "at most 4194304 bytes"}, KEPT},
    {"one byte too many, announced by Expect",
     POST_JSON "Expect: 100-continue\r\nContent-Length: 4194305\r\n", NULL, 0, 413,
     PINION_TOO_LARGE, {"at most 4194304 bytes"}, CLOSED},
    {"more than is swallowed", POST_JSON, "x", HTTP_SWALLOW_BYTES_MAX, 413, PINION_TOO_LARGE,
     {"at most 4194304 bytes"}, CLOSED},

    /* ---- heads */
    {"no Host", "POST " JOBS " HTTP/1.1\r\n" AUTH JSON, GOOD, 0, 400, PINION_INVALID,
     {"needs a Host"}, CLOSED},
    {"two Hosts", POST_JSON HOST, GOOD, 0, 400, PINION_INVALID, {"Host was sent twice"}, CLOSED},
    {"a foreign Host", "POST " JOBS " HTTP/1.1\r\nHost: evil.example\r\n" AUTH JSON, GOOD, 0, 421,
     PINION_MISDIRECTED, {"Host", "--http-host"}, CLOSED},
    {"a foreign target", "GET http://evil.example/healthz HTTP/1.1\r\n" HOST, NULL, 0, 421,
     PINION_MISDIRECTED, {"--http-host"}, CLOSED},
    {"two framings",
     POST_JSON "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", NULL, 0, 400,
     PINION_INVALID, {"Content-Length", "Transfer-Encoding"}, CLOSED},
    {"two framings, the other way round",
     POST_JSON "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n", NULL, 0, 400,
     PINION_INVALID, {"Content-Length", "Transfer-Encoding"}, CLOSED},
    {"two lengths", POST_JSON "Content-Length: 12\r\n", GOOD, 0, 400, PINION_INVALID,
     {"Content-Length"}, CLOSED},
    {"a negative length", POST_JSON "Content-Length: -1\r\n", NULL, 0, 400, PINION_INVALID,
     {"Content-Length"}, CLOSED},
    {"another coding", POST_JSON "Transfer-Encoding: gzip\r\n", NULL, 0, 501, PINION_INVALID,
     {"chunked"}, CLOSED},
    {"a folded line", POST_JSON "X: y\r\n z\r\n", GOOD, 0, 400, PINION_INVALID, {"folded"}, CLOSED},
    {"no HTTP", "hello\r\n", NULL, 0, 400, PINION_INVALID,
     {"a request line like \"GET /path HTTP/1.1\" was expected"}, CLOSED},
    {"another version", "GET /healthz HTTP/3.0\r\n" HOST, NULL, 0, 505, PINION_INVALID,
     {"HTTP/1.1"}, CLOSED},
    {"an unknown method", "BREW /healthz HTTP/1.1\r\n" HOST, NULL, 0, 501, PINION_INVALID,
     {"GET, HEAD, POST"}, CLOSED},

    /* ---- paths and methods */
    {"an unknown route", "GET /v1/nothing HTTP/1.1\r\n" HOST, NULL, 0, 404, PINION_NOT_FOUND,
     {"there is nothing here"}, KEPT},
    {"an unknown route, with a token and a body",
     "POST /v2/queues/bad/jobs HTTP/1.1\r\n" HOST AUTH JSON, GOOD, 0, 404, PINION_NOT_FOUND,
     {"there is nothing here"}, KEPT},
    {"a method that this route has not", "PATCH " JOBS " HTTP/1.1\r\n" HOST AUTH JSON, GOOD, 0, 405,
     PINION_INVALID, {"does not know the method", "Allow: GET, HEAD, POST\r\n"}, KEPT},
    {"a way up", "GET /v1/../healthz HTTP/1.1\r\n" HOST, NULL, 0, 400, PINION_INVALID, {"\"..\""},
     KEPT},
    {"bad UTF-8 in a path", "GET /v1/queues/%c3%28 HTTP/1.1\r\n" HOST, NULL, 0, 400, PINION_INVALID,
     {"UTF-8"}, KEPT},

    /* ---- tokens */
    {"no token", POST JSON, GOOD, 0, 401, PINION_UNAUTHORIZED,
     {"needs a token: expected `Authorization: Bearer TOKEN`", "WWW-Authenticate: Bearer\r\n"},
     KEPT},
    {"a wrong token", POST JSON "Authorization: Bearer 0000\r\n", GOOD, 0, 401, PINION_UNAUTHORIZED,
     {"is not known, or has expired: expected `Authorization: Bearer",
      "WWW-Authenticate: Bearer\r\n"},
     KEPT},
    {"a token and more", POST JSON "Authorization: Bearer TOKENx\r\n", GOOD, 0, 401,
     PINION_UNAUTHORIZED, {"is not known"}, KEPT},
    {"another scheme", POST JSON "Authorization: Basic dTpw\r\n", GOOD, 0, 401,
     PINION_UNAUTHORIZED, {"Bearer TOKEN"}, KEPT},
};
/* clang-format on */

/* As an ordinary client: all of it is sent before anything is read. */
static void send_row(struct visitor *v, const struct row *r)
{
    struct buffer text = BUFFER_INIT;
    size_t len = r->body ? strlen(r->body) : 0;

    buffer_add_text(&text, r->head);
    if (r->body) buffer_printf(&text, "Content-Length: %zu\r\n", len + r->fill);
    buffer_add_text(&text, "\r\n");
    buffer_add(&text, r->body ? r->body : "", len);
    if (r->fill) memset(buffer_reserve(&text, r->fill), r->body[len - 1], r->fill);
    text.len += r->fill;
    visitor_send(v, text.data, text.len);
    buffer_deinit(&text);
}

static void check_answer(const struct row *r, struct answer a)
{
    json_t *body = a.body ? json_loads(a.body, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (a.status != r->status || !body)
        fail_msg("%s: %u, expected %u: %s", r->what, a.status, r->status, a.body);
    if (strcmp(text_at(body, "error.code"), error_name(r->code)) != 0)
        fail_msg("%s: expected %s: %s", r->what, error_name(r->code), a.body);
    if (r->status != error_http(r->code) && r->code != PINION_INVALID)
        fail_msg("%s: %u is not the status of %s", r->what, r->status, error_name(r->code));
    for (size_t i = 0; i < countof(r->says) && r->says[i]; i++)
        if (!strstr(text_at(body, "error.message"), r->says[i]) && !strstr(a.head, r->says[i]))
            fail_msg("%s: no '%s' in: %s%s", r->what, r->says[i], a.head, a.body);
    if (!strstr(a.head, "Content-Type: application/json\r\n") ||
        !strstr(a.head, "Connection: close\r\n") != (r->afterwards == KEPT))
        fail_msg("%s: not the head that was expected: %s", r->what, a.head);
    json_decref(body);
}

static bool is_well(struct visitor *v)
{
    static const char text[] = "GET /healthz HTTP/1.1\r\n" HOST "\r\n";

    visitor_send(v, text, sizeof text - 1);
    struct answer a = visitor_answer(v);
    return a.status == 200 && strcmp(a.body, "ok\n") == 0;
}

TEST(bad_input_is_answered_with_its_reason)
{
    for (size_t i = 0; i < countof(rows); i++) {
        struct visitor *v = visitor_open();
        send_row(v, &rows[i]);
        check_answer(&rows[i], visitor_answer(v));
        if (rows[i].afterwards == KEPT && !is_well(v))
            fail_msg("%s: the connection cannot be used any more", rows[i].what);
        if (rows[i].afterwards == CLOSED) eventually(!visitor_is_open(v));
        visitor_close(v);
        assert_int_equal(ask("GET", "/v1/queues/bad", NULL, NULL).status, 404); /* none was made */
    }
}

/* All of it on one connection, as far as that lasts: nothing of one request is left in the next. */
TEST(bad_input_of_one_client)
{
    struct visitor *v = visitor_open();

    for (size_t i = 0; i < countof(rows); i++) {
        if (rows[i].afterwards == CLOSED) continue;
        send_row(v, &rows[i]);
        check_answer(&rows[i], visitor_answer(v));
    }
    assert_true(is_well(v));
    visitor_close(v);
    json_decref(ask_json(201, "POST", JOBS, AUTH JSON, GOOD));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_input_is_answered_with_its_reason),
        cmocka_unit_test(bad_input_of_one_client),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
