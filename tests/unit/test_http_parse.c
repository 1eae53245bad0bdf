/* tests/unit/test_http_parse.c — framing: every request whole and byte by byte, every bad one
 * refused, every limit at its value and one past it. */
#include "control/http/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tests/support/check.h"
#include "tests/support/property.h"

static struct http_limits limits;

/* What came out of one request, as text, so that two ways of feeding can be compared. */
struct outcome {
    enum http_progress progress;
    unsigned status; /* of a refusal, else 0 */
    struct http_parser parser;
    struct buffer bytes; /* after the parser had them: head, body, and what follows */
};

/* Gives the first `first` bytes, then `step` at a time, as a connection would: head, then body. */
static struct outcome feed(const char *data, size_t len, size_t first, size_t step)
{
    struct outcome o = {.progress = HTTP_MORE};
    bool in_body = false;
    size_t sent = 0;

    http_parser_init(&o.parser, &limits);
    for (size_t next = first; o.progress == HTTP_MORE && sent < len; next = step) {
        if (next > len - sent) next = len - sent;
        /* exact size on the heap: a byte read too far is seen by the sanitizer */
        char *exact = xmalloc(o.bytes.len + next);
        if (o.bytes.len) memcpy(exact, o.bytes.data, o.bytes.len);
        memcpy(exact + o.bytes.len, data + sent, next);
        size_t have = o.bytes.len + next;
        sent += next;
        if (!in_body) o.progress = http_parse_head(&o.parser, exact, have);
        if (!in_body && o.progress == HTTP_DONE) in_body = true;
        if (in_body) o.progress = http_parse_body(&o.parser, exact, &have);
        buffer_clear(&o.bytes);
        buffer_add(&o.bytes, exact, have);
        free(exact);
    }
    if (o.progress == HTTP_DONE) buffer_add(&o.bytes, data + sent, len - sent);
    o.status = o.progress == HTTP_REFUSED ? o.parser.refusal.status : 0;
    return o;
}

static struct outcome whole(const char *text)
{
    return feed(text, strlen(text), strlen(text), 1);
}

static void outcome_end(struct outcome *o)
{
    buffer_deinit(&o->bytes);
}

static struct span part(const struct outcome *o, struct http_part p)
{
    return (struct span){o->bytes.data + p.at, p.len};
}

static struct span body(const struct outcome *o)
{
    return part(o, (struct http_part){o->parser.head.bytes, o->parser.body_len});
}

static size_t request_len(const struct outcome *o)
{
    return o->parser.head.bytes + o->parser.body_len;
}

#define HOST "Host: localhost\r\n"

static void assert_refused(const char *text, unsigned status)
{
    struct outcome o = whole(text);

    if (o.status != status) print_error("%s -> %u, not %u\n", text, o.status, status);
    assert_int_equal(o.progress, HTTP_REFUSED);
    assert_int_equal(o.status, status);
    assert_true(strlen(o.parser.refusal.text) > 10);
    outcome_end(&o);
}

static void assert_taken(const char *text)
{
    struct outcome o = whole(text);

    if (o.progress != HTTP_DONE)
        print_error("%s -> %u %s\n", text, o.status, o.status ? o.parser.refusal.text : "");
    assert_int_equal(o.progress, HTTP_DONE);
    outcome_end(&o);
}

TEST(plain_get)
{
    struct outcome o =
        whole("GET /v1/jobs/a%20b?wait=30s&x HTTP/1.1\r\n" HOST "Accept: */*\r\n\r\n");

    assert_int_equal(o.progress, HTTP_DONE);
    assert_string_equal(o.parser.head.method, "GET");
    assert_true(span_is(part(&o, o.parser.head.path), "/v1/jobs/a%20b"));
    assert_true(span_is(part(&o, o.parser.head.query), "wait=30s&x"));
    assert_true(span_is(part(&o, o.parser.head.host), "localhost"));
    assert_true(span_is(part(&o, o.parser.head.lines), HOST "Accept: */*\r\n"));
    assert_true(o.parser.head.keep_alive);
    assert_int_equal(o.parser.head.headers, 2);
    assert_int_equal(body(&o).len, 0);
    outcome_end(&o);
}

TEST(keep_alive)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n",                                        true },
        {"GET / HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",                   false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: keep-alive, close\r\n\r\n",       false},
        {"GET / HTTP/1.0\r\n\r\n",                                                false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",                      true },
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",               false},
        {"GET / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", true },
    };

    for (size_t i = 0; i < countof(cases); i++) {
        struct outcome o = whole(cases[i].text);
        assert_int_equal(o.progress, HTTP_DONE);
        assert_int_equal(o.parser.head.keep_alive, cases[i].keep_alive);
        outcome_end(&o);
    }
}

TEST(bodies)
{
    struct outcome o = whole("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhelloGET /");
    assert_int_equal(o.progress, HTTP_DONE);
    assert_true(span_is(body(&o), "hello"));
    outcome_end(&o);

    o = whole("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
              "5\r\nhello\r\n00B\r\n wide world\r\n0\r\n\r\nGET /");
    assert_int_equal(o.progress, HTTP_DONE);
    assert_true(span_is(body(&o), "hello wide world"));
    assert_memory_equal(o.bytes.data + request_len(&o), "GET /", 5);
    assert_int_equal(o.bytes.len, request_len(&o) + 5);
    outcome_end(&o);

    o = whole("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n");
    assert_int_equal(o.progress, HTTP_DONE);
    assert_int_equal(body(&o).len, 0);
    outcome_end(&o);

    o = whole("POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nUpgrade: h2c\r\n"
              "Connection: Upgrade\r\n\r\nhello");
    assert_int_equal(o.progress, HTTP_DONE);
    assert_true(span_is(body(&o), "hello"));
    outcome_end(&o);

    o = whole("POST / HTTP/1.1\r\n" HOST "Connection: Upgrade\r\nUpgrade: h2c\r\n"
              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nmore");
    assert_int_equal(o.progress, HTTP_DONE);
    assert_true(span_is(body(&o), "abc"));
    assert_int_equal(o.bytes.len, request_len(&o) + 4);
    outcome_end(&o);
}

TEST(accepts)
{
    assert_taken("\r\nGET / HTTP/1.1\r\n" HOST "\r\n"); /* one empty line before */
    assert_taken("GET / HTTP/1.1\r\n" HOST "X:\r\n\r\n");
    assert_taken("GET / HTTP/1.1\r\n" HOST "X: \t \r\n\r\n");
    assert_taken("GET / HTTP/1.1\r\nhOST:localhost\r\nX: a\tb \x80\xff\r\n\r\n");
    assert_taken("OPTIONS * HTTP/1.1\r\n" HOST "\r\n");
    assert_taken("GET http://localhost HTTP/1.1\r\n" HOST "\r\n");
    assert_taken("GET /a%zz[]{}|?\"<>' HTTP/1.1\r\n" HOST "\r\n"); /* route.h judges it */
    assert_taken("PATCH / HTTP/1.1\r\n" HOST "Content-Length: 000\r\n\r\n");
}

TEST(refuses_smuggling)
{
    static const char *const bad[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST " Content-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\n" HOST
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n chunked\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\n\r\n",
        "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\n" HOST HOST "\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost:\r\n\tlocalhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n\n",
        "GET / HTTP/1.1\r\nHost: local\rhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\001b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\177b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX Y: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX@: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX\x80: x\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\n" HOST "\r\n",
        "GET /a#b HTTP/1.1\r\n" HOST "\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET /  HTTP/1.1\r\n" HOST "\r\n",
        "GET /a b HTTP/1.1\r\n" HOST "\r\n",
        "GET\t/ HTTP/1.1\r\n" HOST "\r\n",
        " GET / HTTP/1.1\r\n" HOST "\r\n",
        "GET /\r\n\r\n",
        "GET\r\n\r\n",
        "GET * HTTP/1.1\r\n" HOST "\r\n",
        "GET localhost:80 HTTP/1.1\r\n" HOST "\r\n",
        "GET https://localhost/ HTTP/1.1\r\n" HOST "\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "\nGET / HTTP/1.1\r\n" HOST "\r\n",
        "G\x01T / HTTP/1.1\r\n" HOST "\r\n",
    };

    for (size_t i = 0; i < countof(bad); i++) assert_refused(bad[i], 400);
}

TEST(refuses_nul)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n";
    struct outcome o = feed(text, sizeof text - 1, sizeof text - 1, 1);

    assert_int_equal(o.status, 400);
    outcome_end(&o);
}

TEST(refuses_with_its_own_status)
{
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n", 501);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n", 501);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n", 501);
    assert_refused("POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nExpect: 200-ok\r\n\r\n", 417);
    assert_refused("FOO / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("get / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("TRACE / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("CONNECT localhost:80 HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("PROPFIND / HTTP/1.1\r\n" HOST "\r\n", 501);
    assert_refused("GET / HTTP/1.2\r\n" HOST "\r\n", 505);
    assert_refused("GET / HTTP/2.0\r\n" HOST "\r\n", 505);
    assert_refused("GET / HTTP/0.9\r\n" HOST "\r\n", 505);
    assert_refused("GET / HTTP/1.1 \r\n" HOST "\r\n", 505);
    assert_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400);
}

TEST(refuses_bad_chunks)
{
    static const char *const bad[] = {
        "5;x=y\r\nhello\r\n0\r\n\r\n",
        "5 \r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "x\r\n",
        "-1\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nA: b\r\n\r\n",
        "5\r\nhello\r\n0\n\r\n",
        "5\r\nhello\r\n0\r\n\n",
        "fffffffffffffffff\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello\r\n\r\n0\r\n\r\n",
        "0\r\nabc\r\n\r\n",
    };
    char text[256];

    for (size_t i = 0; i < countof(bad); i++) {
        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n%s", bad[i]);
        assert_refused(text, 400);
        struct outcome o = feed(text, strlen(text), 1, 1);
        assert_int_equal(o.status, 400);
        outcome_end(&o);
    }
}

/* ---- limits ---------------------------------------------------------------------------------- */

static struct outcome head_of(size_t bytes, size_t target_bytes, unsigned headers)
{
    struct buffer b = BUFFER_INIT;

    buffer_add_text(&b, "GET /");
    for (size_t i = 1; i < target_bytes; i++) buffer_add_char(&b, 'a');
    buffer_add_text(&b, " HTTP/1.1\r\n" HOST);
    for (unsigned i = 2; i < headers; i++) buffer_add_text(&b, "A: b\r\n");
    buffer_add_text(&b, "Fill: ");
    while (b.len + 4 < bytes) buffer_add_char(&b, 'x');
    buffer_add_text(&b, "\r\n\r\n");
    struct outcome o = feed(b.data, b.len, b.len, 1), slow = feed(b.data, b.len, 1, 1);
    assert_int_equal(o.progress, slow.progress);
    assert_int_equal(o.status, slow.status);
    outcome_end(&slow);
    buffer_deinit(&b);
    return o;
}

static void assert_head(size_t bytes, size_t target_bytes, unsigned headers, unsigned status)
{
    struct outcome o = head_of(bytes, target_bytes, headers);

    assert_int_equal(o.status, status);
    outcome_end(&o);
}

TEST(head_limits)
{
    limits.head_bytes_max = 2000;
    assert_head(2000, 1, 2, 0);
    assert_head(2001, 1, 2, 431);
    assert_head(1999, 1, 2, 0);
    limits.target_bytes_max = 500;
    assert_head(1000, 500, 2, 0);
    assert_head(1000, 501, 2, 414);
    assert_head(5000, 4000, 2, 414); /* even before its line ends */
    limits.headers_max = 10;
    assert_head(1000, 1, 10, 0);
    assert_head(1000, 1, 11, 431);
}

static struct outcome body_of(size_t len, bool chunked)
{
    struct buffer b = BUFFER_INIT;

    buffer_printf(&b, "POST / HTTP/1.1\r\n" HOST);
    if (chunked)
        buffer_printf(&b, "Transfer-Encoding: chunked\r\n\r\n");
    else
        buffer_printf(&b, "Content-Length: %zu\r\n\r\n", len);
    for (size_t sent = 0; sent < len; sent++) buffer_add_text(&b, chunked ? "1\r\nx\r\n" : "x");
    if (chunked) buffer_add_text(&b, "0\r\n\r\n");
    buffer_add_text(&b, "NEXT");
    struct outcome o = feed(b.data, b.len, b.len, 1), slow = feed(b.data, b.len, 1, 1);
    assert_int_equal(o.progress, slow.progress);
    assert_int_equal(o.status, slow.status);
    assert_int_equal(o.parser.too_large, slow.parser.too_large);
    outcome_end(&slow);
    buffer_deinit(&b);
    return o;
}

TEST(body_limits)
{
    limits.body_bytes_max = 100;
    limits.swallow_bytes_max = 300;
    for (int chunked = 0; chunked < 2; chunked++) {
        struct outcome o = body_of(100, chunked);
        assert_int_equal(o.progress, HTTP_DONE);
        assert_false(o.parser.too_large);
        assert_int_equal(body(&o).len, 100);
        outcome_end(&o);

        o = body_of(101, chunked); /* dropped, and the next request is still found */
        assert_int_equal(o.progress, HTTP_DONE);
        assert_true(o.parser.too_large);
        assert_int_equal(body(&o).len, 0);
        assert_memory_equal(o.bytes.data + request_len(&o), "NEXT", 4);
        outcome_end(&o);

        o = body_of(300, chunked);
        assert_int_equal(o.progress, HTTP_DONE);
        assert_true(o.parser.too_large);
        outcome_end(&o);

        o = body_of(301, chunked);
        assert_int_equal(o.status, 413);
        outcome_end(&o);
    }
}

TEST(chunk_line_limit)
{
    char text[256];

    /* digits, CR LF: with the CR LF of the chunk before it would be two more */
    for (unsigned zeros = HTTP_CHUNK_LINE_BYTES_MAX - 3, i = 0; i < 2; i++, zeros++) {
        snprintf(text, sizeof text,
                 "POST / HTTP/1.1\r\n" HOST
                 "Transfer-Encoding: chunked\r\n\r\n%0*d1\r\nx\r\n0\r\n\r\n",
                 (int)zeros, 0);
        struct outcome o = whole(text);
        assert_int_equal(o.status, i ? 400 : 0);
        outcome_end(&o);
    }
}

/* ---- every cut ------------------------------------------------------------------------------- */

static const char *const every[] = {
    "GET / HTTP/1.1\r\n" HOST "\r\nGET /next",
    "\r\nGET /a?b=c HTTP/1.1\r\n" HOST "Accept: x\r\nConnection: close\r\n\r\n",
    "POST /j HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\nhello worldPOST",
    "POST /j HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
    "PUT /x HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET http://localhost:80/p?q HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.1\r\n" HOST "X: y\r\n folded\r\n\r\n",
    "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx",
    "FOO / HTTP/1.1\r\n" HOST "\r\n",
    "GET / HTTP/1.0\r\n\r\n",
};

static void assert_same(const char *text, size_t len, size_t first, size_t step)
{
    struct outcome a = feed(text, len, len, 1), b = feed(text, len, first, step);

    assert_int_equal(a.progress, b.progress);
    assert_int_equal(a.status, b.status);
    if (a.progress == HTTP_DONE) {
        assert_int_equal(a.parser.head.bytes, b.parser.head.bytes);
        assert_int_equal(a.parser.body_len, b.parser.body_len);
        assert_int_equal(a.parser.head.keep_alive, b.parser.head.keep_alive);
        assert_int_equal(a.bytes.len, b.bytes.len);
        assert_memory_equal(a.bytes.data, b.bytes.data, a.bytes.len);
        assert_true(span_equal(part(&a, a.parser.head.path), part(&b, b.parser.head.path)));
        assert_true(span_equal(part(&a, a.parser.head.lines), part(&b, b.parser.head.lines)));
    }
    outcome_end(&a);
    outcome_end(&b);
}

TEST(cut_anywhere_gives_the_same)
{
    for (size_t i = 0; i < countof(every); i++) {
        size_t len = strlen(every[i]);
        assert_same(every[i], len, 1, 1); /* every byte apart */
        for (size_t cut = 1; cut < len; cut++) assert_same(every[i], len, cut, len);
    }
}

/* Bytes changed at random: whatever comes of it, it comes of every way of cutting. */
TEST(damaged_requests_do_not_depend_on_cuts)
{
    struct prng prng = {property_seed("PINION_HTTP_PARSE_SEED")};
    static const char likely[] = "\r\n :;0159afGPx\t";
    char text[512];

    for (unsigned round = 0; round < 20000; round++) {
        const char *base = every[prng_below(&prng, countof(every))];
        size_t len = strlen(base);
        memcpy(text, base, len);
        for (uint64_t n = 1 + prng_below(&prng, 3); n; n--)
            text[prng_below(&prng, len)] = prng_below(&prng, 4)
                                               ? likely[prng_below(&prng, sizeof likely - 1)]
                                               : (char)prng_below(&prng, 256);
        assert_same(text, len, 1 + prng_below(&prng, len), 1 + prng_below(&prng, 9));
    }
}

TEST(hosts)
{
    static const char *const ours[] = {"localhost", "127.0.0.1", "[::1]", "jobs.example", NULL};
    static const char *const good[] = {"localhost",        "LOCALHOST:7466", "127.0.0.1",
                                       "127.0.0.1:80",     "[::1]",          "[::1]:7466",
                                       "jobs.example:443", "localhost:"};
    static const char *const bad[] = {"evil.example",
                                      "localhost.evil.example",
                                      "127.0.0.1.evil",
                                      "",
                                      ":80",
                                      "[::1",
                                      "::1",
                                      "localhost:80:80",
                                      "127.0.0.2",
                                      "me@localhost",
                                      "localhost:x",
                                      "localhost, evil"};

    for (size_t i = 0; i < countof(good); i++)
        assert_true(http_host_allowed(ours, span_of(good[i])));
    for (size_t i = 0; i < countof(bad); i++)
        assert_false(http_host_allowed(ours, span_of(bad[i])));
}

static int default_limits(void **state)
{
    (void)state;
    limits = (struct http_limits){
        .head_bytes_max = HTTP_HEAD_BYTES_MAX,
        .target_bytes_max = HTTP_TARGET_BYTES_MAX,
        .headers_max = HTTP_HEADERS_MAX,
        .body_bytes_max = HTTP_BODY_BYTES_MAX,
        .swallow_bytes_max = HTTP_SWALLOW_BYTES_MAX,
    };
    return 0;
}

#define test(name) cmocka_unit_test_setup(name, default_limits)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(plain_get),
        test(keep_alive),
        test(bodies),
        test(accepts),
        test(refuses_smuggling),
        test(refuses_nul),
        test(refuses_with_its_own_status),
        test(refuses_bad_chunks),
        test(head_limits),
        test(body_limits),
        test(chunk_line_limit),
        test(cut_anywhere_gives_the_same),
        test(damaged_requests_do_not_depend_on_cuts),
        test(hosts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
