/* tests/flow/test_http_random.c — streams of requests in random pieces: each is answered once, in
 * order, with its own text, whatever is pipelined, cut, waited for or broken off. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/flow/http_world.h"
#include "tests/support/property.h"

#define ROUNDS       100
#define ROUNDS_TLS   20 /* a handshake takes its time */
#define REQUESTS_MAX 12

static struct prng prng;

/* One request that /echo answers with "?NUMBER: " and `size` letters. */
static void add_request(struct buffer *b, unsigned number, size_t size)
{
    bool chunked = prng_below(&prng, 2);

    if (size == 0) {
        buffer_printf(b, "GET /echo?%u HTTP/1.1\r\nHost: localhost\r\n\r\n", number);
        return;
    }
    buffer_printf(b, "POST /echo?%u HTTP/1.1\r\nHost: localhost\r\n", number);
    if (!chunked) buffer_printf(b, "Content-Length: %zu\r\n\r\n", size);
    if (chunked) buffer_add_text(b, "Transfer-Encoding: chunked\r\n\r\n");
    while (size) {
        size_t piece = chunked ? 1 + prng_below(&prng, size) : size;
        if (chunked) buffer_printf(b, "%zx\r\n", piece);
        for (size_t i = 0; i < piece; i++) buffer_add_char(b, 'x');
        if (chunked) buffer_add_text(b, "\r\n");
        size -= piece;
    }
    if (chunked) buffer_add_text(b, "0\r\n\r\n");
}

static size_t random_size(void)
{
    return prng_below(&prng, 3) ? prng_below(&prng, 40) : prng_below(&prng, 30000);
}

static void send_in_pieces(struct client *c, const struct buffer *b, size_t len)
{
    size_t most = prng_below(&prng, 2) ? 1 + prng_below(&prng, 60) : 1 + len;

    for (size_t sent = 0; sent < len;) {
        size_t piece = 1 + prng_below(&prng, most);
        if (piece > len - sent) piece = len - sent;
        client_send_bytes(c, b->data + sent, piece);
        sent += piece;
    }
}

static void one_stream(void)
{
    struct client *c = client_open();
    struct buffer b = BUFFER_INIT;
    unsigned count = 1 + (unsigned)prng_below(&prng, REQUESTS_MAX);
    size_t size[REQUESTS_MAX];
    char start[32];

    for (unsigned i = 0; i < count; i++) add_request(&b, i, size[i] = random_size());
    if (prng_below(&prng, 5) == 0) {
        send_in_pieces(c, &b, prng_below(&prng, b.len)); /* and leave in the middle */
        client_leave(c);
    } else {
        send_in_pieces(c, &b, b.len);
        for (unsigned i = 0; i < count; i++) {
            const char *body = strstr(expect(c, 200), "\r\n\r\n") + 4;
            snprintf(start, sizeof start, "?%u: ", i);
            const char *text = strstr(body, start);
            assert_non_null(text);
            assert_int_equal(strlen(text + strlen(start)), size[i]);
        }
        expect_nothing(c);
        client_leave(c);
    }
    eventually(http_server_connections(server) == 0);
    buffer_deinit(&b);
}

TEST(streams_in_pieces)
{
    unsigned rounds = getenv("PINION_TEST_TLS") ? ROUNDS_TLS : ROUNDS;

    prng.state = property_seed("PINION_HTTP_SEED");
    for (unsigned round = 0; round < rounds; round++) {
        options.limits.pipeline_max = 1 + (unsigned)prng_below(&prng, 5);
        options.limits.reply_queue_bytes_max = 1 + prng_below(&prng, 20000);
        world_open();
        one_stream();
        world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_in_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
