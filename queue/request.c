/* A request is `*ARGS\r\n` and then `$LEN\r\nDATA\r\n` for each argument. The number of arguments
 * is known last, so room for the longest first line is left in front and filled from behind. */
#include "queue/request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define HEAD_ROOM 16 /* "*4294967295\r\n" */

static void begin(struct request *r, enum script script)
{
    buffer_clear(&r->bytes);
    buffer_reserve(&r->bytes, HEAD_ROOM);
    r->bytes.len = HEAD_ROOM;
    r->args = 0;
    r->script = script;
}

/* Decimal digits of n, written so that they end before `end`. */
static char *digits_before(char *end, uint64_t n)
{
    do {
        *--end = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    return end;
}

static char *bulk_head(struct buffer *b, size_t len)
{
    char text[24], *end = text + sizeof text, *from = digits_before(end - 2, len);

    memcpy(end - 2, "\r\n", 2);
    *--from = '$';
    size_t head = (size_t)(end - from);
    char *out = buffer_reserve(b, head + len + 3);
    memcpy(out, from, head);
    b->len += head + len + 2;
    memcpy(out + head + len, "\r\n", 3);
    return out + head;
}

void request_add_pair(struct request *r, struct span a, struct span b)
{
    char *out = bulk_head(&r->bytes, a.len + b.len);

    if (a.len) memcpy(out, a.data, a.len);
    if (b.len) memcpy(out + a.len, b.data, b.len);
    r->args++;
}

void request_add(struct request *r, const void *data, size_t len)
{
    request_add_pair(r, (struct span){data, len}, (struct span){0});
}

void request_add_span(struct request *r, struct span s)
{
    request_add(r, s.data, s.len);
}

void request_add_text(struct request *r, const char *text)
{
    request_add(r, text, strlen(text));
}

void request_add_u64(struct request *r, uint64_t n)
{
    char text[24], *end = text + sizeof text, *from = digits_before(end, n);

    request_add(r, from, (size_t)(end - from));
}

void request_add_i64(struct request *r, int64_t n)
{
    char text[24];

    request_add(r, text, (size_t)snprintf(text, sizeof text, "%lld", (long long)n));
}

void request_script(struct request *r, enum script script, struct span key)
{
    assert(script < SCRIPTS);
    begin(r, script);
    request_add(r, "EVALSHA", 7);
    request_add(r, script_sources[script].sha, 40);
    request_add(r, "1", 1);
    request_add_span(r, key);
}

void request_command(struct request *r, const char *words)
{
    struct span rest = span_of(words);

    begin(r, REQUEST_NO_SCRIPT);
    while (rest.len) request_add_span(r, span_cut(&rest, ' '));
}

struct span request_bytes(struct request *r)
{
    char line[HEAD_ROOM], *end = line + sizeof line, *from = digits_before(end - 2, r->args);

    memcpy(end - 2, "\r\n", 2);
    *--from = '*';
    size_t len = (size_t)(end - from);
    memcpy(r->bytes.data + HEAD_ROOM - len, from, len);
    return (struct span){r->bytes.data + HEAD_ROOM - len, r->bytes.len - HEAD_ROOM + len};
}

void request_deinit(struct request *r)
{
    buffer_deinit(&r->bytes);
}
