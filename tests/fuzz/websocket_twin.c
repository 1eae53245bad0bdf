#include "tests/fuzz/websocket_twin.h"

#include <string.h>

enum { MORE = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

struct head {
    bool fin, masked;
    unsigned reserved, opcode;
    size_t bytes; /* of itself */
    uint64_t len; /* of its payload */
    bool longer;  /* its length is written in more bytes than it needs, or in 64 bits */
};

/* ---- what is told and sent ------------------------------------------------------------------- */

static void add_number(struct buffer *out, uint64_t n, unsigned bytes)
{
    while (bytes--) buffer_add_char(out, (char)(n >> (8 * bytes)));
}

void twin_tell(struct buffer *out, struct span message, bool text)
{
    buffer_add_char(out, text ? 't' : 'b');
    add_number(out, message.len, 8);
    buffer_add(out, message.data, message.len);
}

void twin_frame(struct buffer *out, unsigned opcode, struct span payload)
{
    buffer_add_char(out, (char)(0x80 | opcode));
    if (payload.len < 126) {
        buffer_add_char(out, (char)payload.len);
    } else {
        buffer_add_char(out, payload.len <= 0xffff ? 126 : 127);
        add_number(out, payload.len, payload.len <= 0xffff ? 2 : 8);
    }
    buffer_add(out, payload.data, payload.len);
}

static void close_with(struct twin *t, unsigned code)
{
    t->closed = true;
    t->code = code;
}

/* Nobody is hurt by what is not judged before the next byte comes. */
static void open_for_now(struct twin *t)
{
    t->closed = false;
    t->may_be_closed = true;
}

/* ---- UTF-8, by its numbers ------------------------------------------------------------------- */

static bool is_text(struct span s)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t at = 0, bytes; at < s.len; at += bytes) {
        unsigned char first = (unsigned char)s.data[at];
        bytes = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        if (!bytes || first >= 0xf8 || at + bytes > s.len) return false;
        unsigned long point = bytes == 1 ? first : first & (0x7fu >> bytes);
        for (size_t i = 1; i < bytes; i++) {
            unsigned char next = (unsigned char)s.data[at + i];
            if ((next & 0xc0) != 0x80) return false;
            point = point << 6 | (next & 0x3f);
        }
        if (point < least[bytes] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
    }
    return true;
}

/* ---- frames ---------------------------------------------------------------------------------- */

/* false: its bytes are not all there; then only the first two count, if they are. */
static bool read_head(struct span s, struct head *h)
{
    const unsigned char *b = (const unsigned char *)s.data;

    if (s.len < 2) return false;
    unsigned more = (b[1] & 0x7f) == 126 ? 2 : (b[1] & 0x7f) == 127 ? 8 : 0;
    *h = (struct head){
        .fin = b[0] & 0x80,
        .reserved = b[0] & 0x70,
        .opcode = b[0] & 0x0f,
        .masked = b[1] & 0x80,
        .len = b[1] & 0x7f,
        .bytes = 2 + more + (b[1] & 0x80 ? 4 : 0),
    };
    if (s.len < 2 + more) return false;
    if (more) h->len = 0;
    for (unsigned i = 0; i < more; i++) h->len = h->len << 8 | b[2 + i];
    h->longer = (more == 2 && h->len < 126) || (more == 8 && (h->len <= 0xffff || h->len >> 63));
    return s.len >= h->bytes;
}

static bool breaks_rules(const struct head *h, bool in_message)
{
    if (h->longer || h->reserved || !h->masked) return true;
    if (h->opcode >= CLOSE) return h->opcode > PONG || !h->fin || h->len > 125;
    return h->opcode > BINARY || (h->opcode == MORE) != in_message;
}

static void read_close(struct twin *t, struct span payload)
{
    unsigned code;

    if (!payload.len) {
        close_with(t, 0);
        return;
    }
    code = payload.len < 2 ? 0 : (unsigned char)payload.data[0] * 256u +
                                     (unsigned char)payload.data[1];
    if (code < 1000 || code == 1004 || code == 1005 || code == 1006 || code == 1015 ||
        (code > 1015 && code < 3000) || code > 4999)
        close_with(t, 1002);
    else
        close_with(t, is_text((struct span){payload.data + 2, payload.len - 2}) ? code : 1007);
}

static void read_message(struct twin *t, const struct twin_options *o, struct span message,
                         bool text)
{
    if (text && !is_text(message)) {
        close_with(t, 1007);
        return;
    }
    twin_tell(&t->told, message, text);
    if (o->echoes) twin_frame(&t->sent, text ? TEXT : BINARY, message);
    if (++t->messages == o->ends_at) close_with(t, o->end_code);
}

/* The payload without its mask, at the end of `out`. */
static void add_payload(struct buffer *out, const char *mask, const char *data, size_t len)
{
    char *to = buffer_reserve(out, len);

    for (size_t i = 0; i < len; i++) to[i] = (char)(data[i] ^ mask[i % 4]);
    out->len += len;
}

void twin_read(struct twin *t, const struct twin_options *o, struct span in)
{
    struct buffer message = BUFFER_INIT, control = BUFFER_INIT;
    bool in_message = false, text = false;
    struct head h = {0};

    while (!t->closed && read_head(in, &h)) {
        bool is_control = h.opcode >= CLOSE;
        struct buffer *out = is_control ? &control : &message;
        if (breaks_rules(&h, in_message)) close_with(t, 1002);
        else if (!is_control && h.len > o->message_bytes_max - message.len) close_with(t, 1009);
        if (t->closed && h.len && in.len == h.bytes) open_for_now(t);
        if (t->closed || h.len > in.len - h.bytes) break;
        buffer_clear(&control);
        add_payload(out, in.data + h.bytes - 4, in.data + h.bytes, (size_t)h.len);
        in = (struct span){in.data + h.bytes + h.len, in.len - h.bytes - (size_t)h.len};
        struct span got = {out->len ? out->data : "", out->len};
        if (h.opcode == TEXT || h.opcode == BINARY) text = h.opcode == TEXT;
        if (h.opcode == PING) twin_frame(&t->sent, PONG, got);
        if (h.opcode == CLOSE) read_close(t, got);
        if (is_control) continue;
        in_message = !h.fin;
        if (!h.fin) continue;
        read_message(t, o, got, text);
        buffer_clear(&message);
    }
    if (!t->closed && in.len >= 2 && !read_head(in, &h) && breaks_rules(&h, in_message)) {
        close_with(t, 1002);
        open_for_now(t);
    }
    buffer_deinit(&message);
    buffer_deinit(&control);
}

void twin_deinit(struct twin *t)
{
    buffer_deinit(&t->told);
    buffer_deinit(&t->sent);
}
