#include "tests/flow/stream_world.h"

#include <string.h>

struct seen seen[SEEN_MAX];
unsigned seen_count;
bool echoes;
unsigned ends_with;
struct http_websocket_options websocket;
struct http_exchange *held;

/* ---- the handler ----------------------------------------------------------------------------- */

static void on_message(struct http_stream *stream, struct span message, bool text)
{
    struct seen *s = container_of(stream, struct seen, stream);

    assert_int_equal(s->endeds, 0);
    s->messages++;
    s->last_is_text = text;
    buffer_clear(&s->last);
    buffer_add(&s->last, message.data, message.len);
    if (echoes) {
        struct http_message *m = http_message_new(message.data, message.len, text);
        assert_true(http_stream_send_message(stream, m));
        http_message_free(m);
    }
    if (ends_with) http_stream_end(stream, ends_with, "as told");
}

static void on_ready(struct http_stream *stream)
{
    struct seen *s = container_of(stream, struct seen, stream);

    assert_int_equal(s->endeds, 0);
    s->readies++;
}

static void on_ended(struct http_stream *stream)
{
    struct seen *s = container_of(stream, struct seen, stream);

    s->endeds++;
    assert_int_equal(s->endeds, 1);
    assert_false(http_stream_send(stream, "x", 1));
    assert_int_equal(http_stream_queued(stream), 0);
    http_stream_end(stream, 1000, NULL);
}

static const struct http_stream_type type = {on_message, on_ready, on_ended};

static void handle(struct http_exchange *x, const struct http_request *r, void *ctx)
{
    static const struct http_header headers[] = {
        {"X-Given", "yes"},
        {NULL,      NULL }
    };
    struct seen *s = &seen[seen_count++];

    (void)ctx;
    assert_true(seen_count <= SEEN_MAX);
    *s = (struct seen){.stream.type = &type};
    if (span_is(r->path, "/ws")) {
        http_websocket_open(x, r, &s->stream, &websocket);
    } else if (span_is(r->path, "/hold")) {
        held = x;
    } else if (span_is(r->path, "/plain")) {
        seen_count--;
        http_reply(x, &(struct http_reply){.body = "[]", .len = 2});
    } else {
        http_stream_open(x, &s->stream, "text/plain", headers);
        if (!span_is(r->path, "/brief")) return;
        http_stream_send(&s->stream, "hi", 2);
        http_stream_end(&s->stream, 0, NULL);
        assert_false(http_stream_send(&s->stream, "x", 1));
        assert_int_equal(s->endeds, 0); /* not inside of our call */
    }
}

int stream_world_open(void **state)
{
    (void)state;
    seen_count = 0;
    echoes = false;
    ends_with = 0;
    websocket = (struct http_websocket_options){0};
    world_handler = handle;
    world_open();
    return 0;
}

int stream_world_close(void **state)
{
    (void)state;
    world_close();
    world_handler = NULL;
    for (unsigned i = 0; i < seen_count; i++) {
        assert_int_equal(seen[i].endeds, 1);
        buffer_deinit(&seen[i].last);
    }
    return 0;
}

/* ---- the client ------------------------------------------------------------------------------ */

struct client *websocket_open(void)
{
    struct client *c = client_open();

    client_send(c, UPGRADE("/ws", ""));
    const char *answer = expect_head_only(c, 101);
    assert_non_null(strstr(answer, "\r\nUpgrade: websocket\r\n"));
    assert_non_null(strstr(answer, "\r\nConnection: Upgrade\r\n"));
    /* The example of RFC 6455, 1.3. */
    assert_non_null(strstr(answer, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    return c;
}

void websocket_send(struct client *c, unsigned first, const void *payload, size_t len)
{
    static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    struct buffer frame = BUFFER_INIT;
    size_t more = len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8;

    buffer_add_char(&frame, (char)first);
    buffer_add_char(&frame, (char)(0x80 | (more == 0 ? len : more == 2 ? 126 : 127)));
    for (size_t i = 0; i < more; i++)
        buffer_add_char(&frame, (char)((uint64_t)len >> (8 * (more - 1 - i))));
    buffer_add(&frame, mask, sizeof mask);
    for (size_t i = 0; i < len; i++)
        buffer_add_char(&frame, (char)(((const char *)payload)[i] ^ (char)mask[i % 4]));
    client_send_bytes(c, frame.data, frame.len);
    buffer_deinit(&frame);
}

void websocket_say(struct client *c, const char *text)
{
    websocket_send(c, 0x81, text, strlen(text));
}

/* The frame at the front of `got`, as far as it is there: 0 bytes if it is not. */
static size_t whole_frame(struct client *c, struct span *ret_payload)
{
    const unsigned char *b;
    size_t head = 2, len;

    client_pull(c);
    b = (const unsigned char *)c->got.data;
    if (c->got.len < 2) return 0;
    assert_int_equal(b[1] & 0x80, 0); /* a server's frames are not masked */
    len = b[1];
    if (b[1] >= 126) head += b[1] == 126 ? 2 : 8;
    if (c->got.len < head) return 0;
    if (b[1] >= 126) len = 0;
    for (size_t i = 2; i < head; i++) len = len << 8 | b[i];
    *ret_payload = (struct span){c->got.data + head, len};
    return c->got.len < head + len ? 0 : head + len;
}

void expect_frame(struct client *c, unsigned first, const void *payload, size_t len)
{
    struct span got;
    size_t bytes;

    eventually((bytes = whole_frame(c, &got)) > 0);
    assert_int_equal((unsigned char)c->got.data[0], first);
    assert_int_equal(got.len, len);
    if (len) assert_memory_equal(got.data, payload, len);
    buffer_consume(&c->got, bytes);
}

void expect_text(struct client *c, const char *text)
{
    expect_frame(c, 0x81, text, strlen(text));
}

void expect_close(struct client *c, unsigned code)
{
    struct span got;
    size_t bytes;

    eventually((bytes = whole_frame(c, &got)) > 0);
    assert_int_equal((unsigned char)c->got.data[0], 0x88);
    const unsigned char *b = (const unsigned char *)got.data;
    unsigned said = got.len ? (unsigned)b[0] << 8 | b[1] : 0;
    assert_int_equal(said, code);
    if (got.len) assert_true(text_is_utf8(got.data + 2, got.len - 2));
    buffer_consume(&c->got, bytes);
    expect_eof(c);
}
