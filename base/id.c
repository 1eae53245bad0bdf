/* base/id.c — ULIDs.
 *
 *      01KAR5V9QT   8M2N4H6Q   0W7Z9C3X     10 characters: milliseconds
 *       time_ms       high        low        8 + 8 characters of 5 bits: randomness
 *
 * Fresh randomness for a new millisecond, plus one within the same. The topmost random bit starts
 * as zero, so that counting on from there cannot overflow within a millisecond.
 */
#include "base/id.h"
#include "base/random.h"

#include <pthread.h>
#include <stdlib.h>

#define TIME_CHARS  10
#define HALF_CHARS  8
#define HALF_BITS   40
#define HALF_MASK   ((UINT64_C(1) << HALF_BITS) - 1)
#define TIME_MS_MAX ((INT64_C(1) << 48) - 1)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static _Thread_local struct {
    int64_t time_ms;
    uint64_t high, low; /* HALF_BITS each */
} last = {.time_ms = -1};

/* A forked child that counted on from here would make its parent's ids again. */
static void forget_last(void)
{
    last.time_ms = -1;
}

static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, forget_last) != 0) abort();
}

static void start_millisecond(int64_t time_ms)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, watch_forks);
    last.time_ms = time_ms;
    last.high = random_u64() & (HALF_MASK >> 1);
    last.low = random_u64() & HALF_MASK;
}

static void count_on(void)
{
    last.low = (last.low + 1) & HALF_MASK;
    if (last.low == 0) last.high = (last.high + 1) & HALF_MASK;
}

static void encode(char *out, int chars, uint64_t value)
{
    for (int i = chars - 1; i >= 0; i--, value >>= 5) out[i] = alphabet[value & 31];
}

/* Moves on to the next id. A wild clock gives wild ids, but never bad ones. */
static int64_t next_id(int64_t wall_ms)
{
    if (wall_ms < 0) wall_ms = 0;
    if (wall_ms > TIME_MS_MAX) wall_ms = TIME_MS_MAX;
    if (wall_ms == last.time_ms) count_on();
    else start_millisecond(wall_ms);
    return wall_ms;
}

static void write_last(int64_t wall_ms, char out[ID_LEN + 1])
{
    encode(out, TIME_CHARS, (uint64_t)wall_ms);
    encode(out + TIME_CHARS, HALF_CHARS, last.high);
    encode(out + TIME_CHARS + HALF_CHARS, HALF_CHARS, last.low);
    out[ID_LEN] = '\0';
}

void id_new(int64_t wall_ms, char out[ID_LEN + 1])
{
    write_last(next_id(wall_ms), out);
}

void id_new_block(int64_t wall_ms, char out[ID_LEN + 1])
{
    wall_ms = next_id(wall_ms);
    last.low |= ID_BLOCK - 1; /* the rest of this block may have been given in part */
    count_on();
    write_last(wall_ms, out);
    last.low |= ID_BLOCK - 1;
}

void id_in_block(char id[ID_LEN + 1], unsigned i)
{
    encode(id + ID_LEN - ID_BLOCK_CHARS, ID_BLOCK_CHARS, i);
}

/* One more than what each character of the alphabet stands for; 0: it is none of them. A table, for
 * a server reads the time of every job that it claims. */
static const unsigned char digit_plus_one[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5, ['5'] = 6, ['6'] = 7, ['7'] = 8,
    ['8'] = 9, ['9'] = 10, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
    ['G'] = 17, ['H'] = 18, ['J'] = 19, ['K'] = 20, ['M'] = 21, ['N'] = 22, ['P'] = 23, ['Q'] = 24,
    ['R'] = 25, ['S'] = 26, ['T'] = 27, ['V'] = 28, ['W'] = 29, ['X'] = 30, ['Y'] = 31, ['Z'] = 32,
};

/* -1: not a character of the alphabet. */
static int digit_of(char c)
{
    return digit_plus_one[(unsigned char)c] - 1;
}

unsigned id_place_in_block(struct span id)
{
    if (id.len != ID_LEN) return 0;
    int tens = digit_of(id.data[ID_LEN - 2]), ones = digit_of(id.data[ID_LEN - 1]);

    return (unsigned)(tens * 32 + ones) % ID_BLOCK;
}

bool id_time_ms(struct span id, int64_t *ret_ms)
{
    int64_t time_ms = 0;

    if (id.len != ID_LEN || id.data[0] > '7') return false; /* beyond '7' are more than 48 bits */
    for (size_t i = 0; i < ID_LEN; i++) {
        int digit = digit_of(id.data[i]);

        if (digit < 0) return false;
        if (i < TIME_CHARS) time_ms = time_ms << 5 | digit;
    }
    *ret_ms = time_ms;
    return true;
}
