/* tests/flow/test_http_edges.c — one table of the sizes and counts of control/http/limits.h: what
 * is still taken, and what is one too many; and one of its deadlines: each is a total, that no
 * trickle moves. How they work in detail is in test_http_limits.c and test_http_time.c. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "control/http/conn.h"
#include "tests/flow/http_world.h"

#define POST        "POST /echo HTTP/1.1\r\nHost: localhost\r\n"
#define FIELD(name) offsetof(struct http_limits, name)

/* ---- sizes and counts ------------------------------------------------------------------------ */

typedef void request_fn(struct buffer *, size_t amount);

static void head_of(struct buffer *b, size_t bytes)
{
    buffer_add_text(b, "GET /echo HTTP/1.1\r\nHost: localhost\r\nX: ");
    while (b->len < bytes - 4) buffer_add_char(b, 'x');
    buffer_add_text(b, "\r\n\r\n");
}

static void target_of(struct buffer *b, size_t bytes)
{
    buffer_add_text(b, "GET /echo?");
    while (b->len < bytes + 4) buffer_add_char(b, 'q');
    buffer_add_text(b, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static void headers_of(struct buffer *b, size_t count)
{
    buffer_add_text(b, "GET /echo HTTP/1.1\r\nHost: localhost\r\n");
    for (size_t i = 1; i < count; i++) buffer_printf(b, "X-%zu: y\r\n", i);
    buffer_add_text(b, "\r\n");
}

static void body_of(struct buffer *b, size_t bytes)
{
    buffer_printf(b, POST "Content-Length: %zu\r\n\r\n", bytes);
    for (size_t i = 0; i < bytes; i++) buffer_add_char(b, 'b');
}

static void chunks_of(struct buffer *b, size_t bytes)
{
    buffer_add_text(b, POST "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < bytes; i++) buffer_add_text(b, "1\r\nc\r\n");
    buffer_add_text(b, "0\r\n\r\n");
}

static void reply_of(struct buffer *b, size_t bytes)
{
    buffer_printf(b, "GET /big?%zu HTTP/1.1\r\nHost: localhost\r\n\r\n", bytes);
}

static const struct {
    const char *what;
    size_t field, limit;
    bool is_count; /* an unsigned, not a size_t */
    request_fn *request;
    unsigned status; /* of one too many */
} sizes[] = {
    {"head",    FIELD(head_bytes_max),   300,   false, head_of,    431},
    {"target",  FIELD(target_bytes_max), 200,   false, target_of,  414},
    {"headers", FIELD(headers_max),      7,     true,  headers_of, 431},
    {"body",    FIELD(body_bytes_max),   5000,  false, body_of,    413},
    {"chunks",  FIELD(body_bytes_max),   500,   false, chunks_of,  413},
    {"reply",   FIELD(reply_bytes_max),  70000, false, reply_of,   500},
    {"unsent",  FIELD(unsent_bytes_max), 70000, false, reply_of,   503},
};

static void set_limit(size_t row)
{
    char *field = (char *)&options.limits + sizes[row].field;
    unsigned count = (unsigned)sizes[row].limit;

    options.limits = (struct http_limits){0};
    if (sizes[row].is_count)
        memcpy(field, &count, sizeof count);
    else
        memcpy(field, &sizes[row].limit, sizeof sizes[row].limit);
}

static void ask(size_t row, size_t amount, unsigned status)
{
    struct buffer request = BUFFER_INIT;
    struct client *c = client_open();
    char start[32];

    sizes[row].request(&request, amount);
    client_send_bytes(c, request.data, request.len);
    snprintf(start, sizeof start, "HTTP/1.1 %u ", status);
    const char *answer = expect(c, status);
    if (strncmp(answer, start, strlen(start)) != 0)
        fail_msg("%s of %zu: %.60s", sizes[row].what, amount, answer);
    buffer_deinit(&request);
}

TEST(sizes_and_counts)
{
    for (size_t i = 0; i < countof(sizes); i++) {
        set_limit(i);
        world_open();
        ask(i, sizes[i].limit, 200);
        ask(i, sizes[i].limit + 1, sizes[i].status);
        world_close();
    }
}

/* ---- deadlines ------------------------------------------------------------------------------- */

#define LIMIT_MS  60000
#define MARGIN_MS 10000 /* the machine may take its time meanwhile */

static void nothing(struct client *c)
{
    (void)c;
}

static void one_byte(struct client *c)
{
    client_send(c, "x");
}

static void take_some(struct client *c)
{
    char some[100];

    assert_true(client_take(c, some, sizeof some) > 0);
}

static const struct {
    const char *what;
    size_t field;
    const char *request; /* after which it waits */
    void (*trickle)(struct client *);
    unsigned first, last; /* what was answered before, and at the end; 0: nothing */
} deadlines[] = {
    {"head",       FIELD(head_ms),   "GET /echo HTTP/1.1\r\nX: ",        one_byte,  0,   408},
    {"first byte", FIELD(head_ms),   "",                                 nothing,   0,   0  },
    {"body",       FIELD(body_ms),   POST "Content-Length: 100\r\n\r\n", one_byte,  0,   408},
    {"answer",     FIELD(answer_ms), GET("/wait"),                       nothing,   0,   503},
    {"write",      FIELD(write_ms),  GET("/big?12000000"),               take_some, 0,   0  },
    {"idle",       FIELD(idle_ms),   GET("/echo"),                       nothing,   200, 0  },
    {"linger",     FIELD(linger_ms), "nonsense\r\n\r\n",                 one_byte,  400, 0  },
};

static void pass_deadline(size_t row, struct client *c)
{
    bool reads = deadlines[row].trickle != take_some;

    client_send(c, deadlines[row].request);
    if (deadlines[row].first) expect(c, deadlines[row].first);
    for (unsigned i = 0; i < 5; i++) { /* up to MARGIN_MS before the end */
        world_pass((LIMIT_MS - MARGIN_MS) / 5);
        deadlines[row].trickle(c);
    }
    world_turns(3);
    if (http_server_connections(server) != 1) fail_msg("%s: cut too early", deadlines[row].what);
    world_pass(MARGIN_MS);
    if (deadlines[row].last) expect(c, deadlines[row].last);
    if (reads && !deadlines[row].last && http_server_connections(server))
        fail_msg("%s: not cut", deadlines[row].what);
    if (!reads) eventually(http_server_connections(server) == 0);
}

TEST(deadlines_are_totals)
{
    static const uint64_t limit = LIMIT_MS, long_ms = 10 * LIMIT_MS;

    for (size_t i = 0; i < countof(deadlines); i++) {
        options.limits = (struct http_limits){.head_ms = long_ms,
                                              .body_ms = long_ms,
                                              .answer_ms = long_ms,
                                              .write_ms = long_ms,
                                              .idle_ms = long_ms,
                                              .linger_ms = long_ms,
                                              .reply_bytes_max = 64u << 20};
        memcpy((char *)&options.limits + deadlines[i].field, &limit, sizeof limit);
        world_open();
        struct client *c = client_open();
        eventually(http_server_connections(server) == 1);
        world_turns(3);
        pass_deadline(i, c);
        for (unsigned w = 0; w < waiting_count; w++)
            if (waiting[w].exchange) http_reply_error(waiting[w].exchange, PINION_BUSY, "late");
        world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_counts),
        cmocka_unit_test(deadlines_are_totals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
