/* base/base64.c — three bytes are four characters. */
#include "base/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_add(struct buffer *b, const void *data, size_t len)
{
    const unsigned char *byte = data;
    char *out = buffer_reserve(b, (len + 2) / 3 * 4);

    for (size_t at = 0; at < len; at += 3, out += 4) {
        size_t left = len - at;
        uint32_t three = (uint32_t)byte[at] << 16;

        if (left > 1) three |= (uint32_t)byte[at + 1] << 8;
        if (left > 2) three |= byte[at + 2];
        out[0] = alphabet[three >> 18];
        out[1] = alphabet[three >> 12 & 63];
        out[2] = left > 1 ? alphabet[three >> 6 & 63] : '=';
        out[3] = left > 2 ? alphabet[three & 63] : '=';
    }
    *out = '\0';
    b->len += (len + 2) / 3 * 4;
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four characters; `used` of them are no padding: 2, 3 or 4. */
static bool decode_group(const char *text, size_t used, unsigned char *out)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < used ? value_of(text[i]) : 0;

        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
    }
    if (used < 4 && bits & (used == 3 ? 0xffU : 0xffffU)) return false;
    for (size_t i = 0; i + 1 < used; i++) out[i] = (unsigned char)(bits >> (16 - 8 * i));
    return true;
}

enum pinion_err base64_decode(struct span text, void *out, size_t *ret_len)
{
    unsigned char *byte = out;
    size_t len = 0;

    if (text.len % 4) return PINION_INVALID;
    for (size_t at = 0; at < text.len; at += 4) {
        const char *group = text.data + at;
        size_t used = 4;

        if (at + 4 == text.len && group[3] == '=') used = group[2] == '=' ? 2 : 3;
        if (!decode_group(group, used, byte + len)) return PINION_INVALID;
        len += used - 1;
    }
    *ret_len = len;
    return PINION_OK;
}
