/* base/text.c — spans, numbers and UTF-8. */
#include "base/text.h"

#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){text, text ? strlen(text) : 0};
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool span_is(struct span s, const char *text)
{
    return span_equal(s, span_of(text));
}

bool span_starts(struct span s, const char *prefix)
{
    size_t len = strlen(prefix);

    return s.len >= len && (len == 0 || memcmp(s.data, prefix, len) == 0);
}

struct span span_cut(struct span *rest, char separator)
{
    struct span first = *rest;
    const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;

    if (at) {
        first.len = (size_t)(at - rest->data);
        rest->data = at + 1;
        rest->len -= first.len + 1;
    } else if (rest->data) {
        rest->data += rest->len;
        rest->len = 0;
    }
    return first;
}

enum pinion_err text_parse_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (s.len == 0) return PINION_INVALID;
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') return PINION_INVALID;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value)) return PINION_INVALID;
        if (__builtin_add_overflow(value, (uint64_t)(s.data[i] - '0'), &value))
            return PINION_INVALID;
    }
    if (value < min || value > max) return PINION_INVALID;
    *ret_value = value;
    return PINION_OK;
}

/* How long a character with this first byte is, and what its second byte may be: the narrowed
 * ranges are those that exclude overlong forms, surrogates, and all beyond U+10FFFF. */
static const struct lead {
    unsigned char first, last, len, second_min, second_max;
} leads[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *lead_of(unsigned char byte)
{
    for (size_t i = 0; i < countof(leads); i++)
        if (byte >= leads[i].first && byte <= leads[i].last) return &leads[i];
    return NULL;
}

size_t text_utf8_next(const char *data, size_t len)
{
    const unsigned char *byte = (const unsigned char *)data;
    const struct lead *lead;

    if (len == 0) return 0;
    if (byte[0] < 0x80) return 1;
    lead = lead_of(byte[0]);
    if (!lead || len < lead->len) return 0;
    if (byte[1] < lead->second_min || byte[1] > lead->second_max) return 0;
    for (size_t i = 2; i < lead->len; i++)
        if ((byte[i] & 0xc0) != 0x80) return 0;
    return lead->len;
}

/* How many bytes from the front are ASCII for sure: most text is, and goes by eights. */
static size_t ascii_front(const char *data, size_t len)
{
    size_t done = 0;
    uint64_t eight;

    for (; done + sizeof(eight) <= len; done += sizeof(eight)) {
        memcpy(&eight, data + done, sizeof(eight));
        if (eight & UINT64_C(0x8080808080808080)) break;
    }
    return done;
}

bool text_is_utf8(const char *data, size_t len)
{
    size_t at = 0, step;

    while ((at += ascii_front(data + at, len - at)) < len) {
        step = text_utf8_next(data + at, len - at);
        if (step == 0) return false;
        at += step;
    }
    return true;
}

void text_add_utf8(struct buffer *b, const char *data, size_t len)
{
    size_t step;

    buffer_reserve(b, len);
    for (; len; data += step, len -= step) {
        step = text_utf8_next(data, len);
        if (step) {
            buffer_add(b, data, step);
        } else {
            buffer_add_text(b, "\xef\xbf\xbd");
            step = 1;
        }
    }
}

bool text_is_control(const char *character, size_t len)
{
    unsigned char first = (unsigned char)character[0];

    if (len == 2) return first == 0xc2 && (unsigned char)character[1] < 0xa0;
    return len == 1 && (first < ' ' || first == 0x7f);
}

void text_add_printable(struct buffer *b, const char *data, size_t len)
{
    size_t step;

    buffer_reserve(b, len);
    for (; len; data += step, len -= step) {
        step = text_utf8_next(data, len);
        if (step == 0 || text_is_control(data, step))
            buffer_add_char(b, *data == '\n' ? ' ' : '?');
        else
            buffer_add(b, data, step);
        if (step == 0) step = 1;
    }
}
