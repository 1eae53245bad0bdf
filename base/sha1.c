#include "base/sha1.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES 64

static uint32_t turned(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

static void spread(const unsigned char block[BLOCK_BYTES], uint32_t w[80])
{
    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
               (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (unsigned i = 16; i < 80; i++)
        w[i] = turned(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
}

/* FIPS 180-4, section 6.1: the round's function and constant go by its quarter. */
static uint32_t mix(unsigned round, const uint32_t s[5])
{
    uint32_t b = s[1], c = s[2], d = s[3];

    switch (round / 20) {
    case 0: return ((b & c) | (~b & d)) + 0x5a827999;
    case 1: return (b ^ c ^ d) + 0x6ed9eba1;
    case 2: return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
    default: return (b ^ c ^ d) + 0xca62c1d6;
    }
}

static void take_block(uint32_t state[5], const unsigned char block[BLOCK_BYTES])
{
    uint32_t w[80], s[5];

    spread(block, w);
    memcpy(s, state, sizeof s);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t first = turned(s[0], 5) + mix(i, s) + s[4] + w[i];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = turned(s[1], 30);
        s[1] = s[0];
        s[0] = first;
    }
    for (unsigned i = 0; i < 5; i++) state[i] += s[i];
}

void sha1(const void *data, size_t len, unsigned char out[SHA1_BYTES])
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char last[2 * BLOCK_BYTES] = {0};
    const unsigned char *bytes = data;
    size_t left = len;

    for (; left >= BLOCK_BYTES; left -= BLOCK_BYTES, bytes += BLOCK_BYTES) take_block(state, bytes);
    if (left) memcpy(last, bytes, left);
    last[left] = 0x80;
    size_t blocks = left + 9 > BLOCK_BYTES ? 2 : 1; /* the mark, and the length in bits */
    for (unsigned i = 0; i < 8; i++)
        last[blocks * BLOCK_BYTES - 1 - i] = (unsigned char)((uint64_t)len * 8 >> (8 * i));
    for (size_t i = 0; i < blocks; i++) take_block(state, last + i * BLOCK_BYTES);
    for (unsigned i = 0; i < SHA1_BYTES; i++)
        out[i] = (unsigned char)(state[i / 4] >> (24 - i % 4 * 8));
}
