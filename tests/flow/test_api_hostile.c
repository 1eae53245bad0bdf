/* What is sent to break in, against a real service and a real Redis: requests within requests,
 * pages under foreign names, ways out of the tree, text that is none, and the same for the body of
 * each route that takes one. Each row says how it is answered; nothing behind a request that ends
 * its connection is ever looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "control/http/limits.h"
#include "tests/flow/api_world.h"

#define HOST   "Host: localhost\r\n"
#define GET    "GET /healthz HTTP/1.1\r\n"
#define POST   "POST /v1/queues/bad/jobs HTTP/1.1\r\n" HOST AUTH JSON
#define CHUNKS POST "Transfer-Encoding: chunked\r\n\r\n"
#define PROBE  "GET /v1/smuggled HTTP/1.1\r\n" HOST "\r\n"

enum afterwards { KEPT, CLOSED };

struct row {
    const char *what, *bytes;
    size_t len; /* some have a NUL */
    unsigned status;
    enum pinion_err code;
    enum afterwards afterwards;
};

#define BYTES(text) (text), sizeof(text) - 1
#define REFUSED     400, PINION_INVALID, CLOSED
#define BAD_PATH    400, PINION_INVALID, KEPT
#define FOREIGN     421, PINION_MISDIRECTED, CLOSED

/* clang-format off */
static const struct row rows[] = {
    /* ---- requests within requests */
    {"a length and chunks", BYTES(POST "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\n\r\nG"), REFUSED},
    {"chunks and a length", BYTES(POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
        "5c\r\n"), REFUSED},
    {"a length of two minds", BYTES(POST "Content-Length: 5, 6\r\n\r\nhello"), REFUSED},
    {"a length twice", BYTES(POST "Content-Length: 0\r\nContent-Length: 44\r\n\r\n"), REFUSED},
    {"a length with a sign", BYTES(POST "Content-Length: +2\r\n\r\n[]"), REFUSED},
    {"a length in hex", BYTES(POST "Content-Length: 0x2\r\n\r\n[]"), REFUSED},
    {"a length beyond 64 bits",
     BYTES(POST "Content-Length: 18446744073709551618\r\n\r\n"), REFUSED},
    {"a length behind a blank", BYTES(POST "Content-Length : 2\r\n\r\n[]"), REFUSED},
    {"a length in a folded line", BYTES(POST "Content-Length:\r\n 2\r\n\r\n[]"), REFUSED},
    {"a folded header", BYTES(GET HOST "X: a\r\n Transfer-Encoding: chunked\r\n\r\n"), REFUSED},
    {"a first line that is folded", BYTES(GET " Host: localhost\r\n\r\n"), REFUSED},
    {"chunks, spelled by a vertical tab", BYTES(POST "Transfer-Encoding: \x0b" "chunked\r\n\r\n"),
        REFUSED},
    {"chunks by another name", BYTES(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        501, PINION_INVALID, CLOSED},
    {"chunks within gzip", BYTES(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        501, PINION_INVALID, CLOSED},
    {"chunks twice",
     BYTES(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
        REFUSED},
    {"chunks in HTTP/1.0", BYTES("POST /v1/queues/bad/jobs HTTP/1.0\r\n" HOST AUTH JSON
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), REFUSED},
    {"a bare LF in the head", BYTES(GET HOST "X: a\nContent-Length: 5\r\n\r\n"), REFUSED},
    {"a bare CR in the head", BYTES(GET HOST "X: a\rContent-Length: 5\r\n\r\n"), REFUSED},
    {"heads that end by LF", BYTES("GET /healthz HTTP/1.1\nHost: localhost\n\n"), REFUSED},
    {"a NUL in a header", BYTES(GET HOST "X: a\0b\r\n\r\n"), REFUSED},
    {"a NUL in a name", BYTES(GET HOST "X\0: a\r\n\r\n"), REFUSED},
    {"a NUL in the target", BYTES("GET /healthz\0/x HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a header without a name", BYTES(GET HOST ": a\r\n\r\n"), REFUSED},
    {"a header without a colon", BYTES(GET HOST "Content-Length\r\n\r\n"), REFUSED},
    {"a name with a high bit", BYTES(GET HOST "Content-L\xc3\xa4ngth: 5\r\n\r\n"), REFUSED},
    {"a chunk with an extension", BYTES(CHUNKS "2;a=b\r\n[]\r\n0\r\n\r\n"), REFUSED},
    {"a chunk larger than 64 bits", BYTES(CHUNKS "10000000000000002\r\n[]\r\n0\r\n\r\n"), REFUSED},
    {"a chunk with a sign", BYTES(CHUNKS "-2\r\n[]\r\n0\r\n\r\n"), REFUSED},
    {"a chunk of another length", BYTES(CHUNKS "3\r\n[]\r\n0\r\n\r\n"), REFUSED},
    {"a chunk that ends by LF", BYTES(CHUNKS "2\n[]\r\n0\r\n\r\n"), REFUSED},
    {"chunks with a trailer", BYTES(CHUNKS "2\r\n[]\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
        REFUSED},
    {"HTTP/2 from the start", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), REFUSED},
    {"an upgrade to HTTP/2",
     BYTES(GET HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        "HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"), 200, PINION_OK, KEPT},

    /* ---- names of others */
    {"a foreign name", BYTES(GET "Host: attacker.example\r\n\r\n"), FOREIGN},
    {"a foreign name with our port", BYTES(GET "Host: attacker.example:7466\r\n\r\n"), FOREIGN},
    {"a name that begins like ours",
     BYTES(GET "Host: localhost.attacker.example\r\n\r\n"), FOREIGN},
    {"a name that ends like ours", BYTES(GET "Host: xlocalhost\r\n\r\n"), FOREIGN},
    {"our name before an at", BYTES(GET "Host: localhost@attacker.example\r\n\r\n"), FOREIGN},
    {"another address of ours", BYTES(GET "Host: 127.0.0.2\r\n\r\n"), FOREIGN},
    {"our address in decimal", BYTES(GET "Host: 2130706433\r\n\r\n"), FOREIGN},
    {"two names", BYTES(GET "Host: localhost, attacker.example\r\n\r\n"), FOREIGN},
    {"two Hosts", BYTES(GET HOST "Host: attacker.example\r\n\r\n"), REFUSED},
    {"no Host", BYTES(GET "\r\n"), REFUSED},
    {"an empty Host", BYTES(GET "Host:\r\n\r\n"), FOREIGN},
    {"a port that is none", BYTES(GET "Host: localhost:7466x\r\n\r\n"), FOREIGN},
    {"a foreign target", BYTES("GET http://attacker.example/healthz HTTP/1.1\r\n" HOST "\r\n"),
        FOREIGN},
    {"a foreign target under our Host's user",
     BYTES("GET http://localhost@attacker.example/ HTTP/1.1\r\n" HOST "\r\n"), FOREIGN},
    {"a target of another scheme",
     BYTES("GET file:///etc/passwd HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"a tunnel", BYTES("CONNECT attacker.example:443 HTTP/1.1\r\n" HOST "\r\n"), 501,
        PINION_INVALID, CLOSED},
    {"our own name in capitals, with a port", BYTES(GET "Host: LocalHost:1\r\n\r\n"), 200,
        PINION_OK, KEPT},

    /* ---- ways out of the tree */
    {"up", BYTES("GET /web/../../etc/passwd HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"up, encoded", BYTES("GET /web/%2e%2e/%2E%2e/etc/passwd HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"up by an encoded slash", BYTES("GET /web/..%2f..%2fetc%2fpasswd HTTP/1.1\r\n" HOST "\r\n"),
        BAD_PATH},
    {"up by a backslash", BYTES("GET /web/..\\..\\etc HTTP/1.1\r\n" HOST "\r\n"), 404,
        PINION_NOT_FOUND, KEPT},
    {"up, encoded twice", BYTES("GET /web/%252e%252e%252fetc HTTP/1.1\r\n" HOST "\r\n"), 404,
        PINION_NOT_FOUND, KEPT},
    {"up in UTF-8 that is too long", BYTES("GET /web/%c0%ae%c0%ae/etc HTTP/1.1\r\n" HOST "\r\n"),
        BAD_PATH},
    {"two slashes",
     BYTES("GET //etc/passwd HTTP/1.1\r\n" HOST "\r\n"), 404, PINION_NOT_FOUND, KEPT},
    {"an encoded NUL", BYTES("GET /web/app.js%00.png HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"an encoded CR LF", BYTES("GET /v1/queues/a%0d%0aX:%20b HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"half an escape", BYTES("GET /v1/queues/a%2 HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"an escape of no digits", BYTES("GET /v1/queues/a%zz HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},

    /* ---- text that is none */
    {"bad UTF-8 in a path", BYTES("GET /v1/queues/%ff HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"a surrogate in a path", BYTES("GET /v1/queues/%ed%a0%80 HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"raw bytes in a path", BYTES("GET /v1/queues/\xff HTTP/1.1\r\n" HOST "\r\n"), REFUSED},
    {"bad UTF-8 in a query", BYTES("GET /v1/queues/bad/jobs?kind=%ff HTTP/1.1\r\n" HOST "\r\n"),
        BAD_PATH},
    {"an encoded NUL in a query",
     BYTES("GET /v1/queues/bad/jobs?after=%00 HTTP/1.1\r\n" HOST "\r\n"), BAD_PATH},
    {"bad UTF-8 in a key", BYTES(POST "Idempotency-Key: \xff\xfe\r\nContent-Length: 12\r\n\r\n"
        "{\"kind\":\"a\"}"), BAD_PATH},
    {"bad UTF-8 in a token", BYTES("POST /v1/queues/bad/pause HTTP/1.1\r\n" HOST
        "Authorization: Bearer \xff\xfe\r\nContent-Length: 0\r\n\r\n"),
        401, PINION_UNAUTHORIZED, KEPT},
    {"terminal escapes in a header", BYTES(GET HOST "X: \x1b[2J\r\n\r\n"), REFUSED},
};
/* clang-format on */

static bool is_well(struct visitor *v)
{
    static const char text[] = GET HOST "\r\n";

    visitor_send(v, text, sizeof text - 1);
    struct answer a = visitor_answer(v);
    return a.status == 200 && strcmp(a.body, "ok\n") == 0;
}

static void check_code(const char *what, struct answer a, unsigned status, enum pinion_err code)
{
    json_t *body = NULL;

    if (a.status != status) fail_msg("%s: %u, expected %u: %s", what, a.status, status, a.body);
    if (code == PINION_OK) return;
    body = a.body ? json_loads(a.body, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!body || strcmp(text_at(body, "error.code"), error_name(code)) != 0 ||
        !*text_at(body, "error.message"))
        fail_msg("%s: expected %s: %s", what, error_name(code), a.body);
    json_decref(body);
}

static void check_row(const struct row *r)
{
    struct visitor *v = visitor_open();
    struct buffer bytes = BUFFER_INIT;

    buffer_add(&bytes, r->bytes, r->len);
    if (r->afterwards == CLOSED) buffer_add_text(&bytes, PROBE);
    visitor_send(v, bytes.data, bytes.len);
    check_code(r->what, visitor_answer(v), r->status, r->code);
    if (r->afterwards == CLOSED) {
        eventually(!visitor_is_open(v));
        if (v->got.len) fail_msg("%s: what was hidden behind it was answered", r->what);
    } else if (!is_well(v)) {
        fail_msg("%s: the connection cannot be used any more", r->what);
    }
    visitor_close(v);
    buffer_deinit(&bytes);
}

TEST(hostile_requests)
{
    for (size_t i = 0; i < countof(rows); i++) check_row(&rows[i]);
    assert_int_equal(ask("GET", "/v1/queues/bad", NULL, NULL).status, 404); /* nothing was made */
}

/* ---- the body of each route that takes one --------------------------------------------------- */

static const struct {
    const char *method, *target;
} takers[] = {
    {"PUT",   "/v1/queues/bad/bounds"       },
    {"PUT",   "/v1/queues/bad/limits"       },
    {"POST",  "/v1/queues/bad/jobs"         },
    {"POST",  "/v1/queues/bad/ack"          },
    {"POST",  "/v1/queues/bad/fail"         },
    {"POST",  "/v1/queues/bad/extend"       },
    {"PUT",   "/v1/queues/bad/batches/b"    },
    {"PATCH", "/v1/jobs/bad:a"              },
    {"POST",  "/v1/jobs/bad:a/ack"          },
    {"POST",  "/v1/jobs/bad:a/fail"         },
    {"POST",  "/v1/jobs/bad:a/extend"       },
    {"POST",  "/v1/jobs/bad:a/progress"     },
    {"PUT",   "/v1/schedules/bad"           },
    {"POST",  "/v1/schedules/bad/backfill"  },
};

static void refuses_body(size_t taker, const char *what, const char *body, size_t len)
{
    struct buffer text = BUFFER_INIT;
    struct visitor *v = visitor_open();
    char where[200];

    snprintf(where, sizeof where, "%s %s, %s", takers[taker].method, takers[taker].target, what);
    buffer_printf(&text, "%s %s HTTP/1.1\r\n" HOST AUTH JSON "Content-Length: %zu\r\n\r\n",
                  takers[taker].method, takers[taker].target, len);
    buffer_add(&text, body, len);
    visitor_send(v, text.data, text.len);
    check_code(where, visitor_answer(v), 400, PINION_INVALID);
    if (!is_well(v)) fail_msg("%s: the connection cannot be used any more", where);
    visitor_close(v);
    buffer_deinit(&text);
}

TEST(hostile_bodies)
{
    static const struct {
        const char *what, *body;
        size_t len;
    } bodies[] = {
        {"a key twice", BYTES("{\"token\":\"1\",\"token\":\"1\"}")},
        {"a key twice, deeper", BYTES("{\"payload\":{\"a\":1,\"a\":2},\"payload\":1}")},
        {"bad UTF-8", BYTES("{\"kind\":\"\xff\"}")},
        {"UTF-8 that is too long", BYTES("{\"token\":\"\xc0\xaf\"}")},
        {"half a surrogate", BYTES("{\"token\":\"\\ud800\"}")},
        {"a NUL", BYTES("{\"token\":\"1\0\"}")},
        {"an escaped NUL in a name", BYTES("{\"to\\u0000ken\":\"1\"}")},
        {"a number beyond all",
     BYTES("{\"lease_ms\":1e999,\"every_ms\":1e999,\"max_jobs\":1e999}")},
        {"more behind it", BYTES("{} {}")},
        {"a byte order mark", BYTES("\xef\xbb\xbf{}")},
        {"UTF-16", BYTES("{\0}\0")},
        {"an open end", BYTES("{\"token\":")},
        {"NaN", BYTES("{\"percent\":NaN,\"priority\":NaN}")},
        {"nothing", BYTES("")},
        {"a text", BYTES("\"x\"")},
    };
    char *deep = xmalloc(100000);

    memset(deep, '[', 100000);
    for (size_t t = 0; t < countof(takers); t++) {
        for (size_t i = 0; i < countof(bodies); i++)
            refuses_body(t, bodies[i].what, bodies[i].body, bodies[i].len);
        refuses_body(t, "100,000 brackets", deep, 100000);
    }
    free(deep);
}

/* Nested to the limit, and one level more. */
TEST(depth_of_json)
{
    struct buffer job = BUFFER_INIT;

    for (unsigned levels = 64; levels <= 65; levels++) { /* of the payload */
        buffer_clear(&job);
        buffer_printf(&job, "{\"kind\":\"a\",\"payload\":");
        for (unsigned i = 0; i < levels; i++) buffer_add_char(&job, '[');
        for (unsigned i = 0; i < levels; i++) buffer_add_char(&job, ']');
        buffer_add_char(&job, '}');
        struct answer a = ask("POST", "/v1/queues/deep/jobs", AUTH JSON, job.data);
        check_code("depth", a, levels == 64 ? 201 : 400, levels == 64 ? PINION_OK : PINION_INVALID);
    }
    buffer_deinit(&job);
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void head_of(const char *what, unsigned headers, size_t bytes, unsigned status)
{
    struct buffer head = BUFFER_INIT;
    struct visitor *v = visitor_open();

    buffer_add_text(&head, GET HOST);
    for (unsigned i = 1; i < headers; i++) buffer_printf(&head, "X-%u: a\r\n", i);
    if (bytes) {
        buffer_add_text(&head, "Y: ");
        while (head.len < bytes - 4) buffer_add_char(&head, 'y');
        buffer_add_text(&head, "\r\n");
    }
    buffer_add_text(&head, "\r\n");
    visitor_send(v, head.data, head.len);
    check_code(what, visitor_answer(v), status, status == 200 ? PINION_OK : PINION_TOO_LARGE);
    visitor_close(v);
    buffer_deinit(&head);
}

TEST(heads_at_their_limits)
{
    struct buffer target = BUFFER_INIT;

    head_of("64 headers", HTTP_HEADERS_MAX, 0, 200);
    head_of("65 headers", HTTP_HEADERS_MAX + 1, 0, 431);
    head_of("10,000 headers", 10000, 0, 431);
    head_of("16 KiB", 1, HTTP_HEAD_BYTES_MAX, 200);
    head_of("16 KiB and a byte", 1, HTTP_HEAD_BYTES_MAX + 1, 431);
    head_of("a megabyte", 1, 1u << 20, 431);
    buffer_add_text(&target, "/healthz?");
    while (target.len < HTTP_TARGET_BYTES_MAX) buffer_add_char(&target, 'q');
    assert_int_equal(ask("GET", target.data, NULL, NULL).status, 200);
    buffer_add_char(&target, 'q');
    check_code("a target too long", ask("GET", target.data, NULL, NULL), 414, PINION_TOO_LARGE);
    buffer_deinit(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_requests),
        cmocka_unit_test(hostile_bodies),
        cmocka_unit_test(depth_of_json),
        cmocka_unit_test(heads_at_their_limits),
    };

    return cmocka_run_group_tests(tests, world_open_group, world_close_group);
}
